"""Broken documents: whoever reads them must answer with a placed problem, never a traceback.

    python tests/corpus/make_bad.py      writes tests/corpus/bad.jsonl

Each line is `{"name", "data_base64", "expect"}`; the data is repeated `repeat` times where that is
given. `expect` is a piece of the first problem.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).with_name("bad.jsonl")

PLAN = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata:
  name: etl-daily
spec:
  project: ranking
  domain: production
  workflow: {name: pipelines.etl, version: v1}
  schedule:
    cron: "0 6 * * *"
  inputs: {count: 3}
"""
"""A document without a fault, which the cases below break."""

SYNTAX = "correct the YAML syntax"

BROKEN_LINES = [
    "bad: [",
    "bad: {",
    "bad: [1, 2",
    "bad: {a: 1",
    "bad: {a: 1]",
    "bad: [1}",
    "bad: ]",
    "bad: }",
    "bad: 'unfinished",
    'bad: "unfinished',
    'bad: "a" b',
    "bad: 'a' b",
    "bad: a: b",
    "bad: - a",
    "bad: %a",
    "bad: @a",
    "bad: `a`",
    "bad: |x",
    "bad: >%",
    "bad: |0\n  a",
    'bad: "\\q"',
    'bad: "\\x1"',
    'bad: "\\u12"',
    'bad: "\\ud800"',
    "bad: &",
    "bad: *",
    "bad: & a",
    "bad: &a &b c",
    "bad: !<x",
    "bad: !x!y z",
    "bad: [a, , b]",
    "bad: [,]",
    "bad: {,}",
    "bad: [1] 2",
    "bad: {a: 1} b",
    "bad: {a: 1}}",
    "bad: [a:]",
    "bad",
    "bad words",
    "- bad",
    " bad: 1",
    "    bad: 1",
    "\tbad: 1",
    "bad:\n\t- 1",
    "bad:\n  a: 1\n bad: 2",
    "bad:\n    - 1\n  - 2",
    "bad:\n  - 1\n  bad: 2",
    "bad: a\n  b: c",
    "bad: 'a\n...\n'",
    "? bad: [",
    "%YAML 1.1",
    "--- [",
    "...\nbad: 1",
    "{",
    "[",
    '"',
    "'",
]

BROKEN_WHOLES = [
    "{{ if .Values.enabled }}\nkind: A\n{{ end }}\n",
    "kind: {{ .Values.kind }}\nname: {{ x\n",
    "<<<<<<< HEAD\nkind: A\n=======\nkind: B\n>>>>>>> theirs\n",
    '{"kind": "A"',
    '{"kind": "A",,}',
    '{"kind" "A"}',
    '{"kind": "A"} {"kind": "B"}',
    '{"kind": "A"}}',
    '{"kind": "A]',
    '{"kind": [1, 2}',
    "{'kind': \"A'}",
    '{"a": "\\u12"}',
    '{"a": "\\ud83d"}',
    '{"a": "\\x"}',
    "%YAML 1.1\n%YAML 1.1\n---\na: 1\n",
    "%TAG !\n---\na: 1\n",
    "%YAML 2.0\n---\na: 1\n",
    "%YAML x\n---\na: 1\n",
    "%YAML 1.1\na: 1\n",
    "a: 1\n- b\n",
    "- a\nb: 1\n",
    "a: 1\n---\nb: [\n---\nc: 1\n",
    "a:\n  - b\n c\n",
    "[a, b]: {c\n",
    "x" * 2000 + ": 1\n? [\n",
    "'" * 1001,
    '"' * 1001,
    "!" * 5000 + " [",
    "&" * 100,
    "*" * 100,
    "{" * 50,
    "[" * 50,
    "[{" * 20 + "]",
    ": : :\n- - -\n? ?",
    "@",
    "`",
    "%",
]

NOT_MAPPINGS = {
    "- a\n": "a list",
    "[]\n": "a list",
    "text\n": "text",
    "'text'\n": "text",
    "12\n": "a number",
    "1.5\n": "a number",
    "true\n": "a boolean",
    "yes\n": "a boolean",
    "~\n": "null",
    "null\n": "null",
    "'': \n--- 1\n": "a number",
    "kind\n": "text",
    "|\n  kind: A\n": "text",
    "kind= A\n": "text",
    "<html><body>Sign in</body></html>\n": "text",
    "404 page not found\n": "text",
    "version https\n": "text",
    "[kind, A]\n": "a list",
}

UNKNOWN_TAGS = [
    "!!python/object/apply:os.system ['true']",
    "!!python/object:os.system {}",
    "!!python/name:os.system ''",
    "!!python/module:os ''",
    "!!python/object/new:os.system [a]",
    "!!python/tuple [1, 2]",
    "!!python/str a",
    "!!python/bytes a",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!pairs [a: 1]",
    "!!value =",
    "!!yaml a",
    "!secret a",
    "!Ref a",
    "!vault |\n    abc",
    "!!map [1]",
    "!!seq {a: 1}",
    "!!str {a: 1}",
    "!!str [1]",
    "!<tag:example.com,2024:x> 1",
]

WRONG_TAGS = {
    "!!int a": "!!int",
    "!!int 1.5": "!!int",
    "!!int ''": "!!int",
    "!!float a": "!!float",
    "!!bool 1": "!!bool",
    "!!bool maybe": "!!bool",
    "!!null a": "!!null",
    "!!timestamp noon": "!!timestamp",
    "!!timestamp 12": "!!timestamp",
    "!!binary '%'": "!!binary",
    "!!binary a": "!!binary",
    "!!binary /w==": "!!binary",
}

BAD_KEYS = {
    "~: 1": "a key is null",
    "null: 1": "a key is null",
    "? \n  : 1": "a key is null",
    "!!null '': 1": "a key is null",
    "[a]: 1": "a key is a list",
    "{a: b}: 1": "a key is a mapping",
    "? [a, b]\n  : 1": "a key is a list",
    "? {a: 1}\n  : 1": "a key is a mapping",
    "? - a\n  : 1": "a key is a list",
    "9223372036854775808: 1": "a key is the number",
    "{[a]: 1}: 1": "a key is a list",
    "a: &x [1]\n  *x : 1": "a key is a list",
    "a: &x {b: 1}\n  *x : 1": "a key is a mapping",
}

NON_FINITE = [
    ".inf",
    "-.inf",
    "+.Inf",
    ".nan",
    ".NaN",
    "!!float .inf",
    "&x .INF",
    "[1, .nan]",
    "{a: -.INF}",
]

DUPLICATES = [
    "a: 1\na: 2\n",
    "a: 1\nb: 2\na: 1\n",
    "{a: 1, a: 2}\n",
    '{"a": 1, "a": 2}\n',
    "a: 1\n'a': 2\n",
    'a: 1\n"a": 2\n',
    "1: a\n'1': b\n",
    "01: a\n1: b\n",
    "0x1: a\n1: b\n",
    "1.0: a\n1: b\n",
    "yes: a\non: b\n",
    "true: a\n'true': b\n",
    "y: a\n'true': b\n",
    "a:\n  b: 1\n  c: 2\n  b: 3\n",
    "a:\n- b: 1\n  b: 2\n",
    "a: [{b: 1, b: 2}]\n",
    "a: {b: {c: 1, c: 2}}\n",
    "a: &x k\nk: 1\n*x : 2\n",
    "? a\n? a\n",
    "a:\na:\n",
    "{a, a}\n",
    "a: 1\n? a\n: 2\n",
    "a: 1\n\na: 2\n---\nb: 1\n",
]

MERGES = ["1", "text", "[1]", "[[{a: 1}]]", "", "~", "[{a: 1}, b]"]


def cases() -> Iterator[tuple[str, bytes, str]]:
    """Name, data and a piece of the first problem."""
    for number, line in enumerate(BROKEN_LINES):
        yield f"syntax-line-{number:02}", f"{PLAN}{line}\n".encode(), SYNTAX
        if number % 2:
            yield f"syntax-first-{number:02}", f"{line}\n{PLAN}".encode(), ""
    for number, text in enumerate(BROKEN_WHOLES):
        yield f"syntax-whole-{number:02}", text.encode(), ""
    for number, cut in enumerate((70, 121, 165, 200)):
        yield f"cut-{number:02}", (PLAN[:cut] + ": [").encode(), ""
    for number, (text, kind) in enumerate(NOT_MAPPINGS.items()):
        yield f"not-a-mapping-{number:02}", text.encode(), f"the document is {kind}, not a mapping"
    for number, tag in enumerate(UNKNOWN_TAGS):
        yield f"unknown-tag-{number:02}", f"{PLAN}  labels: {tag}\n".encode(), "is not known"
    for number, (text, tag) in enumerate(WRONG_TAGS.items()):
        yield f"wrong-tag-{number:02}", f"{PLAN}  labels: {text}\n".encode(), tag
    for number, (text, expect) in enumerate(BAD_KEYS.items()):
        yield f"key-{number:02}", f"spec:\n  {text}\n".encode(), expect
    for number, text in enumerate(NON_FINITE):
        yield f"non-finite-{number:02}", f"{PLAN}  labels: {text}\n".encode(), "no such number"
    for number, text in enumerate(DUPLICATES):
        yield f"duplicate-key-{number:02}", text.encode(), "the key is written twice, first in line"
    for number, text in enumerate(MERGES):
        yield f"merge-{number:02}", f"a:\n  <<: {text}\n".encode(), "the merge key << takes"
    yield from _aliases()
    yield from _bytes()
    yield from _depths()


def _aliases() -> Iterator[tuple[str, bytes, str]]:
    def laughs(first: str, item: str, count: int) -> bytes:
        lines = [f"a0: &a0 {first}"]
        lines += [f"a{n}: &a{n} " + item.replace("*", f"*a{n - 1}") for n in range(1, count)]
        return "\n".join(lines).encode()

    expand = "the aliases of this document expand to more than"
    yield "laughs-lists", laughs("[x, x]", "[*, *, *, *, *, *, *, *, *]", 10), expand
    yield "laughs-mappings", laughs("{x: 1}", "{a: *, b: *, c: *}", 60), expand
    yield "laughs-long-text", laughs("x" * 5000, "[*, *, *, *]", 12), expand
    yield "laughs-merge", laughs("{x: {y: 1}}", "{<<: *, b: *, c: *}", 60), expand
    yield "laughs-deep", laughs("[]", "[*]", 300), expand
    yield "laughs-wide", b"a: &a [1]\nb: [" + b"*a, " * 6000 + b"1]", expand
    yield "laughs-keys", b"a: &a {" + b"k" * 900 + b": 1}\nb: [" + b"*a, " * 2000 + b"1]", expand
    for number, text in enumerate(
        (
            "a: &x [*x]",
            "a: &x {b: *x}",
            "&x a: {b: &y [*y]}",
            "a: &x\n  b:\n  - c: *x\n",
            "a: &x {<<: *x}",
        )
    ):
        yield f"cycle-{number:02}", text.encode(), "contains itself"
    for number, text in enumerate(
        (
            "a: *x",
            "a: [*x, &x 1]",
            "*x : 1",
            "a: {<<: *x}",
            "a: &x 1\n---\nb: *x",
            "cron: */5 * * * *",
        )
    ):
        yield f"no-anchor-{number:02}", text.encode(), "names no anchor" if "/" not in text else ""


def _bytes() -> Iterator[tuple[str, bytes, str]]:
    plan = PLAN.encode()
    for name, data in {
        "latin-1": "name: Zürich".encode("latin-1"),
        "cut-character": "name: ü".encode()[:-1],
        "overlong": b"name: \xc0\xaf",
        "surrogate": b"name: \xed\xa0\x80",
        "five-bytes": b"name: \xf8\x88\x80\x80\x80",
        "beyond-unicode": b"name: \xf4\x90\x80\x80",
        "continuation": b"name: \x80",
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        "png": b"\x89PNG\r\n\x1a\n\x00\x00",
        "shift-jis": "name: 日本".encode("shift-jis"),
        "late": plan + b"  description: caf\xe9\n",
    }.items():
        yield f"not-utf8-{name}", data, "is not UTF-8"
    yield "utf-16", PLAN.encode("utf-16"), "the file is UTF-16"
    yield "utf-16-be", b"\xfe\xff" + PLAN.encode("utf-16-be"), "the file is UTF-16"
    yield "utf-16-no-mark", PLAN.encode("utf-16-le"), "U+0000"
    yield "utf-32", PLAN.encode("utf-32"), "the file is UTF-16"
    for code in (0, 1, 7, 8, 11, 12, 14, 27, 31, 127, 0x80, 0x9F, 0xFEFF, 0xFFFE, 0xFFFF):
        text = f"{PLAN}  description: a{chr(code)}b\n"
        yield f"character-{code:04x}", text.encode(), f"the character U+{code:04X} is not allowed"
    yield "nul-only", b"\0" * 100, "U+0000"
    yield "elf", b"\x7fELF\x02\x01\x01" + b"\0" * 50, "U+007F"
    yield "tar", b"file.yaml" + b"\0" * 91 + b"0000644\0", "U+0000"
    yield "zip", b"PK\x03\x04\x14\x00\x00\x00", "U+0003"
    yield "ansi-colours", b"\x1b[32mkind: A\x1b[0m", "U+001B"
    yield "empty", b"", "the file is empty"
    yield "blank", b"\n \n\n", "the file is empty"
    yield "tabs-only", b"\t\t\n", "the file is empty"
    yield "mark-only", b"\xef\xbb\xbf", "the file is empty"


def _depths() -> Iterator[tuple[str, bytes, str]]:
    deep = "nest deeper than 100 levels"
    yield "deep-lists", b"a: " + b"[" * 1000 + b"]" * 1000, deep
    yield "deep-open", b"[" * 2_000, deep
    yield "deep-mappings", b"{a: " * 1000 + b"1" + b"}" * 1000, deep
    yield "deep-json", b'{"a":' * 1000 + b"1" + b"}" * 1000, deep
    yield "deep-dashes", b"a:\n" + b"- " * 1000 + b"1", deep
    yield "deep-questions", b"? " * 1000 + b"1", deep
    yield "deep-blocks", "\n".join(" " * n + "a:" for n in range(300)).encode(), deep
    yield "deep-mixed", b"[{a: " * 200 + b"1" + b"}]" * 200, deep
    yield "deep-anchors", b"".join(b"&a%d [" % n for n in range(300)) + b"]" * 300, deep
    yield "deep-keys", b"{" * 300 + b"a" + b": 1}" * 300, deep
    yield "deep-one-more", b"a: " + b"[" * 100 + b"]" * 100, deep


HUGE = [
    ("huge-list", b"- x: [\n", 800_000, "larger than the limit"),
    ("huge-comment", b"# a: [1, 2, 3\n- [", 400_000, "larger than the limit"),
    ("huge-nul", b"\0", 6_000_000, "larger than the limit"),
    ("huge-line", b"[x", 3_000_000, "larger than the limit"),
    ("many-lists", b"- [", 500_000, ""),
    ("many-flows", b"[[a,", 400_000, "nest deeper"),
    ("many-quotes", b"'a''", 300_001, ""),
    ("many-tags", b"!a ", 300_000, ""),
    ("many-keys", b"? a\n", 2_000, "the key is written twice"),
    ("many-documents", b"--- 1\n", 2_000, "the document is a number"),
]


def lines() -> list[dict[str, object]]:
    """The lines of the corpus."""
    found: list[dict[str, object]] = [
        {"name": name, "data_base64": base64.b64encode(data).decode(), "expect": expect}
        for name, data, expect in cases()
    ]
    found += [
        {
            "name": name,
            "data_base64": base64.b64encode(data).decode(),
            "repeat": repeat,
            "expect": expect,
        }
        for name, data, repeat, expect in HUGE
    ]
    return found


if __name__ == "__main__":
    CORPUS.write_text("".join(json.dumps(line) + "\n" for line in lines()), encoding="utf-8")
