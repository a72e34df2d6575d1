"""Gates, relaunching and recovering executions of Flyte 1."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from running_kit import START, Phase, Played, at

from reconciler.errors import BackendError, ConflictError, ReconcilerError, UnavailableError
from reconciler.model.run import Gate, Mode
from reconciler.model.run import Phase as Told

BOOLEAN = types_pb2.LiteralType(simple=types_pb2.BOOLEAN)
FLOATS = types_pb2.LiteralType(collection_type=types_pb2.LiteralType(simple=types_pb2.FLOAT))
YES = {"scalar": {"primitive": {"boolean": True}}}


def integer(value: int) -> Any:
    return {"scalar": {"primitive": {"integer": str(value)}}}


def inputs(**values: int) -> literals_pb2.LiteralMap:
    found = literals_pb2.LiteralMap()
    for name, value in values.items():
        found.literals[name].scalar.primitive.integer = value
    return found


async def literals(flyte: Played, name: str) -> dict[str, Any]:
    data = await flyte.running.data(flyte.id(name))
    assert data.inputs is not None
    return dict(data.inputs.literals)


async def test_gates_are_read_with_types_and_values_in_words(flyte: Played) -> None:
    await flyte.start("one")
    await flyte.gate("one", "approve", BOOLEAN)
    await flyte.gate("one", "weights", FLOATS)

    approve, weights = await flyte.running.gates(flyte.id("one"))
    assert (approve.signal, approve.type, approve.is_answered) == ("approve", "bool", False)
    assert (weights.signal, weights.type, weights.value) == ("weights", "list[float]", None)
    floats = [{"scalar": {"primitive": {"floatValue": one}}} for one in (0.5, 2.0)]
    await flyte.running.answer(weights, {"collection": {"literals": floats}})
    await flyte.running.answer(approve, YES)

    found = await flyte.running.gates(flyte.id("one"))
    assert [(one.is_answered, one.value) for one in found] == [(True, True), (True, [0.5, 2])]


async def test_answer_of_another_type_is_refused_by_the_server(flyte: Played) -> None:
    await flyte.start("one")
    await flyte.gate("one", "approve", BOOLEAN)
    (gate,) = await flyte.running.gates(flyte.id("one"))

    with pytest.raises(BackendError, match="is not castable to existing signal type"):
        await flyte.running.answer(gate, integer(1))


async def test_gate_that_was_not_reached_cannot_be_answered(flyte: Played) -> None:
    await flyte.start("one")
    gate = Gate(run=flyte.id("one"), signal="later", type="bool")

    with pytest.raises(BackendError, match=r"gate later: is not open yet; answer it once the run"):
        await flyte.running.answer(gate, YES)


@pytest.mark.parametrize("literal", [{}, {"scalar": {}}], ids=["nothing", "empty-scalar"])
async def test_answer_without_a_value_is_never_sent(flyte: Played, literal: dict[str, Any]) -> None:
    """The real server ends its process on half a message."""
    gate = Gate(run=flyte.id("one"), signal="approve", type="bool")

    with pytest.raises(ReconcilerError, match="value is empty or of another kind"):
        await flyte.running.answer(gate, literal)
    assert "SignalService.SetSignal" not in flyte.channel.calls


async def test_open_gates_of_a_place_are_those_of_runs_that_have_not_ended(flyte: Played) -> None:
    for name in ("waits", "answered", "ended", "hidden"):
        await flyte.start(name)
        await flyte.gate(name, "approve", BOOLEAN)
    (gate,) = await flyte.running.gates(flyte.id("answered"))
    await flyte.running.answer(gate, YES)
    await flyte.gate("answered", "second", BOOLEAN)
    await flyte.tell("ended", Phase.SUCCEEDED, 60)
    await flyte.archive("hidden")

    found = await flyte.running.waiting(flyte.place)

    assert [(one.run.name, one.signal) for one in found] == [
        ("hidden", "approve"),
        ("answered", "second"),
        ("waits", "approve"),
    ]


async def test_gates_come_in_pages(flyte: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.backends.flyte1.run.gates._PAGE", 2)
    await flyte.start("one")
    for index in range(5):
        await flyte.gate("one", f"g{index}", BOOLEAN)

    found = await flyte.running.gates(flyte.id("one"))

    assert [one.signal for one in found] == [f"g{index}" for index in range(5)]


async def test_relaunch_keeps_inputs_and_tick_and_takes_the_name(flyte: Played) -> None:
    metadata = execution_pb2.ExecutionMetadata(
        mode=execution_pb2.ExecutionMetadata.SCHEDULED, scheduled_at=at(0)
    )
    await flyte.start("one", inputs=inputs(count=7), metadata=metadata)

    run = await flyte.running.relaunch(flyte.id("one"), "two")

    assert (run.id, run.mode, run.scheduled_at) == (flyte.id("two"), Mode.RELAUNCHED, START)
    assert run.facts["madeFrom"] == str(flyte.id("one"))
    assert (await literals(flyte, "two"))["count"] == integer(7)


async def test_relaunch_takes_other_inputs_in_place_of_its_own(flyte: Played) -> None:
    await flyte.start("one", inputs=inputs(count=7), max_parallelism=4)

    run = await flyte.running.relaunch(flyte.id("one"), "two", {"count": integer(8)})

    assert (run.id, run.mode) == (flyte.id("two"), Mode.RELAUNCHED)
    assert run.facts["madeFrom"] == str(flyte.id("one"))
    assert (await literals(flyte, "two"))["count"] == integer(8)
    # What is left out has the default of the plan, and not the value of the first run.
    await flyte.running.relaunch(flyte.id("two"), "three", {})
    assert (await literals(flyte, "three"))["count"] == integer(3)
    assert (await literals(flyte, "one"))["count"] == integer(7)


async def test_run_of_a_single_task_is_relaunched_too(flyte: Played) -> None:
    await flyte.start("one", kind=identifier_pb2.TASK, plan="etl.task")

    again = await flyte.running.relaunch(flyte.id("one"), "two")
    changed = await flyte.running.relaunch(flyte.id("one"), "three", {})

    assert again.entity == changed.entity
    assert changed.entity is not None
    assert changed.entity.name == "etl.task"


async def test_recovered_run_names_what_it_recovers(flyte: Played) -> None:
    await flyte.start("one", inputs=inputs(count=7))
    await flyte.tell("one", Phase.FAILED, 9)

    run = await flyte.running.recover(flyte.id("one"), "two")

    assert (run.id, run.mode, run.phase) == (
        flyte.id("two"),
        Mode.RECOVERED,
        Told.UNDEFINED,
    )
    assert run.facts["madeFrom"] == str(flyte.id("one"))


async def test_names_are_made_up_where_none_is_given(flyte: Played) -> None:
    await flyte.start("one")

    first = await flyte.running.relaunch(flyte.id("one"))
    second = await flyte.running.recover(flyte.id("one"))

    names = {first.id.name, second.id.name}
    assert len(names) == 2
    assert all(len(name) == 20 and name.startswith("f") for name in names)
    assert set(await flyte.names()) == {"one", *names}


async def test_name_that_is_taken_is_refused_before_its_inputs_are_overwritten(
    flyte: Played,
) -> None:
    await flyte.start("one", inputs=inputs(count=7))
    await flyte.start("two", inputs=inputs(count=9))

    for act in (
        flyte.running.relaunch(flyte.id("one"), "two"),
        flyte.running.relaunch(flyte.id("one"), "two", {"count": integer(1)}),
        flyte.running.recover(flyte.id("one"), "two"),
    ):
        with pytest.raises(ConflictError, match=r"two: is there already; use another name"):
            await act
    assert (await literals(flyte, "two"))["count"] == integer(9)


async def test_lost_answer_of_a_relaunch_is_read_back(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flyte.start("one")
    call = flyte.channel.call

    async def losing(method: Any, request: Any, **rest: Any) -> Any:
        answer = await call(method, request, **rest)
        if method.name == "AdminService.RelaunchExecution":
            raise UnavailableError("lost", method=method.name, code="UNAVAILABLE")
        return answer

    monkeypatch.setattr(flyte.channel, "call", losing)

    assert (await flyte.running.relaunch(flyte.id("one"), "two")).id == flyte.id("two")


async def test_what_is_not_there_cannot_be_started_again(flyte: Played) -> None:
    with pytest.raises(BackendError, match="it does not exist"):
        await flyte.running.relaunch(flyte.id("none"))
    with pytest.raises(BackendError, match="none: is not there; list those that are"):
        await flyte.running.relaunch(flyte.id("none"), "", {"count": integer(1)})
    with pytest.raises(BackendError, match="it does not exist"):
        await flyte.running.recover(flyte.id("none"))
