"""The loader beside kubectl, its places, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.origin import Origin
from reconciler.sources import yaml as sources_yaml
from reconciler.sources.events import scan
from reconciler.sources.yaml import parse

if TYPE_CHECKING:
    from types import ModuleType

TESTS = Path(__file__).parents[2]
ORACLE = TESTS / "oracle" / "yaml"

# What kubectl takes and we refuse, by a piece of the message, and why.
STRICTER = {
    "written twice": "kubectl keeps one of them, and which one is chance when 1 and '1' meet",
    "not a mapping": "kubectl fails on these later, or skips a document that is null",
    "is not known": "kubectl drops unknown tags and reads text",
    "found unexpected ':'": "libyaml does not read `[a:]`, which go-yaml reads as text",
    "did not find expected <document start>": "kubectl drops what stands behind a first document",
    "U+FEFF": "kubectl keeps a byte order mark that stands inside the text",
    r"a: \"\\'\"": r"libyaml does not know the escape \' that go-yaml reads",
}
# What kubectl refuses and we read: JSON escapes, which kubectl reads in texts that start with `{`.
MORE_LENIENT = {'a: "\\/"', '{"a": "\\/x"}', '{"a": "\\ud83d\\ude00"}'}


@cache
def recorded() -> tuple[dict[str, str], ...]:
    with (TESTS / "corpus" / "kubectl.jsonl").open(encoding="utf-8", newline="\n") as lines:
        return tuple(json.loads(line) for line in lines)


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: 1, 1.0 and true are three things."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def read(text: str) -> tuple[list[Any], list[str]]:
    documents, problems = parse(text.encode(), file="f.yaml")
    return [document.value for document in documents], [str(problem) for problem in problems]


def oracle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle_yaml_texts", ORACLE / "texts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_loader_reads_what_kubectl_reads() -> None:
    assert len(recorded()) >= 1000
    wrong = []
    for answer in recorded():
        values, problems = read(answer["text"])
        if "json" not in answer:
            if not problems and answer["text"] not in MORE_LENIENT:
                wrong.append((answer["text"], "kubectl refuses it", answer["error"], values))
            continue
        expected = json.loads(answer["json"])
        if problems:
            known = [
                key
                for key in STRICTER
                if key in problems[0] or key == json.dumps(answer["text"])[1:-1]
            ]
            if not known:
                wrong.append((answer["text"], "kubectl reads it", answer["json"], problems))
        elif not any(
            same(expected, found) for found in (values[0] if values else None, as_list(values))
        ):
            wrong.append((answer["text"], "kubectl reads otherwise", answer["json"], values))
    assert wrong == []


def as_list(values: list[Any]) -> Any:
    """The object that `kubectl get -o yaml` would wrap around these."""
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": values,
        "metadata": {"resourceVersion": ""},
    }


def test_every_exception_to_kubectl_is_met_in_the_corpus() -> None:
    refused = [
        (json.dumps(answer["text"])[1:-1], problems[0])
        for answer in recorded()
        if "json" in answer and (problems := read(answer["text"])[1])
    ]
    unused = [
        key
        for key in STRICTER
        if not any(key in problem or key == text for text, problem in refused)
    ]
    assert unused == []
    texts = {answer["text"] for answer in recorded() if "error" in answer}
    assert texts >= MORE_LENIENT


def test_recorded_answers_are_those_of_the_oracle() -> None:
    if shutil.which("go") is None:
        pytest.skip(
            "go is not on the PATH, so the recorded answers of kubectl were not asked again"
        )
    module = oracle()
    assert [answer["text"] for answer in recorded()] == module.texts()
    assert list(recorded()) == module.ask(module.texts())


def test_scanner_without_libyaml_reads_the_same_or_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml.__with_libyaml__, "the comparison needs both scanners"
    for answer in recorded():
        documents, problems = parse(answer["text"].encode(), file="f.yaml")
        with monkeypatch.context() as patch:
            patch.setattr(sources_yaml, "scan", lambda content: scan(content, pure=True))
            others, faults = parse(answer["text"].encode(), file="f.yaml")
        if problems or faults:
            continue
        assert [d.value for d in documents] == [d.value for d in others]
        for document, other in zip(documents, others, strict=True):
            assert dict(document.values) == dict(other.values)
            assert dict(document.keys) == dict(other.keys)


def test_places_are_those_of_the_text() -> None:
    text = "# head\nkind: A\nspec:\n  inputs: {n: 3, 'm x': [4, yes]}\n  - bad\n"
    _, problems = parse(text.encode(), file="specs/a.yaml")
    assert problems[0].origin == Origin("specs/a.yaml", 5, 3)
    (document,), problems = parse(text.replace("  - bad\n", "").encode(), file="specs/a.yaml")
    assert not problems
    assert document.origin == Origin("specs/a.yaml", 2, 1)
    assert document.at(("spec", "inputs", "m x", 0)) == Origin("specs/a.yaml", 4, 26)
    assert document.key_at(("spec", "inputs", "m x")) == Origin("specs/a.yaml", 4, 18)
    assert document.at(("spec", "inputs", "unknown", 3)) == Origin("specs/a.yaml", 4, 11)


def test_words_read_as_booleans_are_known_for_keys_and_values_apart() -> None:
    text = "n: 1\na: {b: on, c: 'on', d: true}\nx: &x Yes\nz: *x\n'off': no\nY:\n"
    (document,), _ = parse(text.encode(), file="f")
    assert dict(document.key_words) == {("false",): "n", ("true",): "Y"}
    assert dict(document.words) == {
        ("a", "b"): "on",
        ("x",): "Yes",
        ("z",): "Yes",
        ("off",): "no",
    }


def test_merged_values_keep_the_place_where_they_were_written() -> None:
    (document,), problems = parse(b"a: &x {b: 1, c: 2}\nd:\n  c: 0\n  <<: *x\n  b: 3\n", file="f")
    assert not problems
    assert document.value["d"] == {"c": 2, "b": 3}
    assert document.at(("d", "c")) == Origin("f", 1, 17)
    assert document.at(("d", "b")) == Origin("f", 5, 6)


def test_aliases_do_not_share_values() -> None:
    (document,), _ = parse(b"a: &x {b: [1]}\nc: *x\n", file="f")
    value: Any = document.value
    assert value["a"] == value["c"]
    assert value["a"] is not value["c"]
    assert value["a"]["b"] is not value["c"]["b"]


def test_all_problems_of_a_file_come_at_once_and_in_order() -> None:
    text = "a: 1\na: 2\nb: .nan\n? [c]\n: 1\n---\n- 1\n---\nd: *e\n---\nok: 1\n---\nf: 'x\n"
    values, problems = read(text)
    assert [problem.split(": ")[0] for problem in problems] == [
        "f.yaml:2:1",
        "f.yaml:3:4",
        "f.yaml:4:3",
        "f.yaml:7:1",
        "f.yaml:9:4",
        "f.yaml:14:1",
    ]
    assert values[-1] == {"ok": 1}
    assert "first in line 1, column 1" in problems[0]


def test_items_of_a_list_come_one_by_one_with_their_places() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- kind: A\n- kind: B\n  spec: {m: 1}\n"
    documents, problems = parse(text.encode(), file="-")
    assert not problems
    assert [document.value["kind"] for document in documents] == ["A", "B"]
    assert documents[1].origin == Origin("-", 5, 3)
    assert documents[1].at(("spec", "m")) == Origin("-", 6, 13)


def test_surrogate_escapes_of_json_are_one_character_and_columns_stay_true() -> None:
    text = '{"a\\\\ud83d": "\\ud83d\\ude00", "b": ["\\uD83D\\uDE00\\ud83d\\ude00", 1],\n "c": .inf}'
    documents, problems = parse(text.encode(), file="f.json")
    assert documents[0].value["b"] == ["😀😀", 1]
    assert documents[0].at(("b", 1)).column == text.index(" 1]") + 2
    assert documents[0].at(("b",)).column == text.index("[") + 1
    assert [problem.origin for problem in problems] == [Origin("f.json", 2, 7)]


def test_aliases_are_bounded_in_nodes_characters_and_depth() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
    )
    long = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 50)}]\n"
    deep = "a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 120))
    for text in (laughs, long, deep):
        values, problems = read(text)
        assert values == []
        assert len(problems) == 1
        assert "aliases of this document expand" in problems[0]


def test_depth_of_a_hundred_is_read_and_more_is_refused() -> None:
    assert read("a: " + "[" * 99 + "]" * 99)[1] == []
    _, problems = read("a: " + "[" * 100 + "]" * 100)
    assert problems == [
        "f.yaml:1:103: mappings and lists nest deeper than 100 levels; write it flatter"
    ]
    assert len(read("a:\n" + "\n".join(" " * n + "b:" for n in range(1, 200)))[1]) == 1


def test_size_limit_is_told() -> None:
    documents, problems = parse(b"a: 1 # " + b"x" * 100, file="f", max_bytes=50)
    assert documents == ()
    assert str(problems[0]) == "f:1:1: the file is larger than the limit of 50 bytes; split it"


@pytest.mark.parametrize(
    ("data", "place", "piece"),
    [
        (b"a: 1\nb: \xff\xfe", "f:2:4", "0xff is not UTF-8"),
        ("a: ü\n".encode("utf-16"), "f:1:1", "UTF-16"),
        (b"a: 1\r\nb: \x00", "f:2:4", "U+0000"),
        (b"a: \x1b[0m", "f:1:4", "U+001B"),
        (b"", "f:1:1", "empty"),
        (b" \n\n", "f:1:1", "empty"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(
    data: bytes, place: str, piece: str
) -> None:
    documents, problems = parse(data, file="f")
    assert documents == ()
    assert [str(problem.origin) for problem in problems] == [place]
    assert piece in problems[0].message


def test_byte_order_mark_of_utf8_is_accepted() -> None:
    (document,), problems = parse(b"\xef\xbb\xbfa: 1", file="f")
    assert not problems
    assert document.value == {"a": 1}
    assert document.key_at(("a",)) == Origin("f", 1, 1)


def test_comments_alone_are_no_document_and_no_problem() -> None:
    assert read("# nothing yet\n---\n# nor here\n") == ([], [])


def test_tags_construct_nothing() -> None:
    values, problems = read("a: !!python/object/apply:os.system ['exit 1']\nb: !!set {c}\n")
    assert values == [{"a": ["exit 1"], "b": {"c": None}}]
    assert [problem.split(": ")[0] for problem in problems] == ["f.yaml:1:4", "f.yaml:2:4"]


def test_thousand_documents_are_read_in_a_fraction_of_a_second() -> None:
    one = (
        "kind: A\nspec:\n"
        + "".join(f"  field{n}: {{a: text, b: [1, yes]}}\n" for n in range(28))
        + "---\n"
    )
    start = time.process_time()
    documents, problems = parse((one * 1000).encode(), file="f")
    assert (len(documents), problems) == (1000, ())
    # Far above what it takes (0.3 s), far below what a quadratic step would take.
    assert time.process_time() - start < 5


KEYS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=8
)


@given(
    st.dictionaries(KEYS, st.one_of(st.integers(), KEYS, st.lists(KEYS)), max_size=6),
    st.integers(0, 4),
)
def test_places_point_at_the_text(value: dict[str, Any], indent: int) -> None:
    text = (
        json.dumps(value, ensure_ascii=False, indent=indent)
        .replace("\u2028", "")
        .replace("\u2029", "")
    )
    if "\ufeff" in text:
        return
    (document,), problems = parse(text.encode(), file="f")
    assert not problems
    lines = text.split("\n")
    for path, origin in document.keys.items():
        found = lines[origin.line - 1][origin.column - 1 :]
        assert found.startswith(json.dumps(path[-1], ensure_ascii=False))
    for path, origin in document.values.items():
        node: Any = document.value
        for step in path:
            node = node[step]
        found = lines[origin.line - 1][origin.column - 1 :]
        assert found.startswith(json.dumps(node, ensure_ascii=False)[:1])
