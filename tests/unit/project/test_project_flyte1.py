from __future__ import annotations

from dataclasses import replace

import pytest
from flyteidl.admin import (
    common_pb2,
    project_domain_attributes_pb2,
    project_pb2,
)
from project_world import World

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.adapters import PROJECT_TRAITS
from reconciler.backends.flyte1.channel import connect
from reconciler.backends.flyte1.project import calls, values
from reconciler.errors import ConflictError
from reconciler.model.document import Json
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action, Block, Effect

TAGS = "attributes/executionQueueTags"
DEV_TAGS = "domains/development/attributes/executionQueueTags"
FLOW_TAGS = "domains/development/workflows/pipelines.train/attributes/executionQueueTags"
DEV_PLUGINS = "domains/development/attributes/pluginOverrides"
FLOW_PLUGINS = "domains/development/workflows/pipelines.train/attributes/pluginOverrides"

EVERYTHING = """
  name: %s
  displayName: Ranking
  description: Learns and serves
  labels: {team: ranking, example.com/tier: ""}
  attributes: {clusterPool: shared, executionQueueTags: [batch]}
  domains:
    development:
      attributes:
        taskResources:
          defaults: {cpu: 500m, memory: 1Gi, storage: 1Gi}
          limits: {cpu: 2, gpu: 1, memory: 4Gi, ephemeralStorage: 10Gi}
        clusterResources: {projectQuotaCpu: "64"}
        executionQueueTags: [gpu, large]
        executionClusterLabel: east
        pluginOverrides:
        - {taskType: spark, plugins: [spark]}
        - {taskType: container, plugins: [pod, container], onMissing: UseDefault}
        workflowExecution:
          maxParallelism: 12
          serviceAccount: ranking
          iamRole: role/ranking
          rawOutputPrefix: s3://ranking/raw
          labels: {team: ranking}
          annotations: {example.com/owner: ranking}
          interruptible: false
          overwriteCache: true
          envs: {B: "2", A: "1"}
        clusterPool: gpu
      workflows:
        pipelines.train:
          attributes:
            taskResources: {limits: {gpu: 4}}
            workflowExecution: {overwriteCache: true}
            pluginOverrides: [{taskType: ray, plugins: [ray]}]
"""


async def lone(world: World) -> None:
    """Register the project as somebody else."""
    project = project_pb2.Project(id=world.project, name=world.project)
    request = project_pb2.ProjectRegisterRequest(project=project)
    await world.channel.call(methods.REGISTER_PROJECT, request)


async def perform_set(world: World, path: str, value: Json) -> None:
    """Write a row as somebody else, without any look before."""
    action = Action(
        id="x", key=world.key, verb=Verb.SET, call="", field=path, body={"value": value}
    )
    await calls.set_row(world.channel, action)


async def raw_plugins(world: World, *types: str) -> None:
    """Write the plugin overrides of the domain with the bare call."""
    await world.channel.call(
        methods.UPDATE_PROJECT_DOMAIN_ATTRIBUTES,
        project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest(
            attributes=project_domain_attributes_pb2.ProjectDomainAttributes(
                project=world.project,
                domain="development",
                matching_attributes=values.to_wire("pluginOverrides", plugins(*types)),
            )
        ),
    )


def plugins(*types: str) -> list[Json]:
    return [{"taskType": one, "plugins": [one]} for one in types]


async def test_everything_the_language_has_converges_in_one_pass(world: World) -> None:
    plan = await world.converge(EVERYTHING % world.project)
    assert plan.summary().add == 1
    fields = await world.fields()
    assert fields["labels/example.com/tier"] == ""
    assert fields["domains/development/attributes/taskResources"] == {
        "defaults": {"cpu": "500m", "memory": "1Gi", "storage": "1Gi"},
        "limits": {"cpu": "2", "gpu": "1", "memory": "4Gi", "ephemeralStorage": "10Gi"},
    }
    flow = "domains/development/workflows/pipelines.train/attributes/"
    assert fields[f"{flow}workflowExecution"] == {"overwriteCache": True}


async def test_steady_sync_sends_no_write(world: World) -> None:
    await world.converge(EVERYTHING % world.project)
    world.written()
    await world.apply(EVERYTHING % world.project)
    assert world.written() == {}


async def test_attributes_read_raw(world: World) -> None:
    await world.converge(EVERYTHING % world.project)
    world.channel.calls.clear()
    fields = await world.fields()
    calls = world.channel.calls
    assert calls.pop("AdminService.ListProjects") >= 1, "pages of a thousand projects"
    assert calls == {"AdminService.ListMatchableAttributes": 7}
    assert not [path for path in fields if path.startswith("domains/staging/")]


async def test_nothing_is_read_where_no_project_is_declared_or_listed(world: World) -> None:
    plan = await world.plan()
    assert plan.is_empty
    assert world.channel.calls == {}


async def test_archived_project_is_seen_and_taken_out_by_declaration(world: World) -> None:
    await world.converge(f"{{name: {world.project}, state: Archived}}")
    assert (await world.fields())["state"] == "Archived"
    plan = await world.converge(
        f"{{name: {world.project}, state: Active, attributes: {{clusterPool: a}}}}"
    )
    assert plan.summary().change == 1
    assert (await world.fields())["attributes/clusterPool"] == "a"


async def test_project_of_flyte1_that_the_set_made_is_archived_without_leave(world: World) -> None:
    await world.converge(f"{{name: {world.project}}}")
    await world.converge(f"{{name: {world.project}, state: Archived}}")
    assert (await world.fields())["state"] == "Archived"


async def test_archive_with_new_rows_writes_them_first(world: World) -> None:
    spec = f"{{name: {world.project}, state: Archived, attributes: {{clusterPool: a}}}}"
    await world.converge(spec)
    fields = await world.fields()
    assert (fields["state"], fields["attributes/clusterPool"]) == ("Archived", "a")
    await world.converge(f"{{name: {world.project}, state: Active}}")
    await world.converge(spec)


async def test_rows_of_an_archived_project_are_held_back_and_not_sent(world: World) -> None:
    await world.converge(f"{{name: {world.project}, state: Archived}}")
    world.written()
    plan = await world.apply(f"{{name: {world.project}, attributes: {{clusterPool: a}}}}")
    assert [change.block for change in plan.changes] == [Block.CONFLICT]
    assert world.written() == {}


async def test_update_of_labels_keeps_an_archived_project_archived(world: World) -> None:
    await world.converge(f"{{name: {world.project}, state: Archived}}")
    await world.converge(f"{{name: {world.project}, labels: {{a: b}}}}")
    assert (await world.fields())["state"] == "Archived"


async def test_labels_of_others_stay_when_ours_change_and_go(world: World) -> None:
    await world.converge(f"{{name: {world.project}, labels: {{a: '1', b: '2'}}}}")
    project = await world.channel.call(
        methods.GET_PROJECT, project_pb2.ProjectGetRequest(id=world.project)
    )
    project.ClearField("domains")
    project.labels.values["theirs"] = "x"
    await world.channel.call(methods.UPDATE_PROJECT, project)
    await world.converge(f"{{name: {world.project}, labels: {{a: '3'}}}}")
    fields = await world.fields()
    labels = {path: value for path, value in fields.items() if path.startswith("labels/")}
    assert labels == {"labels/a": "3", "labels/theirs": "x"}


async def test_last_label_can_be_cleared(world: World) -> None:
    await world.converge(f"{{name: {world.project}, labels: {{a: '1'}}}}")
    await world.converge(f"{{name: {world.project}, labels: null}}")
    assert "labels/a" not in await world.fields()


async def test_label_written_between_plan_and_apply_survives(world: World) -> None:
    await world.converge(f"{{name: {world.project}, labels: {{a: '1'}}}}")
    plan = await world.plan(f"{{name: {world.project}, labels: {{a: '2'}}}}")
    labels = common_pb2.Labels(values={"a": "1", "theirs": "x"})
    moved = project_pb2.Project(id=world.project, labels=labels, state=project_pb2.Project.ARCHIVED)
    await world.channel.call(methods.UPDATE_PROJECT, moved)
    (change,) = plan.changes
    await calls.update(world.channel, change.actions[0])
    fields = await world.fields()
    assert (fields["labels/a"], fields["labels/theirs"], fields["state"]) == ("2", "x", "Archived")


async def test_description_clear_is_reported_and_nothing_is_sent(world: World) -> None:
    await world.converge(f"{{name: {world.project}, description: old}}")
    world.written()
    plan = await world.apply(f"{{name: {world.project}, description: null}}")
    assert [change.block for change in plan.changes] == [Block.CONFLICT]
    assert world.written() == {}


async def test_broad_delete_keeps_narrow_rows(world: World) -> None:
    narrow = "workflows: {pipelines.train: {attributes: {executionQueueTags: [w]}}}"
    dev = f"development: {{attributes: {{executionQueueTags: [d]}}, {narrow}}}"
    full = f"attributes: {{executionQueueTags: [p]}}, domains: {{{dev}}}"
    await world.converge(f"{{name: {world.project}, {full}}}")
    await world.converge(f"{{name: {world.project}, domains: {{{dev}}}}}")
    fields = await world.fields()
    assert (fields.get(TAGS), fields[DEV_TAGS], fields[FLOW_TAGS]) == (None, ["d"], ["w"])


async def test_broad_delete_beside_a_narrow_row_of_others_is_refused(world: World) -> None:
    await world.converge(f"{{name: {world.project}, attributes: {{executionQueueTags: [p]}}}}")
    await perform_set(world, FLOW_TAGS, ["theirs"])
    plan = await world.apply(f"{{name: {world.project}}}")
    assert [change.block for change in plan.changes] == [Block.GUARD]
    assert (await world.fields())[FLOW_TAGS] == ["theirs"]


async def test_narrow_row_that_appeared_after_the_plan_stops_the_broad_delete(world: World) -> None:
    await world.converge(f"{{name: {world.project}, attributes: {{executionQueueTags: [p]}}}}")
    plan = await world.plan(f"{{name: {world.project}}}")
    await perform_set(world, FLOW_TAGS, ["theirs"])
    (change,) = plan.changes
    with pytest.raises(ConflictError, match="would also remove domains/development/workflows"):
        await calls.unset_row(world.channel, change.actions[0])
    assert (await world.fields())[FLOW_TAGS] == ["theirs"]


async def test_plugin_override_removal(world: World) -> None:
    def spec(overrides: str) -> str:
        domains = f"{{development: {{attributes: {{pluginOverrides: [{overrides}]}}}}}}"
        return f"{{name: {world.project}, domains: {domains}}}"

    a, b, c = (f"{{taskType: {one}, plugins: [{one}]}}" for one in "abc")
    await world.converge(spec(f"{b}, {a}"))
    await world.converge(spec(f"{a}, {c}, {b}"))
    plan = await world.converge(spec(c))
    assert [action.verb for action in plan.changes[0].actions] == [Verb.UNSET, Verb.SET]
    assert (await world.fields())[DEV_PLUGINS] == plugins("c")


async def test_plugin_overrides_of_a_domain_never_land_in_the_row_of_a_workflow(
    world: World,
) -> None:
    overrides = "{attributes: {pluginOverrides: [{taskType: w, plugins: [w]}]}}"
    flow = f"workflows: {{pipelines.train: {overrides}}}"
    dev = "attributes: {pluginOverrides: [{taskType: d, plugins: [d]}]}"
    await world.converge(f"{{name: {world.project}, domains: {{development: {{{flow}}}}}}}")
    await world.converge(f"{{name: {world.project}, domains: {{development: {{{dev}, {flow}}}}}}}")
    fields = await world.fields()
    assert fields[DEV_PLUGINS] == plugins("d")
    assert fields[FLOW_PLUGINS] == plugins("w")


async def test_server_does_write_overrides_of_a_domain_into_the_row_of_a_workflow(
    world: World,
) -> None:
    """The habit that the order of our calls avoids: were it gone, the order could go too."""
    await lone(world)
    await perform_set(world, FLOW_PLUGINS, plugins("w"))
    await raw_plugins(world, "d")
    fields = await world.fields()
    assert fields.get(DEV_PLUGINS) is None
    assert fields[FLOW_PLUGINS] == plugins("d", "w")


async def test_overrides_of_a_domain_are_not_sent_when_a_workflow_row_appeared(
    world: World,
) -> None:
    await lone(world)
    await perform_set(world, FLOW_PLUGINS, plugins("w"))
    with pytest.raises(ConflictError, match="would be written into domains/development/workflows"):
        await perform_set(world, DEV_PLUGINS, plugins("d"))


async def test_existing_project_that_equals_the_declaration_needs_only_the_ledger(
    world: World,
) -> None:
    await world.converge(EVERYTHING % world.project)
    other = World(world.channel, world.project)
    world.written()
    plan = await other.apply(EVERYTHING % world.project)
    assert plan.changes == ()
    assert plan.bookkeeping
    assert world.written() == {}
    assert DEV_TAGS in other.ledger.rows[world.key]


async def test_foreign_value_is_taken_over_only_with_leave(world: World) -> None:
    await lone(world)
    await perform_set(world, TAGS, ["theirs"])
    spec = f"name: {world.project}, attributes: {{executionQueueTags: [ours]}}"
    plan = await world.plan(f"{{{spec}}}")
    assert [change.block for change in plan.changes] == [Block.ADOPTION]
    await world.converge(f"{{{spec}, adopt: true}}")
    assert (await world.fields())[TAGS] == ["ours"]


async def test_forgotten_project_loses_our_rows_and_stays(world: World) -> None:
    await world.converge(EVERYTHING % world.project)
    theirs = "domains/staging/attributes/executionClusterLabel"
    await perform_set(world, theirs, "theirs")
    plan = await world.converge()
    assert [change.effect for change in plan.changes] == [Effect.UPDATE]
    assert await world.fields() == {
        "displayName": "Ranking",
        "description": "Learns and serves",
        "state": "Active",
        theirs: "theirs",
    }


async def test_unknown_domain_is_refused_for_a_project_that_is_not_there_yet(world: World) -> None:
    domains = "{prod: {attributes: {clusterPool: a}}}"
    plan = await world.plan(f"{{name: {world.project}, domains: {domains}}}")
    (change,) = plan.changes
    assert change.block is Block.CONFLICT
    assert "its domains are development, staging, production" in change.block_detail


async def test_registering_again_is_done_when_equal_and_a_conflict_when_not(world: World) -> None:
    plan = await world.plan(f"{{name: {world.project}, labels: {{a: b}}}}")
    (create,) = plan.changes[0].actions
    await calls.create(world.channel, create)
    await calls.create(world.channel, create)
    other = await world.plan(f"{{name: {world.project}, labels: {{a: b}}}}")
    assert other.is_empty
    moved = Action(id="x", key=world.key, verb=Verb.CREATE, call="", body={"labels/a": "c"})
    with pytest.raises(ConflictError, match="registered by somebody else meanwhile"):
        await calls.create(world.channel, moved)


async def test_failed_list_makes_the_project_unreadable_and_nothing_is_planned(
    world: World,
) -> None:
    await world.converge(f"{{name: {world.project}, labels: {{a: b}}}}")
    path = "attributes/workflowExecution"
    await perform_set(world, path, {"annotations": {"a": "x" * 60_000}})
    small = replace(world.channel.settings, max_message_bytes=20_000)
    async with connect(small, read_only=True) as channel:
        other = World(channel, world.project, world.ledger)
        plan = await other.plan(f"{{name: {world.project}, labels: {{a: c}}}}")
        assert (plan.changes, plan.unread) == ((), 1)
        forgotten = await other.plan()
        assert forgotten.changes == ()
        assert any("larger" in warning for warning in forgotten.warnings), forgotten.warnings


@pytest.mark.parametrize("kind", sorted(values.KINDS))
async def test_each_kind_is_written_read_and_removed_at_each_level(world: World, kind: str) -> None:
    samples: dict[str, Json] = {
        "taskResources": {"limits": {"cpu": "1"}},
        "clusterResources": {"a": "b"},
        "executionQueueTags": ["a", "b"],
        "executionClusterLabel": "a",
        "pluginOverrides": plugins("a", "b"),
        "workflowExecution": {"interruptible": False},
        "clusterPool": "a",
    }
    await lone(world)
    levels = ["domains/development/", "domains/development/workflows/a/b/"]
    if kind != "pluginOverrides":
        levels.insert(0, "")
    paths = [f"{level}attributes/{kind}" for level in levels]
    for path in paths:
        await perform_set(world, path, samples[kind])
    fields = await world.fields()
    assert {path: fields.get(path) for path in paths} == dict.fromkeys(paths, samples[kind])
    for path in reversed(paths):
        action = Action(id="x", key=world.key, verb=Verb.UNSET, call="", field=path)
        await calls.unset_row(world.channel, action)
    assert set(await world.fields()) == {"displayName", "state"}


def test_every_row_call_is_named_after_the_call_that_is_sent() -> None:
    name = PROJECT_TRAITS.fields.calls
    assert name is not None
    assert name(Verb.SET, TAGS) == "AdminService.UpdateProjectAttributes"
    assert name(Verb.UNSET, TAGS) == "AdminService.DeleteProjectAttributes"
    assert name(Verb.SET, DEV_TAGS) == "AdminService.UpdateProjectDomainAttributes"
    assert name(Verb.UNSET, DEV_TAGS) == "AdminService.DeleteProjectDomainAttributes"
    assert name(Verb.SET, FLOW_TAGS) == "AdminService.UpdateWorkflowAttributes"
    assert name(Verb.UNSET, FLOW_TAGS) == "AdminService.DeleteWorkflowAttributes"
