"""Data of Flyte 1 by short address, as the backend and the library read it."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import literals_pb2
from running_kit import DOMAIN, NodePhase, Phase, Played, TaskPhase

from reconciler.api.runs import Runs
from reconciler.errors import BackendError, UsageError
from reconciler.model.run import Values


class Backend:
    """As much of a backend as the library asks for runs."""

    def __init__(self, running: Any) -> None:
        self.running = running


@pytest.fixture
def library(flyte: Played) -> Runs:
    return Runs(Backend(flyte.running), {})  # type: ignore[arg-type]  # has all that is used


def string(value: str) -> Any:
    return {"scalar": {"primitive": {"stringValue": value}}}


def texts(**values: str) -> literals_pb2.LiteralMap:
    found = literals_pb2.LiteralMap()
    for name, value in values.items():
        found.literals[name].scalar.primitive.string_value = value
    return found


@pytest.fixture
async def base(flyte: Played) -> str:
    """Play a node of two attempts that gives two texts, and return its address."""
    await flyte.start("one")
    await flyte.tell("one", Phase.RUNNING, 0)
    uri = await flyte.upload(texts(a="in").SerializeToString(), "inputs.pb")
    deck = await flyte.upload(b"<p>deck</p>", "deck.html")
    await flyte.node("one", "n0", NodePhase.RUNNING, 1, input_uri=uri)
    await flyte.task("one", "n0", TaskPhase.FAILED, 2, input_uri=uri)
    await flyte.task(
        "one",
        "n0",
        TaskPhase.SUCCEEDED,
        3,
        attempt=1,
        input_uri=uri,
        output_data=texts(o0="second"),
    )
    outputs = texts(o0="out", o1="too")
    await flyte.node("one", "n0", NodePhase.SUCCEEDED, 4, output_data=outputs, deck_uri=deck)
    return f"flyte://v1/{flyte.project}/{DOMAIN}/one/n0"


async def test_values_of_a_node_are_read_whole_or_by_name(
    flyte: Played, base: str, library: Runs
) -> None:
    inputs = await flyte.running.addressed(f"{base}/i")
    outputs = await flyte.running.addressed(f"{base}/o")
    assert isinstance(inputs, Values)
    assert isinstance(outputs, Values)
    assert inputs.literals == {"a": string("in")}
    assert outputs.literals == {"o0": string("out"), "o1": string("too")}
    one = await flyte.running.addressed(f"{base}/o/o1")
    assert isinstance(one, Values)
    assert one.literals == {"o1": string("too")}

    assert (await library.get(f"{base}/o")).to_dict() == {"o0": "out", "o1": "too"}
    assert await library.get(f"{base}/o/o0") == "out"


async def test_attempts_have_data_of_their_own(flyte: Played, base: str, library: Runs) -> None:
    assert await library.get(f"{base}/1/o/o0") == "second"
    assert (await library.get(f"{base}/0/i")).to_dict() == {"a": "in"}
    assert (await library.get(f"{base}/0/o")).to_dict() == {}
    with pytest.raises(BackendError, match="the request is not valid"):
        await flyte.running.addressed(f"{base}/7/o")


async def test_deck_is_html(base: str, library: Runs) -> None:
    assert await library.get(f"{base}/d") == b"<p>deck</p>"


async def test_nothing_there_is_none(flyte: Played, base: str, library: Runs) -> None:
    await flyte.node("one", "n1", NodePhase.RUNNING, 5)
    later = base.replace("/n0", "/n1")

    assert await library.get(f"{later}/o") is None
    assert await library.get(f"{later}/d") is None
    assert await library.get(base.replace("/one/", "/none/") + "/o") is None


async def test_name_that_is_not_there_is_an_error_with_those_that_are(
    flyte: Played, base: str
) -> None:
    with pytest.raises(BackendError, match=r"/o/o7: there is no output o7; there is o0, o1$"):
        await flyte.running.addressed(f"{base}/o/o7")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "flyte://v1/p/d/run",
        "flyte://v2/p/d/run/n0/o",
        "flyte://v1/p/d/run/n0/x",
        "flyte://v1/p/d/run/n0/0/d",
        "flyte://v1/p/d/run/n0/d/name",
        "s3://bucket/key",
    ],
)
async def test_what_is_no_address_is_refused_without_a_call(flyte: Played, address: str) -> None:
    before = flyte.channel.calls.total()

    with pytest.raises(UsageError, match="is no address of data; write flyte://v1/PROJECT/DOMAIN"):
        await flyte.running.addressed(address)
    assert flyte.channel.calls.total() == before
