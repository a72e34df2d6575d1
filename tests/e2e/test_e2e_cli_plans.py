"""What plans look like, as text and as JSON, for every effect; saved plans; exit codes.

The text of each step is in tests/e2e/cli; RECONCILER_GOLDEN=write writes it anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Ended, Shell, steady
from jsonschema import Draft202012Validator
from world import SYNC, World, open_world, plan_document

from reconciler.model.traits import Verb
from reconciler.plan.plan import Block, Effect, Reason

GOLDEN = Path(__file__).parent / "cli"
SCHEMA = json.loads((Path(__file__).parents[2] / "specs/plan.schema.json").read_text())


def strict(schema: Any) -> Any:
    """Refuse every key that the schema does not name, so that none stays undescribed."""
    match schema:
        case {"properties": _}:
            closed = {name: strict(part) for name, part in schema.items()}
            return {"additionalProperties": False, **closed}
        case dict():
            return {name: strict(part) for name, part in schema.items()}
        case list():
            return [strict(part) for part in schema]
        case _:
            return schema


VALIDATOR = Draft202012Validator(strict(SCHEMA))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


class Scene:
    """Plans step by step, and compares each with its golden text and the schema."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shell = Shell(world)
        self.effects: set[str] = set()
        self.blocks: set[str] = set()

    async def plan(self, name: str, *arguments: str, code: int = 2) -> Any:
        """Compare a plan's text; return its JSON."""
        out = self.world.root.parent / f"{name}.plan.json"
        ended = await self.shell("plan", "--detailed-exitcode", "--out", str(out), *arguments)
        assert ended.code == code, ended.err
        compare(name, steady(ended.out, self.world))
        plan = json.loads(out.read_text())
        VALIDATOR.validate(plan)
        self.effects |= {change["effect"] for change in plan["changes"]}
        self.blocks |= {
            change["blocked"]["by"] for change in plan["changes"] if "blocked" in change
        }
        return plan

    async def apply(self, *arguments: str, code: int = 0) -> Ended:
        """Reconcile, and expect an exit code."""
        ended = await self.shell("--yes", *arguments)
        assert ended.code == code, ended.out + ended.err
        return ended


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("RECONCILER_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name}: see RECONCILER_GOLDEN"


async def foreign(world: World, name: str, version: str, *, count: int) -> None:
    """Register and activate a plan as CI would."""
    await world.register_plan(
        name, version, cron="0 6 * * *", workflow_version="v1", defaults={"count": count}
    )
    await world.set_state(name, version, active=True)


async def test_every_effect_reads_as_in_its_golden_text(world: World) -> None:
    scene = Scene(world)
    plain = {"cron": "0 6 * * *", "kickoffInput": "day"}
    names = ("a", "b", "c", "d")
    every = {name: plan_document(name, schedule=plain) for name in names}
    world.declare(*every.values())
    await scene.plan("create")
    ended = await scene.apply()
    compare("applied", steady(ended.out, world))
    await scene.plan("in-sync", code=0)

    edited = plan_document("a", schedule={**plain, "cron": "30 7 * * *"}, inputs={"count": 9})
    world.declare(edited, *(every[name] for name in names[1:]))
    await scene.plan("edit")
    await scene.apply()

    stopped = plan_document("b", schedule=plain, state="Inactive")
    inert = plan_document("new", schedule=plain, state="Inactive")
    world.declare(edited, stopped, every["c"], inert)
    await scene.plan("stop-and-remove")
    await scene.apply()

    world.declare(edited, stopped, every["c"], inert)
    version = (await world.active())["c"]
    await world.set_state("c", version, active=False)
    await scene.plan("drift")
    await scene.apply()

    await foreign(world, "same", "ci-1", count=3)
    await foreign(world, "other", "ci-1", count=4)
    more = plan_document("same", schedule=plain), plan_document("other", schedule=plain)
    world.declare(edited, stopped, every["c"], inert, *more)
    await scene.plan("adopt-and-blocked")
    taken = plan_document("other", schedule=plain, adopt=True)
    world.declare(edited, stopped, every["c"], inert, more[0], taken)
    await scene.plan("hand-over")
    await scene.apply()

    world.declare()
    guarded = await scene.plan("guard")
    before = await world.active()
    refused = await scene.apply(code=3)
    assert f"--approve {guarded['planId']}" in refused.out + refused.err
    assert await world.active() == before
    await scene.apply("--approve", guarded["planId"])
    assert await world.active() == {}
    await scene.plan("after-all", code=0)
    assert {"guard", "adoption"} <= scene.blocks
    of_runs = {"start", "stop", "answer"}
    wanted = {effect.value for effect in Effect} - {"protect"} - of_runs
    assert wanted - {"register"} <= scene.effects


def test_schema_names_every_word_of_the_code() -> None:
    change = SCHEMA["$defs"]["change"]["properties"]
    assert change["effect"]["enum"] == [item.value for item in Effect]
    assert change["reason"]["enum"] == [item.value for item in Reason]
    assert change["blocked"]["properties"]["by"]["enum"] == [item.value for item in Block]
    assert SCHEMA["$defs"]["action"]["properties"]["verb"]["enum"] == [item.value for item in Verb]
    Draft202012Validator.check_schema(SCHEMA)


PROJECT = {
    "apiVersion": "flyte.reconciler.dev/v1alpha1",
    "kind": "FlyteProject",
    "metadata": {"name": "ranking"},
    "spec": {
        "description": "made here",
        "labels": {"team": "ranking"},
        "domains": {
            "development": {"attributes": {"taskResources": {"defaults": {"cpu": "500m"}}}}
        },
    },
}


async def test_plan_of_a_project_and_report_fit_the_schema(world: World) -> None:
    shell = Shell(world)
    scopes = "  scopes: [{project: ranking}, {project: flytesnacks}]\n"
    world.declare(PROJECT, plan_document("daily"), sync=SYNC + scopes)
    VALIDATOR.validate((await shell("plan", "-o", "json")).json())
    report = (await shell("--yes", "-o", "json")).json()
    VALIDATOR.validate(report["plan"])
    assert {item["status"] for item in report["outcomes"]} == {"done"}
    assert report["stale"] == []
    out = world.root.parent / "report.json"
    again = await shell("--yes", "-o", "json", "--out", str(out))
    assert again.code == 0
    assert again.out == ""
    assert json.loads(out.read_text())["plan"]["changes"] == []


async def test_saved_plan_is_done_as_it_was_shown(world: World) -> None:
    shell = Shell(world)
    saved = world.root.parent / "plan.json"
    world.declare(plan_document("a"), plan_document("b"))
    assert (await shell("plan", "--out", str(saved))).code == 0
    ended = await shell("apply", str(saved))
    assert ended.code == 0, ended.err
    assert set(await world.active()) == {"a", "b"}
    assert (await shell("--dry-run", "--detailed-exitcode")).code == 0


async def test_saved_plan_is_refused_where_the_backend_moved_and_done_elsewhere(
    world: World,
) -> None:
    shell = Shell(world)
    saved = world.root.parent / "plan.json"
    world.declare(plan_document("a"), plan_document("b"))
    assert (await shell("plan", "--out", str(saved))).code == 0
    await foreign(world, "b", "ci-1", count=4)
    ended = await shell("apply", str(saved))
    assert ended.code == 3, ended.err
    assert "refused: FlyteLaunchPlan/flytesnacks/development/b: it changed since" in ended.err
    active = await world.active()
    assert active["b"] == "ci-1"
    assert active["a"].startswith("team.")


NO_PLANS = {
    "empty": "",
    "cut": "{",
    "list": "[]",
    "null": "null",
    "deep": "[" * 100_000,
    "not-whole": '{"formatVersion": "1.0"}',
    "other-major": '{"formatVersion": "9.0"}',
    "not-utf-8": "\udcff",
}


@pytest.mark.parametrize("text", NO_PLANS.values(), ids=NO_PLANS.keys())
async def test_file_that_is_no_plan_is_refused(world: World, text: str) -> None:
    world.declare(plan_document("a"))
    path = world.root.parent / "plan.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    before = Shell(world).writes()
    ended = await Shell(world)("apply", str(path))
    assert ended.code == 1
    assert ended.err.startswith(f"error: {path}: ")
    assert ended.err.count("\n") == 1
    assert Shell(world).writes() == before


async def test_edited_plan_is_refused(world: World) -> None:
    shell = Shell(world)
    saved = world.root.parent / "plan.json"
    world.declare(plan_document("a"))
    assert (await shell("plan", "--out", str(saved))).code == 0
    saved.write_text(saved.read_text().replace("0 6 * * *", "0 7 * * *"))
    ended = await shell("apply", str(saved))
    assert ended.code == 1
    assert "it was edited" in ended.err


async def test_report_that_cannot_be_written_is_known_before_the_apply(world: World) -> None:
    world.declare(plan_document("a"))
    shell = Shell(world)
    before = world.calls()
    for arguments in (("--yes", "-o", "json"), ("plan",), ("--dry-run",)):
        ended = await shell(*arguments, "--out", "no/such/place.json")
        assert ended.code == 1
        assert ended.err.startswith("error: --out: no/such/place.json: cannot be written: ")
    assert world.calls() == before
    ended = await shell("--yes", "--out", "report.json")
    assert ended.code == 1
    assert "add -o json" in ended.err


async def test_claimed_set_is_refused_to_another_source(world: World) -> None:
    world.declare(plan_document("a"))
    shell = Shell(world)
    assert (await shell("--yes")).code == 0
    other = world.root.parent / "elsewhere"
    other.mkdir()
    (other / "reconcile.yaml").write_text(SYNC, encoding="utf-8")
    before = shell.writes()
    for arguments in (("--yes",), ("--dry-run",), ("plan", "--detailed-exitcode")):
        ended = await shell(*arguments, cwd=other)
        assert ended.code == 3, ended.err
        assert ended.out == ""
    assert shell.writes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nope",),
        ("stauts",),
        ("plan", "--parallel", "3"),
        ("--parallel", "0"),
        ("-o", "xml"),
        ("--detailed-exitcode",),
        ("apply",),
        ("apply", "nope.json"),
        ("pause", "x"),
        ("forget",),
        ("dev", "--port", "70000"),
        ("schema", "a", "b", "c"),
        ("no/such/path",),
        ("-f", "-", "-f", "x.yaml"),
    ],
    ids=" ".join,
)
async def test_wrong_usage_is_1_and_says_what_to_do(
    world: World, arguments: tuple[str, ...]
) -> None:
    before = world.calls()
    ended = await Shell(world)(*arguments) if arguments[0][0] == "-" else await _offline(arguments)
    assert ended.code == 1
    assert ended.out == ""
    assert "; " in ended.err
    assert ended.err.count("\n") <= 2
    assert world.calls() == before


async def _offline(arguments: tuple[str, ...]) -> Ended:
    from cli_kit import run

    return await run(*arguments, cwd=Path(__file__).parent)
