"""Data of a run by its address: whole maps, single values, decks."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.service import dataproxy_pb2

INPUTS = make.literals(n=make.integer(1), m=make.string("a"))
OUTPUTS = make.literals(o0=make.integer(2))


@pytest.fixture
async def ended(flyte1: Client, runs: str) -> str:
    """The project with the execution x and its name, whose node n0 had inputs and outputs."""
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    phases = run.NodePhase
    await flyte1.ok("CreateNodeEvent", run.node_event(runs, phases.RUNNING, input_data=INPUTS))
    attempt = run.task_event(runs, run.TaskPhase.SUCCEEDED, input_data=INPUTS, output_data=OUTPUTS)
    await flyte1.ok("CreateTaskEvent", attempt)
    done = run.node_event(runs, phases.SUCCEEDED, output_data=OUTPUTS)
    await flyte1.ok("CreateNodeEvent", done)
    return runs


def address(owner: str, rest: str) -> dataproxy_pb2.GetDataRequest:
    base = f"flyte://v1/{owner}/{make.DOMAIN}/x{owner}"
    return dataproxy_pb2.GetDataRequest(flyte_url=f"{base}/{rest}")


@pytest.mark.parametrize("place", ["n0", "n0/0"], ids=["node", "attempt"])
async def test_inputs_and_outputs_have_addresses(flyte1: Client, ended: str, place: str) -> None:
    answer = await flyte1.ok("GetData", address(ended, f"{place}/i"))
    assert answer.literal_map == INPUTS
    answer = await flyte1.ok("GetData", address(ended, f"{place}/o/o0"))
    assert answer.literal == make.integer(2)
    refusal = await flyte1.refused("GetData", address(ended, f"{place}/o/other"))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("name [other] not found in ")


@pytest.mark.parametrize(
    "rest",
    ["none/i", "n0/7/i", "n0/d", "n0/0/d", "n0", "n0/x"],
    ids=["node", "attempt", "deck", "deck_of_attempt", "side", "kind"],
)
async def test_address_that_leads_nowhere_is_refused(flyte1: Client, ended: str, rest: str) -> None:
    refusal = await flyte1.refused("GetData", address(ended, rest))
    assert refusal.code == ("NOT_FOUND" if rest in ("none/i", "n0/d") else "INVALID_ARGUMENT")


@pytest.mark.parametrize("url", ["", "s3://a/b"], ids=["empty", "scheme"])
async def test_address_is_one_of_flyte(flyte1: Client, url: str) -> None:
    request = dataproxy_pb2.GetDataRequest(flyte_url=url)
    refusal = await flyte1.refused("GetData", request)
    assert refusal.text.startswith("failed to validate resolve artifact request. Error: ")


async def test_deck_of_a_node_is_linked(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    begun = run.node_event(runs, run.NodePhase.RUNNING, input_data=INPUTS)
    await flyte1.ok("CreateNodeEvent", begun)
    # Any file will do.
    deck = (await flyte1.ok("GetNodeExecution", run.node_get(runs))).input_uri
    done = run.node_event(runs, run.NodePhase.SUCCEEDED, deck_uri=deck)
    await flyte1.ok("CreateNodeEvent", done)
    request = dataproxy_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=run.node(runs)
    )
    answer = await flyte1.ok("CreateDownloadLink", request)
    assert len(answer.pre_signed_urls.signed_url) == 1
    answer = await flyte1.ok("GetData", address(runs, "n0/d"))
    assert len(answer.pre_signed_urls.signed_url) == 1
