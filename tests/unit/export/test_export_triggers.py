"""Live triggers become documents; declaring them again adopts and writes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from world import DOMAIN, PROJECT, World, open_world
from world2 import COUNT, World2, key, open_world2, trigger_document

from reconciler.engine import inventory
from reconciler.engine.inventory import Export, Selection
from reconciler.errors import UsageError
from reconciler.plan.plan import Effect

DAY = {"scalar": {"primitive": {"datetime": "2027-01-01T00:00:00Z"}}}
RATIO = {"scalar": {"primitive": {"floatValue": 0.5}}}
INPUTS = {
    "literals": [
        {"name": "count", "value": COUNT},
        {"name": "day", "value": DAY},
        {"name": "ratio", "value": RATIO},
    ]
}
KICKOFF = {
    "type": "TYPE_SCHEDULE",
    "schedule": {"cron": {"expression": "0 6 * * *"}, "kickoffTimeInputArg": "day"},
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        await opened.deploy_task()
        yield opened


async def exported(world: World, **selection: object) -> Export:
    async with world.session(read_only=True) as session:
        return await inventory.export(
            session.backend,
            Selection(**selection),  # type: ignore[arg-type]  # fields by name
            set_name="team",
            now=world.now,
        )


def specs(found: Export) -> dict[str, Any]:
    return {one.document["metadata"]["name"]: one.document["spec"] for one in found.exported}  # type: ignore[index,call-overload]


async def is_adopted(world: World2, found: Export) -> None:
    """Declaring the documents adopts every one, and the switch and the content stay."""
    before = await world.standing()
    world.declare(*(one.document for one in found.exported))
    planned = await world.plan()
    assert {change.effect for change in planned.plan.changes} == {Effect.ADOPT}
    await world.reconcile()
    assert await world.standing() == before
    assert (await world.plan()).plan.is_empty


async def test_inputs_that_a_run_has_shown_are_exported_and_adopted(world: World2) -> None:
    await world.deploy(
        "daily",
        inputs=INPUTS,
        description="every morning",
        runSpec={"labels": {"values": {"team": "a"}}, "interruptible": False},
    )
    await world.fire("daily", datetime(2027, 1, 1, tzinfo=UTC), run="r1")

    found = await exported(world, kinds=("FlyteTrigger",))

    assert specs(found) == {
        "daily": {
            "task": {"name": "etl.load", "version": "v1"},
            "schedule": {"cron": "0 6 * * *"},
            "inputs": {"count": 3, "day": "2027-01-01T00:00:00Z"},
            "description": "every morning",
            "run": {"labels": {"team": "a"}, "interruptible": False},
        }
    }
    assert found.exported[0].notes == ()
    assert found.defaults == key("daily").place
    await is_adopted(world, found)


async def test_trigger_that_gives_what_the_task_gives_is_exported_without_inputs(
    world: World2,
) -> None:
    default = {"var": {"type": {"simple": "INTEGER"}}, "default": COUNT}
    await world.deploy_task(defaults=[{"name": "count", "parameter": default}])
    await world.deploy(
        "daily",
        inputs={
            "literals": [{"name": "count", "value": COUNT}, {"name": "ratio", "value": RATIO}],
            "context": [{"key": "_u_kickoff_time_input_arg", "value": "day"}],
        },
        automation=KICKOFF,
    )

    found = await exported(world)

    assert specs(found) == {
        "daily": {
            "task": {"name": "etl.load", "version": "v1"},
            "schedule": {"cron": "0 6 * * *", "kickoffInput": "day"},
        }
    } | {name: spec for name, spec in specs(found).items() if name != "daily"}
    assert [one.notes for one in found.exported if one.key == key("daily")] == [()]


async def test_inputs_that_nobody_can_tell_are_named(world: World2) -> None:
    await world.deploy("scheduled", inputs=INPUTS)
    await world.deploy("manual", inputs=INPUTS, automation={"type": "TYPE_NONE"})

    found = await exported(world, kinds=("FlyteTrigger",))

    (one,) = found.exported
    assert one.key == key("manual")
    (note,) = one.notes
    assert note == (
        "its inputs are known to Flyte alone, since no run has shown them yet; declare them, or "
        "adopt: true takes it over with those of the task"
    )
    (left,) = found.left_out
    assert left.key == key("scheduled")
    assert left.reason == (
        "it cannot be declared as it is: spec.schedule: the task's input count, day has no value, "
        "and a scheduled trigger runs without anybody to give one; its inputs are known to Flyte "
        "alone, since no run has shown them yet"
    )


async def test_inactive_triggers_are_exported_where_they_are_asked_for(world: World2) -> None:
    await world.deploy("off", active=False, inputs=INPUTS)
    await world.fire("off", datetime(2027, 1, 1, tzinfo=UTC), run="r1")
    assert not (await exported(world, kinds=("FlyteTrigger",))).exported

    found = await exported(world, kinds=("FlyteTrigger",), inactive=True)

    assert specs(found)["off"]["state"] == "Inactive"
    await is_adopted(world, found)


@pytest.mark.parametrize(
    ("deployed", "reason"),
    [
        ({"taskVersion": "gone"}, "it never starts: task etl.load version gone is not registered"),
        (
            {"automation": {"type": "TYPE_ARTIFACT", "artifact": {"artifactName": "model"}}},
            "the language has no words for its artifact",
        ),
        (
            {"taskVersion": "other-set.amx3w5b2m7qd4ztr"},
            "its task was deployed by a set, which its own set declares",
        ),
        (
            {"automation": {"type": "TYPE_SCHEDULE", "schedule": {"rate": {"value": 0}}}},
            "its fixed rate is not above zero, on which Flyte 2 hangs",
        ),
    ],
)
async def test_what_cannot_be_said_is_left_out_with_the_reason(
    world: World2, deployed: dict[str, Any], reason: str
) -> None:
    await world.deploy("odd", **deployed)

    found = await exported(world, kinds=("FlyteTrigger",))

    assert found.exported == ()
    assert [item.reason for item in found.left_out] == [
        reason if "gone" not in reason else f"{reason} in {PROJECT}/{DOMAIN}"
    ]


async def test_trigger_of_a_set_is_left_to_it(world: World2) -> None:
    world.declare(trigger_document("ours"))
    await world.reconcile()

    found = await exported(world, kinds=("FlyteTrigger",))

    assert found.exported == ()
    assert [(item.key, item.reason) for item in found.left_out] == [
        (key("ours"), "it belongs to set team")
    ]


async def test_same_name_under_two_tasks_has_two_documents(world: World2) -> None:
    await world.deploy_task("etl.other")
    for task in ("etl.load", "etl.other"):
        await world.deploy("daily", task=task, automation={"type": "TYPE_NONE"})

    found = await exported(world, kinds=("FlyteTrigger",))

    assert {name: spec.get("name") for name, spec in specs(found).items()} == {
        "etl.load-daily": "daily",
        "etl.other-daily": "daily",
    }


async def test_name_chooses_with_and_without_the_task(world: World2) -> None:
    for name in ("a", "b"):
        await world.deploy(name, automation={"type": "TYPE_NONE"})

    for asked in ("a", "etl.load/a"):
        found = await exported(world, names=(asked,))
        assert [one.key for one in found.exported] == [key("a")]


async def test_kind_of_the_other_flyte_cannot_be_exported(tmp_path: Path) -> None:
    async with open_world(tmp_path) as flyte1:
        with pytest.raises(UsageError, match="--kind: FlyteTrigger: cannot be exported"):
            await exported(flyte1, kinds=("FlyteTrigger",))
