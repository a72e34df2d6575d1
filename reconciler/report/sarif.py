"""Findings as SARIF 2.1.0, for code scanning, within the limits of the forges."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from reconciler.model.document import Json
from reconciler.report.findings import Finding, Level, findings
from reconciler.report.quoting import seen
from reconciler.report.rules import RULES, Rule
from reconciler.report.subject import Subject

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5000
"""Results that GitHub keeps of one run; of those that it takes, the worst."""
_LONGEST = 1000
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"}
_TOOL = "reconcile"
_BASE = "%SRCROOT%"


def sarif(subject: Subject, *, version: str) -> dict[str, Json]:
    """Write one run; `version` is that of this program.

    Results beyond what is kept are counted in a last result, which takes the place of one.
    """
    every = findings(subject)
    shown = _within_limits(every)
    used = sorted({one.rule for one in shown})
    marks: Counter[str] = Counter()
    results: list[Json] = [
        _result(one, subject, index=used.index(one.rule), marks=marks) for one in shown
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": _TOOL,
                        "semanticVersion": version,
                        "rules": [_rule(RULES[name]) for name in used],
                    }
                },
                "automationDetails": {"id": f"reconcile/{subject.topic}/{subject.target}/"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {_BASE: {"description": {"text": "The repository."}}},
                "invocations": [
                    {"executionSuccessful": subject.is_check or subject.plan is not None}
                ],
                "results": results,
            }
        ],
    }


def _within_limits(every: Sequence[Finding]) -> tuple[Finding, ...]:
    if len(every) <= MOST_RESULTS:
        return tuple(every)
    left = every[MOST_RESULTS - 1 :]
    counts = Counter(one.rule for one in left)
    listed = ", ".join(f"{count:,} of {rule}" for rule, count in sorted(counts.items()))
    more = Finding(
        rule="report/more",
        level=min(one.level for one in left),
        message=f"{len(left):,} more findings are not shown here: {listed}",
        about=("more",),
    )
    return (*every[: MOST_RESULTS - 1], more)


def _rule(rule: Rule) -> dict[str, Json]:
    return {
        "id": rule.id,
        "name": "".join(part.title() for part in rule.id.replace("-", "/").split("/")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}."},
        "help": {"text": rule.help},
    }


def _result(one: Finding, subject: Subject, *, index: int, marks: Counter[str]) -> dict[str, Json]:
    return {
        "ruleId": one.rule,
        "ruleIndex": index,
        "level": _LEVELS[one.level],
        "message": {"text": _message(one.message)},
        "locations": [_location(one, subject)],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(one, subject, marks)},
    }


def _message(text: str) -> str:
    """Write a message as plain text: brackets would be read as links to places."""
    lines = [seen(line) for line in text.splitlines()]
    shown = "\n".join(lines).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1].rstrip(chr(92))}…"


def _location(one: Finding, subject: Subject) -> dict[str, Json]:
    origin = one.origin
    name = subject.file(origin.file) if origin is not None else subject.file("reconcile.yaml")
    place: dict[str, Json] = {"uri": quote(name)}
    if not name.startswith("/"):
        place["uriBaseId"] = _BASE
    region: dict[str, Json] = {"startLine": max(origin.line, 1) if origin else 1}
    if origin is not None and origin.column:
        region["startColumn"] = origin.column
    return {"physicalLocation": {"artifactLocation": place, "region": region}}


def _fingerprint(one: Finding, subject: Subject, marks: Counter[str]) -> str:
    """Name a finding by what it is about: it stays the same when lines move."""
    name = _hash((subject.topic, subject.target, one.rule, *one.about))
    marks[name] += 1
    return f"{name}:{marks[name]}"


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
