"""Reports of plans and of documents, as a job of a pull request makes them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import Shell, run
from world import World, open_world, plan_document

FORMS = (
    "--report",
    "markdown=plan.md",
    "--report",
    "sarif=plan.sarif",
    "--report",
    "github=plan.log",
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


async def test_one_plan_is_reported_in_every_form(world: World) -> None:
    shell = Shell(world)
    world.declare(plan_document("a"))
    await world.reconcile()
    world.declare(
        plan_document("a", schedule={"cron": "0 7 * * *", "timezone": "UTC", "kickoffInput": "day"})
    )
    (world.root / ".git").mkdir()
    ended = await shell(
        "plan", "--detailed-exitcode", "-o", "markdown", "--out", "plan.json", *FORMS
    )
    assert ended.code == 2, ended.err
    text = (world.root / "plan.md").read_text()
    assert ended.out == text
    assert '  - `schedule.cron`: `"0 6 * * *"` → `"0 7 * * *"`' in text
    assert text.count("- fires until now: `") == text.count("- fires then: `") == 1
    found = json.loads((world.root / "plan.sarif").read_text())
    assert [one["ruleId"] for one in found["runs"][0]["results"]] == ["plan/update"]
    assert (world.root / "plan.log").read_text().startswith("::notice file=00000.json,line=1,")
    assert json.loads((world.root / "plan.json").read_text())["summary"]["change"] == 1


async def test_dry_run_prints_what_plan_prints(world: World) -> None:
    shell = Shell(world)
    world.declare(plan_document("a"))
    for form in ("markdown", "sarif", "github"):
        planned = await shell("plan", "-o", form)
        dry = await shell("--dry-run", "-o", form)
        assert (planned.code, dry.code) == (0, 0), planned.err + dry.err
        assert planned.out == dry.out
        assert planned.out


async def test_places_are_told_from_the_root_of_the_repository(world: World) -> None:
    world.declare(plan_document("a"))
    (world.root.parent / ".git").mkdir()
    ended = await Shell(world)("plan", "-o", "github")
    assert "file=set/00000.json," in ended.out


async def test_documents_with_errors_are_reported_instead_of_a_plan(world: World) -> None:
    shell = Shell(world)
    world.declare(plan_document("a", schedule={"cron": "0 7 * * 7"}))
    ended = await shell("plan", "-o", "markdown", *FORMS)
    assert ended.code == 1
    assert "**No plan: 1 problem in the documents.**" in ended.out
    assert ended.out.startswith("<!-- reconcile:plan:team -->\n")
    found = json.loads((world.root / "plan.sarif").read_text())["runs"][0]
    assert [one["ruleId"] for one in found["results"]] == ["schedule/S003"]
    assert "::error file=" in (world.root / "plan.log").read_text()
    assert "S003" in ended.err


async def test_a_backend_that_does_not_answer_is_reported(world: World) -> None:
    world.declare(plan_document("a"))
    ended = await run(
        "plan", "-o", "markdown", "--endpoint", "127.0.0.1:1", "--insecure", cwd=world.root
    )
    assert ended.code == 4
    assert "**No plan could be made.**" in ended.out
    assert "reconcile:state:failure" in ended.out


async def test_validate_reports_problems_and_their_absence(world: World) -> None:
    world.declare(plan_document("a"))
    fine = await run_validate(world, "markdown")
    assert "**No problems in the documents.**" in fine
    assert json.loads(await run_validate(world, "sarif"))["runs"][0]["results"] == []
    world.declare(plan_document("a", schedule={"cron": "0 7 * * 7"}))
    assert "S003" in await run_validate(world, "markdown", code=1)
    assert (await run_validate(world, "github", code=1)).startswith("::error file=00000.json,line=")


async def run_validate(world: World, form: str, code: int = 0) -> str:
    ended = await run("validate", "-o", form, cwd=world.root)
    assert ended.code == code, ended.err
    return ended.out


async def test_reports_belong_to_plans(world: World) -> None:
    shell = Shell(world)
    world.declare(plan_document("a"))
    before = shell.writes()
    for arguments in (("-o", "markdown"), ("--report", "sarif=x")):
        ended = await shell(*arguments)
        assert ended.code == 1
        assert "add --dry-run" in ended.err
    for wrong in ("html=x", "markdown", "markdown=", "sarif=missing/x"):
        ended = await shell("plan", "--report", wrong)
        assert ended.code == 1
        assert "--report: " in ended.err
    assert shell.writes() == before
