"""`reconcile signal`, `relaunch` and `recover`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_runs_kit import PLACE, FakeRunning, a_run, integer, integers, library
from published_kit import validator
from run_cli_kit import Command

from reconciler.errors import UsageError
from reconciler.model.run import Data, Gate, Phase, RunId, Values

PATH = "flytesnacks/development"
RUN = RunId(PLACE, "r")


def gate(signal: str, simple: str = "BOOLEAN", **rest: Any) -> Gate:
    words = {"BOOLEAN": "bool", "FLOAT": "float", "STRING": "str", "DATETIME": "datetime"}
    return Gate(run=RUN, signal=signal, type=words[simple], literal_type={"simple": simple}, **rest)


def boolean(value: bool) -> Any:
    return {"scalar": {"primitive": {"boolean": value}}}


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    fake.all = [a_run("r", Phase.FAILED)]
    fake.gates_of = [gate("go"), gate("rate", "FLOAT"), gate("why", "STRING")]
    fake.datas["r", ""] = Data(inputs=integers(rows=5, days=7))


def answers(fake: FakeRunning) -> list[Any]:
    return [one[1:] for one in fake.done if one[0] == "answer"]


def test_gates_are_listed(call: Command) -> None:
    assert call("signal", "list", "-o", "name").out.split() == ["go", "rate", "why"]
    assert call("signal", "list", "r", "-o", "name").out.split() == ["go", "rate", "why"]
    found = call("signal", "list", "r", "-o", "json").json()
    validator("get").validate(found)


def test_approved_and_rejected(call: Command, fake: FakeRunning) -> None:
    said = call("signal", "approve", "r", "go")
    assert (said.code, said.out) == (0, f"{PATH}/r: go: approved\n")
    assert call("signal", "reject", f"{PATH}/r", "go").out == f"{PATH}/r: go: rejected\n"
    assert answers(fake) == [("r", "go", boolean(True)), ("r", "go", boolean(False))]
    assert fake.done[0] == ("open", "writing")


def test_value_is_typed_by_the_gate(call: Command, fake: FakeRunning) -> None:
    assert call("signal", "set", "r", "rate", "--value", "3").code == 0
    assert call("signal", "set", "r", "why", "--value", "3").code == 0
    assert answers(fake) == [
        ("r", "rate", {"scalar": {"primitive": {"floatValue": 3.0}}}),
        ("r", "why", {"scalar": {"primitive": {"stringValue": "3"}}}),
    ]
    wrong = call("signal", "set", "r", "rate", "--value", "much")
    assert wrong.code == 1
    assert wrong.err.startswith('error: signal rate: expected float, found the text "much"')
    assert len(answers(fake)) == 2


def test_only_open_gate_needs_no_name(call: Command, fake: FakeRunning) -> None:
    said = call("signal", "approve", "r")
    assert said.code == 1
    assert "3 gates are open; name one: go, rate, why" in said.err
    fake.gates_of = [gate("go"), gate("done", is_answered=True, value=True)]
    assert call("signal", "approve", "r").out == f"{PATH}/r: go: approved\n"
    fake.gates_of = []
    assert "no gate is open" in call("signal", "approve", "r").err


def test_wrong_gates_are_refused(call: Command, fake: FakeRunning) -> None:
    assert "has no gate goo; did you mean go?" in call("signal", "approve", "r", "goo").err
    assert "waits for float and not for an approval" in call("signal", "reject", "r", "rate").err
    assert answers(fake) == []


def test_same_answer_again_is_none_and_another_is_refused(call: Command, fake: FakeRunning) -> None:
    fake.gates_of = [gate("go", is_answered=True, value=True)]
    said = call("signal", "approve", "r", "go")
    assert (said.code, said.out) == (0, f"{PATH}/r: go: was approved before\n")
    refused = call("signal", "reject", "r", "go")
    assert refused.code == 1
    assert "was answered before with another value, and the run went on" in refused.err
    assert answers(fake) == []


def test_same_answer_that_is_written_otherwise_is_none(call: Command, fake: FakeRunning) -> None:
    moment = "2026-05-01T06:00:00Z"
    fake.gates_of = [gate("when", "DATETIME", is_answered=True, value=moment)]
    said = call("signal", "set", "r", "when", "--value", "2026-05-01T08:00:00+02:00")
    assert (said.code, answers(fake)) == (0, []), said.err


async def test_library_answers_gates(fake: FakeRunning) -> None:
    run = await library(fake).run("r")
    assert await run.approve("go") is True
    assert await run.reject("go") is True
    assert await run.answer("rate", 2.5) is True
    with pytest.raises(UsageError, match="signal rate: expected float"):
        await run.answer("rate", "x")
    assert [one[1] for one in answers(fake)] == ["go", "go", "rate"]


def relaunched(fake: FakeRunning) -> Any:
    return next(one[1:] for one in fake.done if one[0] == "relaunch")


def test_run_is_relaunched_as_it_was(call: Command, fake: FakeRunning) -> None:
    said = call("relaunch", "r")
    assert (said.code, said.out) == (0, f"{PATH}/relaunched\n")
    assert said.err == f"https://console/{PATH}/relaunched\n"
    assert relaunched(fake) == ("r", "", None)
    assert call("rerun", "r", "--name", "again").out == f"{PATH}/again\n"


def test_run_is_relaunched_with_other_inputs(
    call: Command, fake: FakeRunning, tmp_path: Path
) -> None:
    file = tmp_path / "in.yaml"
    file.write_text("rows: 6\ndays: 1\n")
    call("relaunch", "r", "--inputs", str(file), "--input", "days=8")
    assert relaunched(fake) == ("r", "", {"rows": integer(6), "days": integer(8)})


def test_inputs_that_are_not_given_stay(call: Command, fake: FakeRunning) -> None:
    call("relaunch", "r", "-i", "rows=6")
    assert relaunched(fake) == ("r", "", {"rows": integer(6), "days": integer(7)})


def test_wrong_input_starts_nothing(call: Command, fake: FakeRunning) -> None:
    said = call("relaunch", "r", "-i", "row=6", "-i", "days=x")
    assert said.code == 1
    assert said.err == (
        '--input row: the run has no input "row"; did you mean "rows"?\n'
        '--input days: expected int, found the text "x"\n'
        "2 problems; nothing was written\n"
    )
    assert fake.done == [("open", "writing")]


def test_relaunch_waits_when_asked(call: Command, fake: FakeRunning) -> None:
    fake.told["relaunched"] = [a_run("relaunched"), a_run("relaunched", Phase.SUCCEEDED)]
    said = call("relaunch", "r", "--wait")
    assert (said.code, said.out) == (0, f"{PATH}/relaunched: succeeded\n")
    fake.told["relaunched"] = [a_run("relaunched", Phase.FAILED)]
    assert call("relaunch", "r", "--wait").code == 1
    said = call("relaunch", "r", "-o", "json")
    assert said.json()["name"] == "relaunched"


def test_recovered_under_another_name(call: Command, fake: FakeRunning) -> None:
    said = call("recover", "r", "--name", "again")
    assert (said.code, said.out) == (0, f"{PATH}/again\n")
    assert ("recover", "r", "again") in fake.done


async def test_library_relaunches_and_recovers(fake: FakeRunning) -> None:
    run = await library(fake).run("r")
    assert (await run.relaunch("b", {"rows": 9})).name == "b"
    assert relaunched(fake) == ("r", "b", {"rows": integer(9), "days": integer(7)})
    assert (await run.recover()).name == "recovered"
    fake.datas["r", ""] = Data(inputs=Values())
    assert (await run.relaunch()).name == "relaunched"
