"""Signals: made by an engine, listed, set once or again, with values of the right type."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import signal_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2


def name(owner: str, signal: str = "approve") -> identifier_pb2.SignalIdentifier:
    return identifier_pb2.SignalIdentifier(signal_id=signal, execution_id=run.name(owner))


def wanted(
    owner: str, kind: types_pb2.LiteralType = make.BOOLEAN, signal: str = "approve"
) -> signal_pb2.SignalGetOrCreateRequest:
    return signal_pb2.SignalGetOrCreateRequest(id=name(owner, signal), type=kind)


def answer(
    owner: str, value: literals_pb2.Literal, signal: str = "approve"
) -> signal_pb2.SignalSetRequest:
    return signal_pb2.SignalSetRequest(id=name(owner, signal), value=value)


def listing(owner: str, **rest: object) -> signal_pb2.SignalListRequest:
    rest.setdefault("limit", 100)
    return signal_pb2.SignalListRequest(workflow_execution_id=run.name(owner), **rest)


def boolean(value: bool) -> literals_pb2.Literal:
    literal = literals_pb2.Literal()
    literal.scalar.primitive.boolean = value
    return literal


async def test_signal_waits_until_it_is_set(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    made = await flyte1.ok("GetOrCreateSignal", wanted(runs))
    assert (made.id, made.type) == (name(runs), make.BOOLEAN)
    assert not made.HasField("value")
    await flyte1.ok("SetSignal", answer(runs, boolean(True)))
    again = await flyte1.ok("GetOrCreateSignal", wanted(runs))
    assert again.value == boolean(True)
    listed = await flyte1.ok("ListSignals", listing(runs))
    assert list(listed.signals) == [again]


async def test_signal_is_set_again(flyte1: Client, project: str) -> None:
    await flyte1.ok("GetOrCreateSignal", wanted(project))
    await flyte1.ok("SetSignal", answer(project, boolean(True)))
    await flyte1.ok("SetSignal", answer(project, boolean(False)))
    listed = await flyte1.ok("ListSignals", listing(project))
    assert listed.signals[0].value == boolean(False)


async def test_signal_of_another_type_is_taken(flyte1: Client, project: str) -> None:
    await flyte1.ok("GetOrCreateSignal", wanted(project))
    refusal = await flyte1.refused("GetOrCreateSignal", wanted(project, make.INTEGER))
    assert refusal.code == "ALREADY_EXISTS"
    assert "signals_pkey" in refusal.text


async def test_signal_that_nobody_waits_for_cannot_be_set(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("SetSignal", answer(project, boolean(True)))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("failed to validate that signal [")


LIST = types_pb2.LiteralType(collection_type=make.INTEGER)
NUMBERS = literals_pb2.Literal(
    collection=literals_pb2.LiteralCollection(literals=[make.integer(1)])
)
VALUES = {
    "boolean": (make.BOOLEAN, boolean(True), True),
    "boolean_text": (make.BOOLEAN, make.string("yes"), False),
    "float_integer": (make.FLOAT, make.integer(1), False),
    "integer": (make.INTEGER, make.integer(1), True),
    "list": (LIST, NUMBERS, True),
    "list_integer": (LIST, make.integer(1), False),
    "text": (make.STRING, make.string("a"), True),
    "time": (make.DATETIME, make.moment(1), True),
}


@pytest.mark.parametrize("kind", sorted(VALUES))
async def test_value_has_the_type_of_the_signal(flyte1: Client, project: str, kind: str) -> None:
    wanted_type, value, fits = VALUES[kind]
    await flyte1.ok("GetOrCreateSignal", wanted(project, wanted_type))
    if fits:
        await flyte1.ok("SetSignal", answer(project, value))
        return
    refusal = await flyte1.refused("SetSignal", answer(project, value))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("requested signal value [")
    listed = await flyte1.ok("ListSignals", listing(project))
    assert not listed.signals[0].HasField("value")


async def test_value_of_nothing_is_refused(flyte1: Client, project: str) -> None:
    await flyte1.ok("GetOrCreateSignal", wanted(project))
    refusal = await flyte1.refused("SetSignal", answer(project, literals_pb2.Literal()))
    assert refusal.code == "INVALID_ARGUMENT"


async def test_signals_come_in_pages(flyte1: Client, project: str) -> None:
    for letter in "abc":
        await flyte1.ok("GetOrCreateSignal", wanted(project, signal=letter))
    seen: list[str] = []
    token = ""
    while len(seen) < 3:
        request = listing(project, limit=2, token=token, sort_by=make.by("signal_id"))
        page = await flyte1.ok("ListSignals", request)
        seen += [one.id.signal_id for one in page.signals]
        token = page.token
    assert seen == ["a", "b", "c"]
    request = listing(project, filters="eq(signal_id,b)")
    page = await flyte1.ok("ListSignals", request)
    assert [one.id.signal_id for one in page.signals] == ["b"]


@pytest.mark.parametrize("part", ["id", "type", "signal_id", "execution_id", "name"])
async def test_new_signal_is_checked(flyte1: Client, project: str, part: str) -> None:
    request = wanted(project)
    owner = {
        "signal_id": request.id,
        "execution_id": request.id,
        "name": request.id.execution_id,
    }.get(part, request)
    owner.ClearField(part)
    refusal = await flyte1.refused("GetOrCreateSignal", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f"missing {part}")


async def test_answer_needs_a_value(flyte1: Client, project: str) -> None:
    request = signal_pb2.SignalSetRequest(id=name(project))
    refusal = await flyte1.refused("SetSignal", request)
    assert refusal.text == "missing value"


@pytest.mark.parametrize("part", ["execution", "limit", "token"])
async def test_list_of_signals_is_checked(flyte1: Client, project: str, part: str) -> None:
    request = listing(project)
    match part:
        case "execution":
            request.ClearField("workflow_execution_id")
        case "limit":
            request.limit = 0
        case _:
            request.token = "x"
    refusal = await flyte1.refused("ListSignals", request)
    assert refusal.code == "INVALID_ARGUMENT"
