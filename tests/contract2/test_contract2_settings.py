"""Settings of Flyte 2: levels, versions, what is not served."""

from __future__ import annotations

import flyte2_messages as make
import pytest
from flyte2_client import Client
from flyteidl2.settings import settings_definition_pb2, settings_service_pb2

VALUE = settings_definition_pb2.SETTING_STATE_VALUE


def key(owner: str, *, domain: str = "", project: str = "") -> object:
    """A key of an organisation of the test's own, which is where settings have one."""
    return settings_definition_pb2.SettingsKey(org=owner, domain=domain, project=project)


def settings(queue: str = "fast") -> settings_definition_pb2.Settings:
    setting = settings_definition_pb2.StringSetting(state=VALUE, string_value=queue)
    run = settings_definition_pb2.RunSettings(default_queue=setting)
    return settings_definition_pb2.Settings(run=run)


def create(owner: str, **rest: str) -> settings_service_pb2.CreateSettingsRequest:
    return settings_service_pb2.CreateSettingsRequest(key=key(owner, **rest), settings=settings())


def update(owner: str, version: int, queue: str = "slow") -> object:
    return settings_service_pb2.UpdateSettingsRequest(
        key=key(owner), settings=settings(queue), version=version
    )


async def levels(flyte2: Client, **rest: str) -> list[tuple[int, str]]:
    request = settings_service_pb2.GetSettingsForEditRequest(key=key(flyte2.project, **rest))
    answer = await flyte2.ok("GetSettingsForEdit", request)
    assert answer.requestedKey == request.key
    return [(one.version, one.settings.run.default_queue.string_value) for one in answer.levels]


async def test_created_settings_are_at_version_one(flyte2: Client) -> None:
    made = (await flyte2.ok("CreateSettings", create(flyte2.project))).settingsRecord
    assert (made.version, made.settings, made.key) == (1, settings(), key(flyte2.project))


async def test_settings_are_read_at_every_level_the_broadest_first(flyte2: Client) -> None:
    owner = flyte2.project
    await flyte2.ok("CreateSettings", create(owner))
    await flyte2.ok("CreateSettings", create(owner, domain=make.DOMAIN, project="p"))
    assert await levels(flyte2, domain=make.DOMAIN, project="p") == [
        (1, "fast"),
        (0, ""),
        (1, "fast"),
    ]
    assert await levels(flyte2, domain=make.DOMAIN) == [(1, "fast"), (0, "")]


async def test_levels_are_keyed_by_their_scope(flyte2: Client) -> None:
    request = settings_service_pb2.GetSettingsForEditRequest(
        key=key(flyte2.project, domain=make.DOMAIN, project="p")
    )
    found = (await flyte2.ok("GetSettingsForEdit", request)).levels
    assert [one.key for one in found] == [
        key(flyte2.project),
        key(flyte2.project, domain=make.DOMAIN),
        key(flyte2.project, domain=make.DOMAIN, project="p"),
    ]
    assert all(one.HasField("settings") for one in found)


async def test_created_settings_cannot_be_created_again(flyte2: Client) -> None:
    await flyte2.ok("CreateSettings", create(flyte2.project))
    refusal = await flyte2.refused("CreateSettings", create(flyte2.project))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text == f"settings already exists: v1:{flyte2.project}::"


async def test_t31_update_needs_the_current_version(flyte2: Client) -> None:
    await flyte2.ok("CreateSettings", create(flyte2.project))
    made = (await flyte2.ok("UpdateSettings", update(flyte2.project, 1))).settingsRecord
    assert (made.version, made.settings.run.default_queue.string_value) == (2, "slow")
    refusal = await flyte2.refused("UpdateSettings", update(flyte2.project, 1, "other"))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text == f"settings version conflict: v1:{flyte2.project}::"
    assert await levels(flyte2) == [(2, "slow")]


async def test_t31_update_does_not_create(flyte2: Client) -> None:
    refusal = await flyte2.refused("UpdateSettings", update(flyte2.project, 1))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text == f"settings not found: v1:{flyte2.project}::"
    refusal = await flyte2.refused("UpdateSettings", update(flyte2.project, 0))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == "a version is required; use CreateSettings for a new record"


async def test_update_replaces_settings_whole(flyte2: Client) -> None:
    request = create(flyte2.project)
    request.settings.security.service_account.string_value = "robot"
    await flyte2.ok("CreateSettings", request)
    await flyte2.ok("UpdateSettings", update(flyte2.project, 1))
    edit = settings_service_pb2.GetSettingsForEditRequest(key=key(flyte2.project))
    (level,) = (await flyte2.ok("GetSettingsForEdit", edit)).levels
    assert not level.settings.HasField("security")


async def test_states_of_settings_are_kept(flyte2: Client) -> None:
    states = settings_definition_pb2
    sent = settings()
    sent.security.service_account.state = states.SETTING_STATE_UNSET
    sent.labels.state = states.SETTING_STATE_VALUE
    sent.labels.map_value.entries["team"] = "a"
    sent.task_resource.min.cpu.quantity_value = "500m"
    sent.task_resource.min.cpu.state = states.SETTING_STATE_VALUE
    sent.run.max_action_concurrency.int_value = 7
    request = settings_service_pb2.CreateSettingsRequest(key=key(flyte2.project), settings=sent)
    await flyte2.ok("CreateSettings", request)
    edit = settings_service_pb2.GetSettingsForEditRequest(key=key(flyte2.project))
    (level,) = (await flyte2.ok("GetSettingsForEdit", edit)).levels
    assert level.settings == sent


async def test_settings_of_apps_and_pods_are_kept(flyte2: Client) -> None:
    sent = settings()
    sent.app.disallow_anonymous.state = VALUE
    sent.app.disallow_anonymous.bool_value = True
    sent.pod_template_name.state = VALUE
    sent.pod_template_name.string_value = "base"
    request = settings_service_pb2.CreateSettingsRequest(key=key(flyte2.project), settings=sent)
    await flyte2.ok("CreateSettings", request)
    edit = settings_service_pb2.GetSettingsForEditRequest(key=key(flyte2.project))
    (level,) = (await flyte2.ok("GetSettingsForEdit", edit)).levels
    assert level.settings == sent


async def test_settings_of_a_project_need_a_domain(flyte2: Client) -> None:
    scope = key(flyte2.project, project="p")
    wire = settings_service_pb2
    for method, request in (
        ("CreateSettings", wire.CreateSettingsRequest(key=scope, settings=settings())),
        ("UpdateSettings", wire.UpdateSettingsRequest(key=scope, settings=settings(), version=1)),
        ("GetSettingsForEdit", wire.GetSettingsForEditRequest(key=scope)),
    ):
        refusal = await flyte2.refused(method, request)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.text == "a project-scope key requires a domain"


@pytest.mark.parametrize("field", ["key", "settings"])
async def test_settings_need_key_and_content(flyte2: Client, field: str) -> None:
    for method, request in (
        ("CreateSettings", create(flyte2.project)),
        ("UpdateSettings", update(flyte2.project, 1)),
    ):
        request.ClearField(field)
        refusal = await flyte2.refused(method, request)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.text == "key and settings are required"
    refusal = await flyte2.refused(
        "GetSettingsForEdit", settings_service_pb2.GetSettingsForEditRequest()
    )
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "key is required")


async def test_t31_merged_settings_are_not_served(flyte2: Client) -> None:
    request = settings_service_pb2.GetSettingsRequest(key=key(flyte2.project))
    assert (await flyte2.refused("GetSettings", request)).code == "UNIMPLEMENTED"
