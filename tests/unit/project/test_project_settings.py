"""Settings of Flyte 2: of the organisation, its domains, and projects in a domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flyteidl2.settings import settings_definition_pb2 as wire
from flyteidl2.settings import settings_service_pb2 as service
from project_world import World, read

from reconciler.backends.flyte1.adapters import ADAPTERS as FLYTE1
from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.adapters import ADAPTERS
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.flyte2.settings import calls, observe, values
from reconciler.errors import BackendError, ConflictError, UnsupportedError
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.live import Query, Unreadable
from reconciler.plan.plan import Block
from reconciler.resolve.resolve import Scope
from reconciler.specs.settings import SettingName

DOCUMENT = (
    "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteSettings\n"
    "metadata: {name: some}\nspec: %s\n"
)
EVERYTHING = """
    run: {defaultQueue: shared, maxActionConcurrency: 3, runBaseDir: "s3://runs"}
    security: {serviceAccount: ranking}
    storage: {rawDataPath: "s3://raw"}
    taskResources:
      min: {cpu: 1, gpu: 0, memory: 1Gi, storage: 1Gi}
      max: {cpu: 500m, gpu: 1, memory: 2Gi, storage: 9Gi}
      mirrorLimitsRequest: false
    labels: {team: ranking}
    annotations: {example.com/owner: ranking}
    environmentVariables: {LOG_LEVEL: info}
    app: {disallowAnonymous: true}
    podTemplateName: ranking
"""
FIELDS: dict[str, Json] = {
    "run/defaultQueue": "shared",
    "run/maxActionConcurrency": 3,
    "run/runBaseDir": "s3://runs",
    "security/serviceAccount": "ranking",
    "storage/rawDataPath": "s3://raw",
    "taskResources/min/cpu": "1",
    "taskResources/min/gpu": "0",
    "taskResources/min/memory": "1Gi",
    "taskResources/min/storage": "1Gi",
    "taskResources/max/cpu": "500m",
    "taskResources/max/gpu": "1",
    "taskResources/max/memory": "2Gi",
    "taskResources/max/storage": "9Gi",
    "taskResources/mirrorLimitsRequest": False,
    "labels": {"team": "ranking"},
    "annotations": {"example.com/owner": "ranking"},
    "environmentVariables": {"LOG_LEVEL": "info"},
    "app/disallowAnonymous": True,
    "podTemplateName": "ranking",
}


ACCELERATOR = "taskResources/defaultAccelerator"


def level(world: World, domain: str = "development") -> Key:
    return Key("FlyteSettings", world.project, domain)


def link(world: World) -> Link:
    return Link(world.channel, Routes(world.channel))


def declared(world: World, settings: str, rest: str = "") -> str:
    """Declare settings of the project in its development domain."""
    return (
        "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteProject\nmetadata: {name: some}\n"
        f"spec:\n  name: {world.project}\n  {rest}\n  domains:\n    development:\n"
        f"      settings: {settings}\n"
    )


async def by_others(world: World, key: Key, **settings: Any) -> None:
    """Write a record as somebody else: all of it."""
    found = wire.Settings(**settings)
    live = (await observe.levels(link(world), key))[key]
    if live.version:
        await world.channel.call(
            methods.UPDATE_SETTINGS,
            service.UpdateSettingsRequest(
                key=observe.key_of(key), settings=found, version=live.version
            ),
        )
    else:
        await world.channel.call(
            methods.CREATE_SETTINGS,
            service.CreateSettingsRequest(key=observe.key_of(key), settings=found),
        )


def text(value: str) -> wire.StringSetting:
    return wire.StringSetting(state=wire.SETTING_STATE_VALUE, string_value=value)


def leaves(message: Any) -> Iterator[tuple[str, ...]]:
    """List the settings in a message by their paths: those with a state."""
    for field in message.fields:
        if "state" in field.message_type.fields_by_name:
            yield (field.name,)
        else:
            yield from ((field.name, *path) for path in leaves(field.message_type))


def test_every_setting_of_the_message_that_the_language_has_is_in_the_table() -> None:
    beyond = {("app", "app_dns_strategy")}  # the open-source manager has no such field
    assert set(values.FIELDS.values()) == set(leaves(wire.Settings.DESCRIPTOR)) - beyond
    assert values.FIELDS.keys() == {*FIELDS, ACCELERATOR}
    assert {name.replace(".", "/") for name in SettingName} == values.FIELDS.keys()


async def test_every_setting_of_a_project_converges_in_one_pass(world2: World) -> None:
    spec = declared(world2, EVERYTHING.replace("\n    ", "\n        "))
    plan = await world2.converge(spec)
    assert [str(change.key) for change in plan.changes] == [
        f"FlyteProject/{world2.project}",
        f"FlyteSettings/{world2.project}/development",
    ]
    assert world2.written() == {
        "ProjectService.CreateProject": 1,
        "SettingsService.CreateSettings": 1,
    }
    assert await world2.fields(level(world2)) == FIELDS
    assert await world2.fields(level(world2, "staging")) == {}


async def test_steady_settings_cost_a_call_for_each_level_and_no_write(world2: World) -> None:
    spec = declared(world2, "{run: {defaultQueue: a}}")
    await world2.converge(spec)
    world2.written()
    assert (await world2.apply(spec)).is_empty
    calls_made = dict(world2.channel.calls)
    assert world2.written() == {}
    assert calls_made["SettingsService.GetSettingsForEdit"] <= 2, "one tells if there are any"


async def test_settings_are_said_to_be_kept_and_not_applied(world2: World) -> None:
    plan = await world2.converge(declared(world2, "{run: {defaultQueue: a}}"))
    assert "this Flyte keeps settings and applies none of them to runs" in plan.changes[1].notes


async def test_settings_that_are_not_declared_stay(world2: World) -> None:
    await world2.converge(declared(world2, "{run: {defaultQueue: a, runBaseDir: 's3://a'}}"))
    shared = text("shared")
    await by_others(
        world2,
        level(world2),
        run=wire.RunSettings(default_queue=text("a"), run_base_dir=text("s3://a")),
        security=wire.SecuritySettings(service_account=text("theirs")),
        app=wire.AppSettings(app_dns_strategy=shared),
    )
    await world2.converge(declared(world2, "{run: {defaultQueue: b}}"))
    assert await world2.fields(level(world2)) == {
        "run/defaultQueue": "b",
        "security/serviceAccount": "theirs",
    }
    live = (await observe.levels(link(world2), level(world2)))[level(world2)]
    assert live.settings.app.app_dns_strategy == shared, "the language does not have it"


async def test_null_takes_a_value_and_a_group_away(world2: World) -> None:
    await world2.converge(declared(world2, EVERYTHING.replace("\n    ", "\n        ")))
    await world2.converge(
        declared(world2, "{run: null, taskResources: {min: null, max: {cpu: null}}, labels: null}")
    )
    left = await world2.fields(level(world2))
    assert left == {}, "what was ours and is no longer declared goes too"
    live = (await observe.levels(link(world2), level(world2)))[level(world2)]
    assert live.version == 2


async def test_value_that_counts_as_none_is_seen_and_replaced(world2: World) -> None:
    await world2.converge(declared(world2, "{run: {defaultQueue: a}}"))
    none = wire.StringSetting(state=wire.SETTING_STATE_UNSET)
    await by_others(world2, level(world2), run=wire.RunSettings(default_queue=none))
    assert await world2.fields(level(world2)) == {"run/defaultQueue": {"state": "Unset"}}
    plan = await world2.converge(declared(world2, "{run: {defaultQueue: a}}"))
    assert plan.changes[0].reason.value == "drift"


async def test_settings_that_are_unset_count_as_none(world2: World) -> None:
    names = [name for name in FIELDS if name != "run/runBaseDir"]
    unset = ", ".join(name.replace("/", ".") for name in names)
    await world2.converge(declared(world2, f"{{run: {{runBaseDir: 's3://a'}}, unset: [{unset}]}}"))
    assert await world2.fields(level(world2)) == {
        "run/runBaseDir": "s3://a",
        **dict.fromkeys(names, values.UNSET),
    }
    live = (await observe.levels(link(world2), level(world2)))[level(world2)]
    assert live.settings.run.default_queue == wire.StringSetting(state=wire.SETTING_STATE_UNSET)
    await world2.converge(declared(world2, "{run: {defaultQueue: a}, unset: [labels]}"))
    assert await world2.fields(level(world2)) == {
        "run/defaultQueue": "a",
        "labels": values.UNSET,
    }


async def test_unset_of_a_domain_goes_before_what_its_project_says(world2: World) -> None:
    spec = declared(world2, "{unset: [run.defaultQueue]}", "settings: {run: {defaultQueue: a}}")
    await world2.converge(spec)
    assert await world2.fields(level(world2)) == {"run/defaultQueue": values.UNSET}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{unset: [labels], labels: {a: b}}", "is given too"),
        ("{unset: [labels], labels: null}", "is given too"),
        ("{unset: [run.defaultQueue], run: {defaultQueue: null}}", "is given too"),
        ("{unset: [labels, labels]}", "stands here twice"),
        ("{unset: []}", "must have at least 1 entry"),
    ],
)
def test_setting_is_given_or_unset(settings: str, message: str) -> None:
    _, problems = read(DOCUMENT % settings, ADAPTERS)
    assert [one.message for one in problems] == [message]


def test_setting_that_does_not_exist_is_not_unset() -> None:
    _, problems = read(DOCUMENT % "{unset: [run.queue]}", ADAPTERS)
    assert [one.path for one in problems] == ["spec.unset[0]"]


async def test_nothing_is_made_for_settings_of_nothing(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}}}")
    world2.written()
    plan = await world2.converge(declared(world2, "{run: {defaultQueue: null}, security: null}"))
    assert plan.is_empty
    assert world2.written() == {}


async def test_foreign_settings_are_taken_over_only_with_leave(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}}}")
    await by_others(world2, level(world2), run=wire.RunSettings(default_queue=text("theirs")))
    plan = await world2.apply(declared(world2, "{run: {defaultQueue: ours}}"))
    assert [change.block for change in plan.changes] == [Block.ADOPTION]
    await world2.converge(declared(world2, "{run: {defaultQueue: ours}}", "adopt: true"))


async def test_equal_foreign_settings_become_ours_without_a_write(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}}}")
    await by_others(world2, level(world2), run=wire.RunSettings(default_queue=text("a")))
    world2.written()
    await world2.converge(declared(world2, "{run: {defaultQueue: a}}"))
    assert world2.written() == {}
    await world2.converge(f"{{name: {world2.project}}}")
    assert await world2.fields(level(world2)) == {}, "no longer declared"


async def test_record_that_moved_since_the_plan_is_a_conflict(world2: World) -> None:
    await world2.converge(declared(world2, "{run: {defaultQueue: a}}"))
    plan = await world2.plan(declared(world2, "{run: {defaultQueue: b}}"))
    (update,) = plan.changes[0].actions
    assert update.revision == "1"
    await by_others(world2, level(world2), run=wire.RunSettings(default_queue=text("c")))
    with pytest.raises(ConflictError, match="run again"):
        await calls.update(link(world2), update)
    assert await world2.fields(level(world2)) == {"run/defaultQueue": "c"}


async def test_write_between_read_and_update_is_a_conflict(world2: World) -> None:
    await world2.converge(declared(world2, "{run: {defaultQueue: a}}"))
    plan = await world2.plan(declared(world2, "{run: {defaultQueue: b}}"))
    (update,) = plan.changes[0].actions
    call = world2.channel.call

    async def crossed(method: Any, request: Any, **options: Any) -> Any:
        if method is methods.UPDATE_SETTINGS:
            world2.channel.call = call  # type: ignore[method-assign]
            await by_others(world2, level(world2))
        return await call(method, request, **options)

    world2.channel.call = crossed  # type: ignore[method-assign]
    with pytest.raises(ConflictError):
        await calls.update(link(world2), update)


async def test_making_settings_again_is_done_when_equal(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}}}")
    plan = await world2.plan(declared(world2, "{run: {defaultQueue: a}}"))
    (create,) = plan.changes[0].actions
    for _ in range(2):
        await calls.create(link(world2), create)
    with pytest.raises(ConflictError):
        await calls.create(link(world2), replace(create, body={"run/defaultQueue": "b"}))


async def test_domain_that_the_server_does_not_have_is_refused(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}}}")
    spec = declared(world2, "{run: {defaultQueue: a}}").replace("development:", "nope:")
    plan = await world2.apply(spec)
    (change,) = plan.changes
    assert change.block is Block.CONFLICT
    assert "no domain nope; its domains are development, production" in change.block_detail


def test_settings_of_a_project_are_those_of_each_listed_domain() -> None:
    spec = """{settings: {run: {defaultQueue: a, runBaseDir: "s3://a"}, labels: {a: b}},
  domains: {production: {settings: {run: null, labels: {c: d}}}, staging: {}}}"""
    resolved, problems = read(spec, ADAPTERS)
    assert resolved is not None
    assert not problems
    bodies = {str(key): one.body for key, one in resolved.desired.resources.items()}
    assert bodies == {
        "FlyteProject/some": {},
        "FlyteSettings/some/production": {"run": None, "labels": {"c": "d"}},
        "FlyteSettings/some/staging": {
            "run/defaultQueue": "a",
            "run/runBaseDir": "s3://a",
            "labels": {"a": "b"},
        },
    }


@pytest.mark.parametrize(
    ("spec", "path", "fix"),
    [
        ("{settings: {run: {defaultQueue: a}}}", "spec.settings", "list the domains"),
    ],
)
def test_settings_without_a_domain_are_an_error(spec: str, path: str, fix: str) -> None:
    _, (problem,) = read(spec, ADAPTERS)
    assert problem.path == path
    assert fix in problem.fix
    assert problem.origin.line == 4


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{settings: {run: {defaultQueue: a}}, domains: {production: {}}}", "spec.settings"),
        (
            "{domains: {production: {settings: {labels: null}}}}",
            "spec.domains.production.settings",
        ),
    ],
)
def test_settings_on_flyte1_are_an_error_at_their_place(spec: str, path: str) -> None:
    _, (problem,) = read(spec, FLYTE1)
    assert problem.path == path
    assert "write attributes" in problem.fix


def test_levels_have_keys_of_the_installation() -> None:
    both = [read(DOCUMENT % spec, ADAPTERS) for spec in ("{}", "{domain: staging}")]
    keys = [str(key) for resolved, _ in both if resolved for key in resolved.desired.resources]
    assert keys == ["FlyteSettings/*", "FlyteSettings/*/staging"]
    assert [Key.parse(key).place for key in keys] == [Place("*"), Place("*", "staging")]
    assert Scope(frozenset({Place("*")})).allows(Place("*", "staging"))
    assert not Scope(frozenset({Place("*")})).allows(Place("ranking", "staging"))


async def test_levels_of_the_installation_converge_and_are_cleared(installation: World) -> None:
    world = installation
    organisation = DOCUMENT % "{run: {defaultQueue: all}}"
    domain = organisation.replace("some", "dev").replace("{run", "{domain: development, run")
    both = f"{organisation}---\n{domain}"
    plan = await world.converge(both)
    assert [str(change.key) for change in plan.changes] == [
        "FlyteSettings/*",
        "FlyteSettings/*/development",
    ]
    assert await world.fields(Key("FlyteSettings", "*")) == {"run/defaultQueue": "all"}
    await world.converge(domain)
    assert await world.fields(Key("FlyteSettings", "*")) == {}
    assert await world.fields(Key("FlyteSettings", "*", "development")) != {}
    assert await world.fields(level(world)) == {}


async def test_one_call_tells_a_level_and_the_broader_ones(installation: World) -> None:
    world = installation
    keys = frozenset({Key("FlyteSettings", "*"), Key("FlyteSettings", "*", "development")})
    world.channel.calls.clear()
    live = await world.backend.observe(Query(records=keys | {level(world)}))
    assert live.objects.keys() == keys | {level(world)}
    assert world.channel.calls["SettingsService.GetSettingsForEdit"] == 2


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("device: a, deviceClass: NvidiaGpu", {"device": "a"}),
        (
            "device: a, deviceClass: AmdGpu, partitionSize: 1g",
            {"device": "a", "deviceClass": "AmdGpu", "partitionSize": "1g"},
        ),
        ("device: a, unpartitioned: true", {"device": "a", "unpartitioned": True}),
    ],
)
async def test_accelerator_is_kept_where_the_server_knows_it(
    installation: World, written: str, kept: Json
) -> None:
    spec = f"{{taskResources: {{defaultAccelerator: {{{written}}}}}}}"
    await installation.converge(DOCUMENT % spec)
    assert await installation.fields(Key("FlyteSettings", "*")) == {ACCELERATOR: kept}


async def test_setting_that_the_server_drops_is_an_error_and_no_endless_change(
    installation: World,
) -> None:
    spec = "{taskResources: {defaultAccelerator: {device: a}}, run: {defaultQueue: a}}"
    (create,) = (await installation.plan(DOCUMENT % spec)).changes[0].actions
    call = installation.channel.call

    async def older(method: Any, request: Any, **options: Any) -> Any:
        if method is methods.CREATE_SETTINGS:
            request.settings.task_resource.ClearField("default_accelerator")
        return await call(method, request, **options)

    installation.channel.call = older  # type: ignore[method-assign]
    with pytest.raises(BackendError, match=r"does not keep taskResources\.defaultAccelerator;"):
        await calls.create(link(installation), create)


async def test_settings_that_cannot_be_read_are_unreadable(installation: World) -> None:
    world2 = installation

    async def down(method: Any, request: Any, **options: Any) -> Any:
        raise BackendError("the server failed", code="INTERNAL")

    world2.channel.call = down  # type: ignore[method-assign]
    live = await world2.backend.observe(Query(records=frozenset({level(world2)})))
    assert isinstance(live.get(level(world2)), Unreadable)


async def test_server_without_settings_is_a_blocked_change(world2: World) -> None:
    await world2.converge(f"{{name: {world2.project}}}")
    call = world2.channel.call

    async def unserved(method: Any, request: Any, **options: Any) -> Any:
        if method.name.startswith("SettingsService"):
            raise UnsupportedError("not served", code="UNIMPLEMENTED")
        return await call(method, request, **options)

    world2.channel.call = unserved  # type: ignore[method-assign]
    plan = await world2.plan(declared(world2, "{run: {defaultQueue: a}}"))
    (change,) = plan.changes
    assert (change.block, change.block_detail) == (
        Block.CONFLICT,
        "this Flyte does not serve settings",
    )
