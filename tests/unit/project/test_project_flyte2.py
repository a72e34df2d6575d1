"""FlyteProject on Flyte 2: converges in one pass, and touches nothing that is not declared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flyteidl2.project import project_service_pb2 as wire
from flyteidl2.task import run_pb2
from project_world import World, read

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.adapters import ADAPTERS
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.project import calls
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.wire.channel import Channel
from reconciler.errors import ConflictError
from reconciler.model.origin import Severity
from reconciler.plan.plan import Block, Effect

EVERYTHING = """{name: %s, displayName: Ranking, description: Learns and serves,
  labels: {team: ranking, example.com/tier: ""}, state: Active}"""


def link(channel: Channel) -> Link:
    return Link(channel, Routes(channel))


async def written_by_others(world: World, **fields: object) -> None:
    """Update the project as somebody else: read it, change it, send it back."""
    answer = await world.channel.call(methods.GET_PROJECT, wire.GetProjectRequest(id=world.project))
    project = answer.project
    project.ClearField("domains")
    for name, value in fields.items():
        if name == "labels":
            project.labels.CopyFrom(run_pb2.Labels(values=value))
        else:
            setattr(project, name, value)
    await world.channel.call(methods.UPDATE_PROJECT, wire.UpdateProjectRequest(project=project))


async def test_everything_of_a_project_converges_in_one_pass(world2: World) -> None:
    plan = await world2.converge(EVERYTHING % world2.project)
    assert plan.summary().add == 1
    assert world2.written() == {"ProjectService.CreateProject": 1}
    assert await world2.fields() == {
        "displayName": "Ranking",
        "description": "Learns and serves",
        "labels/team": "ranking",
        "labels/example.com/tier": "",
        "state": "Active",
    }


async def test_steady_project_of_flyte2_gets_no_write(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    world2.written()
    plan = await world2.apply(EVERYTHING % world2.project)
    assert plan.is_empty
    assert "ProjectService.GetProject" not in world2.channel.calls, "one list and no more"
    assert world2.written() == {}


async def test_update_names_no_domain_and_keeps_what_it_does_not_name(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    sent: list[wire.UpdateProjectRequest] = []
    call = world2.channel.call

    async def spy(method: object, request: object, **options: object) -> object:
        if isinstance(request, wire.UpdateProjectRequest):
            sent.append(request)
        return await call(method, request, **options)  # type: ignore[arg-type]

    world2.channel.call = spy  # type: ignore[method-assign,assignment]
    await world2.converge(f"{{name: {world2.project}, displayName: Other}}")
    (request,) = sent
    assert not request.project.domains
    assert request.project.description == "", "ours, and no longer declared"
    assert request.project.state == wire.PROJECT_STATE_ACTIVE


async def test_fields_that_are_not_declared_stay(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}, labels: {{a: '1', b: '2'}}}}")
    await written_by_others(
        world2, labels={"a": "1", "b": "2", "theirs": "x"}, description="by hand", name="By hand"
    )
    await world2.converge(f"{{name: {world2.project}, labels: {{a: '3'}}}}")
    assert await world2.fields() == {
        "displayName": "By hand",
        "description": "by hand",
        "labels/a": "3",
        "labels/theirs": "x",
        "state": "Active",
    }


async def test_last_label_and_description_can_be_cleared(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    await world2.converge(f"{{name: {world2.project}, description: null, labels: null}}")
    assert (await world2.fields()).keys() == {"displayName", "state"}


async def test_description_has_300_characters_however_many_bytes(world2: World) -> None:
    text = "ü" * 300
    await world2.converge(f"{{name: {world2.project}, description: {text}}}")
    assert (await world2.fields())["description"] == text
    _, problems = read(f"{{description: {text}ü}}", ADAPTERS)
    assert [one.message for one in problems] == ["has 301 characters; Flyte takes at most 300"]


async def test_project_is_archived_with_a_warning_and_comes_back(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    plan = await world2.converge(f"{{name: {world2.project}, state: Archived}}")
    (change,) = plan.changes
    assert "archiving stops nothing on Flyte 2" in change.notes[0]
    assert (await world2.fields())["state"] == "Archived"
    await world2.converge(f"{{name: {world2.project}, labels: {{a: b}}}}")
    assert (await world2.fields())["state"] == "Archived", "state is not declared here"
    plan = await world2.converge(f"{{name: {world2.project}, state: Active, adopt: true}}")
    assert not plan.changes[0].notes
    assert (await world2.fields())["state"] == "Active"


async def test_project_that_the_set_made_is_archived_without_leave(world2: World) -> None:
    named = f"name: {world2.project}"
    await world2.converge(f"{{{named}}}")
    await world2.converge(f"{{{named}, labels: {{a: b}}}}")
    await world2.converge(f"{{{named}, labels: {{a: b}}, state: Archived}}")
    assert (await world2.fields())["state"] == "Archived"
    await world2.converge(f"{{{named}}}")
    await world2.converge(f"{{{named}, displayName: Ours, state: Active}}")
    assert await world2.fields() == {"displayName": "Ours", "state": "Active"}


async def test_project_of_others_that_has_our_label_is_archived_with_leave_only(
    world2: World,
) -> None:
    project = wire.Project(id=world2.project, name="Theirs")
    await world2.channel.call(methods.CREATE_PROJECT, wire.CreateProjectRequest(project=project))
    labelled = f"name: {world2.project}, labels: {{a: b}}"
    await world2.converge(f"{{{labelled}}}")
    plan = await world2.apply(f"{{{labelled}, state: Archived}}")
    assert [change.block for change in plan.changes] == [Block.ADOPTION]
    assert (await world2.fields())["state"] == "Active"


async def test_drift_is_corrected_and_told_as_drift(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    await written_by_others(world2, description="by hand")
    plan = await world2.converge(EVERYTHING % world2.project)
    assert [(one.effect, one.reason.value) for one in plan.changes] == [(Effect.UPDATE, "drift")]


async def test_foreign_project_is_taken_over_only_with_leave(world2: World) -> None:
    project = wire.Project(id=world2.project, name="Theirs", description="theirs")
    await world2.channel.call(methods.CREATE_PROJECT, wire.CreateProjectRequest(project=project))
    spec = f"name: {world2.project}, description: ours"
    plan = await world2.apply(f"{{{spec}}}")
    assert [change.block for change in plan.changes] == [Block.ADOPTION]
    await world2.converge(f"{{{spec}, adopt: true}}")
    assert (await world2.fields())["displayName"] == "Theirs"


async def test_forgotten_project_of_flyte2_loses_our_fields_and_stays(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    await world2.converge()
    assert await world2.fields() == {"displayName": "Ranking", "state": "Active"}


async def test_making_again_is_done_when_equal_and_a_conflict_when_not(world2: World) -> None:
    plan = await world2.plan(EVERYTHING % world2.project)
    (create,) = plan.changes[0].actions
    for _ in range(2):
        await calls.create(link(world2.channel), create)
    moved = replace(create, body={**(create.body or {}), "description": "other"})
    with pytest.raises(ConflictError, match="somebody else meanwhile"):
        await calls.create(link(world2.channel), moved)


async def test_update_that_crosses_another_is_a_conflict(world2: World) -> None:
    await world2.converge(EVERYTHING % world2.project)
    plan = await world2.plan(f"{{name: {world2.project}, displayName: Ours}}")
    (update,) = plan.changes[0].actions
    call = world2.channel.call

    async def crossed(method: object, request: object, **options: object) -> object:
        answer = await call(method, request, **options)  # type: ignore[arg-type]
        if method is methods.UPDATE_PROJECT:
            world2.channel.call = call  # type: ignore[method-assign]
            await written_by_others(world2, name="Theirs")
        return answer

    world2.channel.call = crossed  # type: ignore[method-assign,assignment]
    with pytest.raises(ConflictError, match="at the same time"):
        await calls.update(link(world2.channel), update)
    await world2.converge(f"{{name: {world2.project}, displayName: Ours}}")


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{attributes: {clusterPool: a}}", "spec.attributes"),
        (
            "{domains: {development: {attributes: {clusterPool: a}}}}",
            "spec.domains.development.attributes",
        ),
        (
            "{domains: {development: {workflows: {etl: {attributes: {clusterPool: a}}}}}}",
            "spec.domains.development.workflows",
        ),
    ],
)
def test_attributes_are_an_error_at_their_place(spec: str, path: str) -> None:
    resolved, problems = read(spec, ADAPTERS)
    assert resolved is not None
    assert not resolved.desired.resources
    (problem,) = problems
    assert (problem.path, problem.severity) == (path, Severity.ERROR)
    assert problem.origin.line == 4
    assert "write settings" in problem.fix
