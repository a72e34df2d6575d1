"""Projects and settings of Flyte 2 as documents, which adopt what they were made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flyteidl2.project import project_service_pb2
from flyteidl2.settings import settings_definition_pb2 as wire
from flyteidl2.settings import settings_service_pb2 as service
from project_world import NOW, World

from reconciler.api import exporting
from reconciler.api.connecting import Choice
from reconciler.backends.flyte2 import methods
from reconciler.engine import adoption, inventory, planning
from reconciler.engine.declaration import declare
from reconciler.engine.inventory import Export, Selection


def text(value: str) -> wire.StringSetting:
    return wire.StringSetting(state=wire.SETTING_STATE_VALUE, string_value=value)


async def furnish(world: World) -> None:
    """Make a project, and settings at every level, one of which counts as none."""
    project = project_service_pb2.Project(id=world.project, name="One", description="by hand")
    project.labels.values["team"] = "on"
    await world.channel.call(
        methods.CREATE_PROJECT, project_service_pb2.CreateProjectRequest(project=project)
    )
    none = wire.StringSetting(state=wire.SETTING_STATE_UNSET)
    levels: list[tuple[dict[str, str], wire.Settings]] = [
        ({}, wire.Settings(security=wire.SecuritySettings(service_account=text("all")))),
        (
            {"domain": "staging"},
            wire.Settings(run=wire.RunSettings(default_queue=text("staged"))),
        ),
        (
            {"domain": "staging", "project": world.project},
            wire.Settings(run=wire.RunSettings(default_queue=text("own"), run_base_dir=none)),
        ),
    ]
    for key, settings in levels:
        request = service.CreateSettingsRequest(key=wire.SettingsKey(**key), settings=settings)
        await world.channel.call(methods.CREATE_SETTINGS, request)
    world.written()


async def exported(world: World, **selection: Any) -> Export:
    return await inventory.export(world.backend, Selection(**selection), set_name="team", now=NOW)


def documents(found: Export) -> dict[str, Any]:
    return {
        f"{one.document['kind']} {one.document['metadata']['name']}": one.document["spec"]  # type: ignore[call-overload,index]
        for one in found.exported
    }


async def test_installation_is_exported_and_adopted_without_a_write(
    installation: World, tmp_path: Path
) -> None:
    await furnish(installation)
    found = await exported(installation)
    assert documents(found) == {
        "FlyteProject proj-one": {
            "displayName": "One",
            "description": "by hand",
            "labels": {"team": "on"},
            "state": "Active",
            "domains": {
                "staging": {
                    "settings": {"run": {"defaultQueue": "own"}, "unset": ["run.runBaseDir"]}
                }
            },
        },
        "FlyteProject flytesnacks": {"state": "Active"},
        "FlyteSettings installation": {"security": {"serviceAccount": "all"}},
        "FlyteSettings staging": {"domain": "staging", "run": {"defaultQueue": "staged"}},
    }
    assert not [one for one in found.exported if one.notes]
    folder = tmp_path / "out"
    choice = Choice(
        chosen_by="test",
        endpoint=installation.channel.endpoint,
        insecure=True,
        flyte="Flyte2",
    )
    files = exporting.files(found, choice, folder=folder)
    exporting.write(files, folder=folder)
    assert (folder / "installation" / "staging" / "settings.yaml").is_file()
    declaration = declare((), cwd=folder)
    assert declaration.connection("flyte") is not None
    assert str(declaration.connection("flyte")[0].flyte) == "Flyte2"  # type: ignore[index]
    planned = await planning.plan(declaration, installation.backend, now=NOW)
    assert planned.plan.is_empty, planned.plan.changes
    assert planned.plan.bookkeeping
    split = await adoption.plan_adoption(declaration, installation.backend, now=NOW)
    assert not split.differing
    assert not split.other
    assert installation.written() == {}


@pytest.mark.parametrize(
    ("selection", "kinds"),
    [
        ({"kinds": ("FlyteSettings",)}, {"FlyteSettings"}),
        ({"kinds": ("FlyteProject",)}, {"FlyteProject"}),
        ({"projects": ("proj-one",)}, {"FlyteProject"}),
        ({"domains": ("staging",)}, set()),
        ({}, {"FlyteProject", "FlyteSettings"}),
    ],
)
async def test_what_spans_more_than_the_question_is_left_out(
    installation: World, selection: dict[str, Any], kinds: set[str]
) -> None:
    await furnish(installation)
    found = await exported(installation, **selection)
    assert {one.key.kind for one in found.exported} == kinds


async def test_set_of_settings_alone_has_a_home_for_its_ledger(installation: World) -> None:
    await furnish(installation)
    found = await exported(installation, kinds=("FlyteSettings",))
    assert found.defaults.is_single
    assert found.defaults.project != "*"
