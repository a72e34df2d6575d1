"""`reconcile get runs`, `nodes` and `signals` in every form, with every filter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from fake_runs_kit import NOON, PLACE, FakeRunning, a_run
from published_kit import validator
from run_cli_kit import Command

from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Attempt, Gate, Mode, Phase, RunId, Step

ELSEWHERE = Place("team-a", "production")


def names(call: Command, *arguments: str) -> list[str]:
    said = call("get", *arguments, "-o", "name")
    assert said.code == 0, said.err
    return said.out.split()


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    task = Reference(what=What.TASKS, name="etl.load", version="v2")
    fake.all = [
        a_run("a", Phase.SUCCEEDED, minutes=1, mode=Mode.SCHEDULED, scheduled_at=NOON),
        a_run("b", Phase.FAILED, minutes=2, cause="it broke\nbadly", updated_at=NOON),
        a_run("c", Phase.RUNNING, minutes=3, entity=task, created_by="ada"),
        a_run("d", Phase.ABORTED, minutes=4, is_archived=True),
        a_run("e", Phase.QUEUED, minutes=5, place=ELSEWHERE),
    ]


def test_runs_come_the_newest_first_and_filtered(call: Command) -> None:
    assert names(call, "runs") == ["c", "b", "a"]
    assert names(call, "executions", "-A") == ["e", "c", "b", "a"]
    assert names(call, "ex", "--project", "team-*", "--domain", "*", "-A") == ["e"]
    assert names(call, "run", "--archived") == ["d", "c", "b", "a"]
    assert names(call, "runs", "--phase", "SUCCEEDED,failed") == ["b", "a"]
    assert names(call, "runs", "--phase", "open") == ["c"]
    assert names(call, "runs", "--mode", "scheduled") == ["a"]
    assert names(call, "runs", "--launchplan", "orders", "--version", "v1") == ["b", "a"]
    assert names(call, "runs", "--launchplan", "orders", "--version", "v2") == []
    assert names(call, "runs", "--task", "etl.load") == ["c"]
    assert names(call, "runs", "--by", "ada") == ["c"]
    assert names(call, "runs", "--limit", "1") == ["c"]
    assert names(call, "runs", "a", "--name", "b*") == ["b", "a"]
    assert names(call, "runs", "--sort", "name") == ["a", "b", "c"]
    assert names(call, "runs", "--sort", "-phase", "--limit", "2") == ["a", "c"]


def test_time_filters_include_after_and_exclude_before(call: Command, fake: FakeRunning) -> None:
    at = "2026-05-01T12:02:00Z"
    assert names(call, "runs", "--created-after", at) == ["c", "b"]
    assert names(call, "runs", "--created-before", at) == ["a"]
    before = NOON - timedelta(seconds=1)
    fake.all = [replace(one, updated_at=one.updated_at or before) for one in fake.all]
    assert names(call, "runs", "--updated-after", "2026-05-01T12:00:00Z") == ["b"]
    assert names(call, "runs", "--updated-before", "2026-05-01T12:00:00Z") == ["c", "a"]


def test_change_that_a_list_does_not_tell_is_left_to_the_server(call: Command) -> None:
    assert names(call, "runs", "--updated-before", "2026-05-01T12:00:00Z") == ["c", "a"]


def test_name_that_is_not_there_is_an_error_and_a_glob_is_not(call: Command) -> None:
    said = call("get", "runs", "a", "zz")
    assert said.code == 1
    assert said.err == ("error: runs: zz: not found; see `reconcile get runs`, and --archived\n")
    assert call("get", "runs", "z*").err == "no runs found\n"
    assert call("get", "runs", "b", "--phase", "running").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tasks", "--phase", "failed"), "--phase: tasks have no such thing; leave it out"),
        (("runs", "--state", "active"), "--state: runs have no such thing; leave it out"),
        (("runs", "--tree"), "--tree: runs are in no tree; leave it out"),
        (("nodes", "a", "--mode", "manual"), "--mode: steps are not told apart by it"),
        (("nodes",), "get nodes: names no run; name the run whose nodes are listed"),
        (("signals", "--phase", "open"), "--phase: signals have none; leave it out"),
        (("runs", "--label", "x"), "--label: x: is not K=V"),
        (("runs", "--task", "a", "--trigger", "b"), "--task and --trigger: a run is started"),
        (("runs", "--version", "v1"), "--version: says which version of what was started"),
        (("runs", "--sort", "age"), "--sort: age: runs are sorted by created, updated, "),
        (("runz",), "runz: is no kind that can be listed; write one of projects, "),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Command, arguments: tuple[str, ...], message: str
) -> None:
    said = call("get", *arguments)
    assert said.code == 1
    assert message in said.err
    assert said.out == ""


def test_table_shows_what_a_list_tells(call: Command) -> None:
    said = call("get", "runs", "a", "b")
    head, second, first = said.out.splitlines()
    assert head.split() == [
        *("PROJECT", "DOMAIN", "NAME", "PHASE", "MODE", "OF", "VERSION"),
        *("SCHEDULED", "CREATED", "CAUSE"),
    ]
    assert first.split()[2:7] == ["a", "succeeded", "scheduled", "orders", "v1"]
    assert second.endswith("it broke badly")
    assert said.err == ""


def test_documents_are_as_published(call: Command) -> None:
    said = call("get", "runs", "-o", "json")
    assert said.code == 0, said.err
    found = said.json()
    validator("get").validate(found)
    assert found["list"] == "runs"
    assert found["items"][1] == {
        "kind": "run",
        "project": "flytesnacks",
        "domain": "development",
        "name": "b",
        "phase": "failed",
        "mode": "manual",
        "entity": {
            "kind": "launch plan",
            "project": "flytesnacks",
            "domain": "development",
            "name": "orders",
            "version": "v1",
        },
        "createdAt": "2026-05-01T12:02:00Z",
        "updatedAt": "2026-05-01T12:00:00Z",
        "cause": "it broke\nbadly",
        "console": "https://console/flytesnacks/development/b",
    }
    assert yaml.safe_load(call("get", "runs", "-o", "yaml").out) == found


def tree() -> tuple[Step, ...]:
    inner = Step(id="n0-0-n0", name="extract", phase=Phase.SUCCEEDED, does="task")
    outer = Step(
        id="n0",
        name="sub",
        phase=Phase.FAILED,
        does="workflow",
        cause="broke",
        attempts=(Attempt(number=1, phase=Phase.FAILED), Attempt(number=2, phase=Phase.FAILED)),
        child=RunId(PLACE, "kid"),
        inside=(inner,),
    )
    return (outer, Step(id="n1", phase=Phase.QUEUED, does="gate"))


def test_nodes_are_listed_flat_and_as_a_tree(call: Command, fake: FakeRunning) -> None:
    fake.trees["c"] = tree()
    assert names(call, "nodes", "c") == ["n0", "n0-0-n0", "n1"]
    assert names(call, "actions", "c", "extract", "n1") == ["n0-0-n0", "n1"]
    assert names(call, "steps", "flytesnacks/development/c", "--phase", "failed") == ["n0"]
    assert names(call, "nodes", "c", "--limit", "2") == ["n0", "n0-0-n0"]
    flat = call("get", "nodes", "c", "-o", "json").json()
    validator("get").validate(flat)
    assert [one.get("inside") for one in flat["items"]] == [None, None, None]
    whole = call("get", "nodes", "c", "--tree", "-o", "json").json()
    validator("get").validate(whole)
    assert [one["id"] for one in whole["items"]] == ["n0", "n1"]
    assert whole["items"][0]["inside"][0]["id"] == "n0-0-n0"
    drawn = call("get", "nodes", "c", "--tree").out.splitlines()
    assert [line.split("  ")[0] for line in drawn[1:]] == ["n0", "", "n1"]
    assert drawn[2].startswith("  n0-0-n0")
    assert call("get", "nodes", "x").err.startswith("error: run x: is not there in flytesnacks/")


def test_gates_of_a_run_and_of_a_place(call: Command, fake: FakeRunning) -> None:
    run = RunId(PLACE, "c")
    gate = Gate(run=run, signal="go", type="bool")
    fake.gates_of = [gate, replace(gate, signal="rows", type="int", is_answered=True, value=3)]
    assert names(call, "signals") == ["go"]
    assert names(call, "gates", "c") == ["go", "rows"]
    assert names(call, "signals", "c", "--name", "r*") == ["rows"]
    found: Any = call("get", "signals", "c", "-o", "json").json()
    validator("get").validate(found)
    assert [(one["signal"], one["answered"], one.get("value")) for one in found["items"]] == [
        ("go", False, None),
        ("rows", True, 3),
    ]
    assert call("get", "signals", "c").out.splitlines()[2].split()[-2:] == ["int", "3"]


def test_lists_cannot_write(call: Command, fake: FakeRunning) -> None:
    call("get", "runs")
    assert fake.done == [("open", "read only")]
