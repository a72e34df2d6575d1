"""Lists of executions: what filters find, which are hidden, order and pages."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from contract_kit import settle
from flyteidl.admin import execution_pb2


async def test_executions_are_found_by_launch_plan(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(runs, "other"))
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateExecution", make.execution(runs, f"y{runs}", plan="other"))
    request = make.listing(runs, filters="eq(launch_plan.name,other)")
    answer = await flyte1.ok("ListExecutions", request)
    assert [one.id.name for one in answer.executions] == [f"y{runs}"]


async def test_executions_are_found_by_label(flyte1: Client, runs: str) -> None:
    for letter in "xy":
        labels = make.common_pb2.Labels(values={"k": f"{letter}{runs}"})
        request = make.execution(runs, f"{letter}{runs}", labels=labels)
        await flyte1.ok("CreateExecution", request)
    text = f"eq(execution_tag.key,k)+eq(execution_tag.value,y{runs})"
    answer = await flyte1.ok("ListExecutions", make.listing(runs, filters=text))
    assert [one.id.name for one in answer.executions] == [f"y{runs}"]


async def test_executions_are_not_filtered_by_plain_name(flyte1: Client, runs: str) -> None:
    refusal = await flyte1.refused("ListExecutions", make.listing(runs, filters="eq(name,x)"))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "'e.name' is invalid filter")


@pytest.mark.parametrize("value", ["1h", "90", "1.5"], ids=["units", "seconds", "fraction"])
async def test_executions_are_filtered_by_duration(flyte1: Client, runs: str, value: str) -> None:
    await flyte1.ok("ListExecutions", make.listing(runs, filters=f"gt(duration,{value})"))


async def test_duration_that_cannot_be_read_is_refused(flyte1: Client, runs: str) -> None:
    request = make.listing(runs, filters="gt(duration,long)")
    refusal = await flyte1.refused("ListExecutions", request)
    assert (refusal.code, refusal.text) == (
        "INVALID_ARGUMENT",
        "Failed to parse duration [long]",
    )


async def test_executions_are_found_by_a_range_of_names(flyte1: Client, runs: str) -> None:
    for letter in "xy":
        await flyte1.ok("CreateExecution", make.execution(runs, f"{letter}{runs}"))
    text = "gte(execution_name,y)+lt(execution_name,z)"
    answer = await flyte1.ok("ListExecutions", make.listing(runs, filters=text))
    assert [one.id.name for one in answer.executions] == [f"y{runs}"]


async def test_archived_execution_is_listed_only_when_asked_for(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    request = execution_pb2.ExecutionUpdateRequest(
        id=run.get(runs, f"x{runs}").id, state=execution_pb2.EXECUTION_ARCHIVED
    )
    await flyte1.ok("UpdateExecution", request)
    assert len((await flyte1.ok("ListExecutions", make.listing(runs))).executions) == 0
    request = make.listing(runs, filters="value_in(state,0;1)")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == 1


async def several(flyte1: Client, owner: str) -> None:
    """`a` failed, `b` succeeded after a minute, `c` runs, `d` waits."""
    for letter in "abcd":
        await flyte1.ok(
            "CreateExecution", make.execution(owner, f"{letter}{owner}", tags=[f"t-{letter}"])
        )
        await settle()
    for letter, seconds in (("a", 0), ("b", 100), ("c", 200)):
        event = run.event(owner, run.Phase.RUNNING, seconds=seconds, run=f"{letter}{owner}")
        await flyte1.ok("CreateWorkflowEvent", event)
    failed = run.event(owner, run.Phase.FAILED, seconds=10, run=f"a{owner}", error=run.error())
    await flyte1.ok("CreateWorkflowEvent", failed)
    done = run.event(owner, run.Phase.SUCCEEDED, seconds=160, run=f"b{owner}")
    await flyte1.ok("CreateWorkflowEvent", done)


def letters(answer: execution_pb2.ExecutionList) -> list[str]:
    return [one.id.name[0] for one in answer.executions]


FOUND = {
    "phase": ("eq(phase,RUNNING)", ["c"]),
    "phases": ("value_in(phase,FAILED;SUCCEEDED)", ["a", "b"]),
    "not_phase": ("ne(phase,FAILED)", ["b", "c", "d"]),
    "started_after": ("gte(started_at,2023-11-14T22:15:00Z)", ["b", "c"]),
    "started_window": (
        "gte(started_at,2023-11-14T22:13:20Z)+lt(started_at,2023-11-14T22:15:00Z)",
        ["a"],
    ),
    "created_before": ("lt(created_at,2000-01-01T00:00:00Z)", []),
    "created_after": ("gte(execution_created_at,2000-01-01T00:00:00Z)", ["a", "b", "c", "d"]),
    "duration": ("gt(duration,30s)", ["b"]),
    "short": ("lt(duration,30s)", ["a", "c", "d"]),
    "error_kind": ("eq(error_kind,USER)", ["a"]),
    "error_code": ("contains(error_code,Broken)", ["a"]),
    "tag": ("eq(execution_tag.key,t-b)", ["b"]),
    "admin_tag": ("eq(admin_tag.name,t-c)", ["c"]),
    "tags": ("value_in(admin_tag.name,t-a;t-d)", ["a", "d"]),
    "workflow": ("eq(workflow.name,w)", ["a", "b", "c", "d"]),
    "version": ("eq(launch_plan.version,v2)", []),
    "entity": ("eq(launch_entity,launch_plan)", ["a", "b", "c", "d"]),
    "two": ("eq(phase,RUNNING)+eq(admin_tag.name,t-a)", []),
}


@pytest.mark.parametrize("kind", sorted(FOUND))
async def test_executions_are_found(flyte1: Client, runs: str, kind: str) -> None:
    await several(flyte1, runs)
    text, expected = FOUND[kind]
    answer = await flyte1.ok("ListExecutions", make.listing(runs, filters=text))
    assert letters(answer) == expected


@pytest.mark.parametrize(
    "text",
    ["eq(nothing,1)", "eq(task_execution.phase,RUNNING)", "phase=RUNNING", "is(phase,RUNNING)"],
    ids=["column", "entity", "grammar", "function"],
)
async def test_filter_of_executions_that_means_nothing_is_refused(
    flyte1: Client, plan: str, text: str
) -> None:
    refusal = await flyte1.refused("ListExecutions", make.listing(plan, filters=text))
    assert refusal.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("key", ["created_at", "started_at", "execution_name", "duration"])
async def test_executions_are_sorted(flyte1: Client, runs: str, key: str) -> None:
    await several(flyte1, runs)
    request = make.listing(
        runs, filters="value_in(phase,FAILED;SUCCEEDED)", sort_by=make.by(key, descending=True)
    )
    answer = await flyte1.ok("ListExecutions", request)
    assert letters(answer) == ["b", "a"]


async def test_executions_come_in_pages(flyte1: Client, runs: str) -> None:
    await several(flyte1, runs)
    seen: list[str] = []
    token = ""
    for _ in range(3):
        request = make.listing(runs, limit=2, token=token)
        answer = await flyte1.ok("ListExecutions", request)
        seen += letters(answer)
        token = answer.token
        if not token:
            break
    assert seen == ["a", "b", "c", "d"]


@pytest.mark.parametrize("part", ["id", "domain", "limit", "token", "sort"])
async def test_list_of_executions_is_checked(flyte1: Client, plan: str, part: str) -> None:
    request = make.listing(plan)
    match part:
        case "id":
            request.ClearField("id")
        case "domain":
            request.id.domain = ""
        case "limit":
            request.limit = 0
        case "token":
            request.token = "x"
        case _:
            request.sort_by.key = "nothing"
    refusal = await flyte1.refused("ListExecutions", request)
    assert refusal.code == "INVALID_ARGUMENT"


async def test_list_of_executions_by_name_has_one(flyte1: Client, runs: str) -> None:
    await several(flyte1, runs)
    answer = await flyte1.ok("ListExecutions", make.listing(runs, f"b{runs}"))
    assert letters(answer) == ["b"]


async def test_list_shortens_long_errors(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    error = run.error(message="é" * 300)
    event = run.event(runs, run.Phase.FAILED, error=error)
    await flyte1.ok("CreateWorkflowEvent", event)
    answer = await flyte1.ok("ListExecutions", make.listing(runs))
    assert answer.executions[0].closure.error.message == "é" * 50
    found = await flyte1.ok("GetExecution", run.get(runs))
    assert found.closure.error.message == "é" * 300


async def test_hidden_execution_is_shown_again(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("UpdateExecution", run.archive(runs))
    found = await flyte1.ok("GetExecution", run.get(runs))
    assert found.closure.state_change_details.state == execution_pb2.EXECUTION_ARCHIVED
    again = run.archive(runs)
    again.state = execution_pb2.EXECUTION_ACTIVE
    await flyte1.ok("UpdateExecution", again)
    assert len((await flyte1.ok("ListExecutions", make.listing(runs))).executions) == 1
