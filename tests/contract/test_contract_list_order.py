"""What a list checks first, where empty values stand, and times that have a word."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import description_entity_pb2

WORD = "eq(updated_at,word)"
HUGE = str(2**63)


async def test_sort_key_is_checked_before_the_database_is_asked(
    flyte1: Client, project: str
) -> None:
    request = make.listing(project, filters=WORD, sort_by=make.by("bogus"))
    refusal = await flyte1.refused("ListTasks", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid sort key 'bogus'")


async def test_token_is_checked_before_the_database_is_asked(flyte1: Client, project: str) -> None:
    request = make.listing(project, filters=WORD, token="x")
    refusal = await flyte1.refused("ListWorkflows", request)
    problem = "invalid pagination token x for ListWorkflows"
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", problem)


async def test_lost_column_is_found_out_last(flyte1: Client, project: str) -> None:
    request = description_entity_pb2.DescriptionEntityListRequest(
        resource_type=make.TASK,
        id=make.named(project, "t"),
        limit=9,
        filters="eq(digest,x)",
        sort_by=make.by("bogus"),
    )
    refusal = await flyte1.refused("ListDescriptionEntities", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid sort key 'bogus'")
    request.sort_by.key = "id"
    refusal = await flyte1.refused("ListDescriptionEntities", request)
    assert refusal.code == "UNKNOWN"


@pytest.mark.parametrize("method", ["ListTasks", "ListExecutions"])
async def test_token_is_a_number_of_63_bits(flyte1: Client, project: str, method: str) -> None:
    refusal = await flyte1.refused(method, make.listing(project, token=HUGE))
    problem = f"invalid pagination token {HUGE} for {method}"
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", problem)
    assert not (await flyte1.ok(method, make.listing(project, token=str(2**63 - 1)))).token


@pytest.mark.parametrize("is_descending", [False, True])
async def test_what_has_not_started_stands_after_what_has(
    flyte1: Client, runs: str, *, is_descending: bool
) -> None:
    for number in (1, 2, 3):
        await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}{number}"))
    for number, seconds in ((1, 9), (3, 5)):
        event = run.event(runs, run.Phase.RUNNING, seconds=seconds, run=f"x{runs}{number}")
        await flyte1.ok("CreateWorkflowEvent", event)
    order = make.by("started_at", descending=is_descending)
    listed = await flyte1.ok("ListExecutions", make.listing(runs, sort_by=order))
    names = [one.id.name.removeprefix(f"x{runs}") for one in listed.executions]
    assert names == (["2", "1", "3"] if is_descending else ["3", "1", "2"])


TIMES = {"never": "infinity", "always": "-infinity", "epoch": "epoch"}


@pytest.mark.parametrize("case", TIMES)
async def test_time_may_be_a_word(flyte1: Client, workflow: str, case: str) -> None:
    request = make.listing(workflow, filters=f"gt(created_at,{TIMES[case]})")
    listed = await flyte1.ok("ListTasks", request)
    assert bool(listed.tasks) == (case != "never")


OPERATORS = {
    "pattern": ("not_like(created_at,x)", "timestamp with time zone !~~ unknown"),
    "list": ("lte(state,1;2)", "integer <= record"),
}


@pytest.mark.parametrize("case", OPERATORS)
async def test_operator_that_does_not_exist_is_named(
    flyte1: Client, project: str, case: str
) -> None:
    text, problem = OPERATORS[case]
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(project, filters=text))
    assert refusal.code == "UNKNOWN"
    assert refusal.text == f"failed database operation with operator does not exist: {problem}"
