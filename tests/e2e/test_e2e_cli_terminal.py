"""On a terminal: removals ask, colour and progress appear; elsewhere nothing of it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import Shell, on_terminal
from world import World, open_world, plan_document

COLOUR = "\x1b[3"
PROGRESS = "\rapplying "
QUESTION = "1 running object will be stopped or taken over. Go on? [y/N]"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A set of five plans, one of which is no longer declared."""
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        opened.declare(*(plan_document(f"p{index}") for index in range(5)))
        await opened.reconcile()
        opened.declare(*(plan_document(f"p{index}") for index in range(1, 5)))
        yield opened


@pytest.mark.parametrize(("answer", "code"), [("n\r", 1), ("\r", 1), ("\x04", 130)])
async def test_removal_that_is_not_confirmed_writes_nothing(
    world: World, answer: str, code: int
) -> None:
    shell = Shell(world)
    before = shell.writes()
    ended = await on_terminal(*shell.connection, cwd=world.root, answer=answer)
    assert QUESTION in ended.err
    assert ended.code == code, ended.err
    assert shell.writes() == before
    assert "p0" in await world.active()


async def test_confirmed_removal_is_done_with_colour_and_progress(world: World) -> None:
    ended = await on_terminal(*Shell(world).connection, cwd=world.root, answer="y\r")
    assert ended.code == 0, ended.err
    assert QUESTION in ended.err
    assert COLOUR in ended.err
    assert PROGRESS in ended.err
    assert "p0" not in await world.active()


async def test_yes_does_not_ask_and_no_color_is_honoured(world: World) -> None:
    ended = await on_terminal(
        "--yes", *Shell(world).connection, cwd=world.root, environ={"NO_COLOR": "1"}
    )
    assert ended.code == 0, ended.err
    assert "Go on?" not in ended.err
    assert COLOUR not in ended.err
    assert "p0" not in await world.active()


async def test_without_a_terminal_nothing_asks(world: World) -> None:
    ended = await Shell(world)()
    assert ended.code == 0, ended.err
    assert "Go on?" not in ended.out + ended.err
    assert "\x1b" not in ended.out + ended.err
    assert "\r" not in ended.out + ended.err
    assert "p0" not in await world.active()


async def test_saved_plan_asks_too(world: World) -> None:
    shell = Shell(world)
    saved = world.root.parent / "plan.json"
    assert (await shell("plan", "--out", str(saved))).code == 0
    before = shell.writes()
    ended = await on_terminal("apply", str(saved), *shell.connection, cwd=world.root, answer="n\r")
    assert ended.code == 1, ended.err
    assert shell.writes() == before
    ended = await on_terminal("apply", str(saved), "--yes", *shell.connection, cwd=world.root)
    assert ended.code == 0, ended.err
    assert "p0" not in await world.active()


async def test_additions_do_not_ask(world: World) -> None:
    world.declare(*(plan_document(f"p{index}") for index in range(6)))
    ended = await on_terminal(*Shell(world).connection, cwd=world.root)
    assert ended.code == 0, ended.err
    assert "Go on?" not in ended.err
    assert "p5" in await world.active()
