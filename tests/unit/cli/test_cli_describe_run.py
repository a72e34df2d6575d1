"""`reconcile describe run` and `describe node`: the tree, the data, what could not be read."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_runs_kit import NOON, PLACE, FakeRunning, a_run, integer, integers
from published_kit import validator
from run_cli_kit import Command

from reconciler.errors import UnavailableError, UnsupportedError
from reconciler.model.entity import Reference, What
from reconciler.model.run import Attempt, Data, Gate, Link, Phase, RunId, Step, Values

TABLE = {
    "scalar": {
        "structuredDataset": {
            "uri": "s3://b/t",
            "metadata": {
                "structuredDatasetType": {
                    "format": "parquet",
                    "columns": [{"name": "age", "literalType": {"simple": "INTEGER"}}],
                }
            },
        }
    }
}


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    run = a_run(
        "c",
        Phase.FAILED,
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=75),
        cause="n0 failed\nKeyError: 'x'",
        labels={"team": "sales"},
        tags=("nightly",),
        facts={"cluster": "one"},
    )
    fake.all = [run]
    tries = (
        Attempt(number=1, phase=Phase.FAILED, cause="OOM"),
        Attempt(
            number=2,
            phase=Phase.SUCCEEDED,
            started_at=NOON,
            ended_at=NOON + timedelta(seconds=3),
            links=(Link(name="Kubernetes Logs", url="https://logs/1"),),
        ),
    )
    inner = Step(
        id="n0-0-n0",
        name="load",
        phase=Phase.SUCCEEDED,
        does="task",
        target=Reference(what=What.TASKS, name="etl.load", version="v1"),
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=65),
        attempts=tries,
        cache="hit",
        has_report=True,
    )
    child = Step(id="n1", phase=Phase.RUNNING, does="launch plan", child=RunId(PLACE, "kid"))
    fake.trees["c"] = (
        Step(id="n0", name="sub", phase=Phase.FAILED, does="workflow", inside=(inner,)),
        child,
    )
    values = Values(
        literals={"rows": integer(5), "t": TABLE}, types={"rows": integers(rows=1).types["rows"]}
    )
    fake.datas["c", ""] = Data(inputs=values)
    fake.datas["c", "n0-0-n0"] = Data(inputs=values, outputs=integers(o0=6))
    fake.gates_of = [
        Gate(run=run.id, signal="go", type="bool"),
        Gate(run=run.id, signal="n", type="int", is_answered=True, value=3),
    ]


def test_run_is_described_for_people(call: Command) -> None:
    said = call("describe", "execution", "c")
    assert said.code == 0, said.err
    assert said.out == (
        "run:          flytesnacks/development/c\n"
        "phase:        failed\n"
        "mode:         manual\n"
        "of:           launch plan flytesnacks/development/orders version v1\n"
        "created:      2026-05-01 12:00:00\n"
        "started:      2026-05-01 12:00:00\n"
        "ended:        2026-05-01 12:01:15\n"
        "time:         1m15s\n"
        "labels:       team=sales\n"
        "tags:         nightly\n"
        "cluster:      one\n"
        "console:      https://console/flytesnacks/development/c\n"
        "cause:        n0 failed\n"
        "              KeyError: 'x'\n"
        "\n"
        "Inputs:\n"
        "  rows  int = 5\n"
        '  t     dataset[parquet] = {"dataset": "s3://b/t", "format": "parquet", '
        '"columns": {"age": "int"}}\n'
        "\n"
        "Gates:\n"
        "  go: bool, open\n"
        "  n: int, answered 3\n"
        "\n"
        "Nodes:\n"
        "  n0 sub (workflow): failed\n"
        "    n0-0-n0 load (etl.load v1): succeeded in 1m05s, 2 attempts, cache hit, report\n"
        "      attempt 1: failed\n"
        "        cause:        OOM\n"
        "      attempt 2: succeeded in 3s\n"
        "        Kubernetes Logs: https://logs/1\n"
        "  n1 (launch plan): running, run flytesnacks/development/kid\n"
    )


def test_run_is_described_as_published(call: Command) -> None:
    said = call("describe", "run", "flytesnacks/development/c", "-o", "json")
    found = said.json()
    validator("run").validate(found)
    assert found["inputs"]["rows"] == {"type": "int", "value": 5}
    assert found["inputs"]["t"]["value"]["columns"] == {"age": "int"}
    assert "outputs" not in found
    assert found["steps"][0]["inside"][0]["attempts"][1]["links"] == [
        {"name": "Kubernetes Logs", "url": "https://logs/1"}
    ]
    assert found["steps"][1]["child"]["name"] == "kid"
    assert [gate["answered"] for gate in found["gates"]] == [False, True]
    assert yaml.safe_load(call("describe", "run", "c", "-o", "yaml").out) == found


def test_node_is_described_with_its_own_data(call: Command) -> None:
    by_name, by_id = (call("describe", "node", f"c/{name}") for name in ("load", "n0-0-n0"))
    assert by_name.out == by_id.out
    assert "Outputs:\n  o0  int = 6\n" in by_id.out
    assert "report:       yes, --report FILE saves it" in by_id.out
    found = call("describe", "action", "c/load", "-o", "json").json()
    validator("run").validate(found)
    assert (found["run"]["name"], found["id"], found["outputs"]["o0"]["value"]) == (
        *("c", "n0-0-n0"),
        6,
    )
    wrong = call("describe", "node", "c/loud")
    assert wrong.code == 1
    assert wrong.err == (
        "error: step loud: is not in run flytesnacks/development/c; did you mean load?\n"
    )
    assert "c: names no step; write RUN/STEP" in call("describe", "node", "c").err


def test_raw_literals_are_given_on_demand(call: Command) -> None:
    found = call("describe", "run", "c", "--raw", "-o", "json").json()
    validator("run").validate(found)
    assert found["inputs"]["rows"]["literal"]["scalar"]["primitive"]["integer"] == "5"


def test_run_that_is_not_there_names_a_close_one(call: Command, fake: FakeRunning) -> None:
    fake.all.append(a_run("orders-1"))
    said = call("describe", "run", "orders-2")
    assert said.code == 1
    assert said.err == (
        "error: run orders-2: is not there in flytesnacks/development; did you mean orders-1?\n"
    )


def test_part_that_cannot_be_told_is_named_and_the_rest_is_shown(
    call: Command, fake: FakeRunning, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> Any:
        raise UnsupportedError("signals: are not served here")

    monkeypatch.setattr(fake, "gates", refused)
    said = call("describe", "run", "c", "-o", "json")
    assert said.code == 0
    assert said.err == ("warning: could not be read: gates: signals: are not served here\n")
    assert said.json()["unread"] == ["gates: signals: are not served here"]


def test_server_that_does_not_answer_is_an_error(
    call: Command, fake: FakeRunning, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> Any:
        raise UnavailableError("flyte:81: does not answer")

    monkeypatch.setattr(fake, "steps", gone)
    said = call("describe", "run", "c")
    assert (said.code, said.out) == (4, "")


def test_report_is_saved(call: Command, fake: FakeRunning, tmp_path: Path) -> None:
    out = tmp_path / "deck.html"
    fake.reports["c", "n0-0-n0"] = b"<p>deck</p>"
    said = call("describe", "node", "c/load", "--report", str(out))
    assert said.code == 0, said.err
    assert out.read_text() == "<p>deck</p>"
    assert said.err == f"the report is in {out}\n"
    missing = call("describe", "run", "c", "--report", str(out))
    assert missing.code == 1
    assert "has no report" in missing.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "c", "--version", "v1"), "--version: a run has none; leave it out"),
        (("run", "c", "-o", "dot"), "-o dot: draws workflows"),
        (("signal", "c"), "`get signals RUN` tells all of them"),
        (("task", "t", "--raw"), "--raw: belongs to runs; leave it out"),
        (("run", "a/b/c/d/e"), "is no address; write RUN, RUN/STEP"),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Command, arguments: tuple[str, ...], message: str
) -> None:
    said = call("describe", *arguments)
    assert said.code == 1
    assert message in said.err


def test_words_of_others_do_not_steer_the_terminal(call: Command, fake: FakeRunning) -> None:
    fake.all = [a_run("c", Phase.FAILED, cause="a\x1b[31mb")]
    assert not re.search("\x1b", call("describe", "run", "c").out)
