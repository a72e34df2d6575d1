"""Texts with a NUL, which the manager's database refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.project import project_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_service_pb2 as wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from flyte2_client import Client

NUL = "a\0b"
REFUSED = 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
CALLS: dict[str, tuple[Callable[[str], Any], str]] = {
    "CreateProject": (
        lambda owner: make.project(f"{owner}x", name=NUL),
        "INTERNAL failed to create project {0}x",
    ),
    "GetProject": (
        lambda _owner: project_service_pb2.GetProjectRequest(id=NUL),
        f"INTERNAL failed to get project {NUL}",
    ),
    "DeployTask": (
        lambda owner: make.task(owner, name=NUL),
        f"INTERNAL failed to upsert task {{{{{{0}} development {NUL} v1}}}}",
    ),
    "GetTaskDetails": (
        lambda owner: make.details(owner, NUL),
        f"NOT_FOUND failed to get task {{{{{{0}} development env.t {NUL}}}}}",
    ),
    "ListTasks": (lambda _owner: make.tasks(NUL), "INTERNAL failed to list tasks"),
    "ListVersions": (lambda owner: make.versions(owner, NUL), "INTERNAL failed to list versions"),
    "DeployTrigger": (lambda owner: make.trigger(owner, NUL), "INTERNAL failed to upsert trigger"),
    "DeleteTriggers": (
        lambda owner: trigger_service_pb2.DeleteTriggersRequest(
            names=[make.trigger_name(owner, NUL)]
        ),
        (
            "INTERNAL failed to delete trigger {{Project:{0} Domain:development TaskName:env.t "
            f"Name:{NUL}}}}}"
        ),
    ),
    "GetRunDetails": (
        lambda _owner: wire.GetRunDetailsRequest(run_id=make.run_id(NUL)),
        "NOT_FOUND failed to get run",
    ),
    "GetActionDetails": (
        lambda owner: wire.GetActionDetailsRequest(action_id=make.action_id(owner, name=NUL)),
        "NOT_FOUND action not found: failed to get action",
    ),
    "ListRuns": (
        lambda _owner: wire.ListRunsRequest(project_id=make.place(NUL)),
        "INTERNAL failed to list actions",
    ),
}


@pytest.mark.parametrize("method", CALLS)
async def test_text_with_a_nul_is_refused_in_words_of_each_call(
    flyte2: Client, project: str, method: str
) -> None:
    request, expected = CALLS[method]
    refusal = await flyte2.refused(method, request(project))
    assert f"{refusal.code} {refusal.text}" == f"{expected.format(project)}: {REFUSED}"


async def test_engine_is_told_of_a_nul_inside_of_the_answer(told: Client) -> None:
    action = make.action_id(told.project, name=NUL)
    answer = await told.ok("RecordAction", engine.record(action))
    assert answer.status.message == f"failed to create action: {REFUSED}"
    answer = await told.ok("UpdateActionStatus", engine.status(action, engine.RUNNING))
    assert (answer.status.code, answer.status.message) == (13, REFUSED)
    answer = await told.ok(
        "RecordActionEvents", engine.events([engine.event(action, engine.RUNNING)])
    )
    assert answer.status.message == f"insert action_events chunk start=0 size=1: {REFUSED}"
