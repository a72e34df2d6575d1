"""A fault of our own in the middle of an apply: what was done is settled, and the next run goes on.

A fault is let happen where an action is carried out, before or after its calls.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_kit import run
from http2_kit import GRPC, headers, scripted
from world import World, ledger_of, open_world, plan_document
from world2 import World2, key, open_world2, trigger_document

from reconciler.apply.outcome import ABANDONED, Status
from reconciler.backends.flyte1.backend import Flyte1
from reconciler.backends.flyte2.backend import Flyte2
from reconciler.cli import main as program
from reconciler.engine.applying import Applied
from reconciler.errors import DefectError, UnavailableError
from reconciler.plan.plan import Action

NAMES = ("a", "b", "c", "d", "e")
EMPTY = b'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}'
SECRET = "a value that nobody may see"


def let_fail(
    monkeypatch: pytest.MonkeyPatch, backend: type[Flyte1 | Flyte2], *, at: int, is_after: bool
) -> None:
    """Let the action of some number end in an exception that no code of ours expects."""
    perform = backend.perform
    started = 0

    async def faulty(self: object, action: Action) -> str:
        nonlocal started
        started += 1
        is_chosen = started == at
        made = "" if is_chosen and not is_after else await perform(self, action)  # type: ignore[arg-type]
        if is_chosen:
            raise TypeError(SECRET)
        return made

    monkeypatch.setattr(backend, "perform", faulty)


def told(applied: Applied) -> set[str]:
    """Check that one action ended in the fault and say which were done."""
    assert applied.ledger_error is None
    (failed,) = (one for one in applied.report.failures if one.status is Status.FAILED)
    assert isinstance(failed.error, DefectError)
    assert "TypeError at reconciler/" in failed.detail
    assert SECRET not in failed.detail
    left = [one for one in applied.report.failures if one is not failed]
    assert {one.detail for one in left} <= {ABANDONED, f"waits for {failed.action.id}"}
    return {one.action.key.name for one in applied.report.outcomes if one.status is Status.DONE}


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, len(NAMES) + 1))
async def test_triggers_that_were_deployed_before_a_defect_are_in_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, is_after: bool
) -> None:
    async with open_world2(tmp_path) as world:
        await world.deploy_task()
        world.declare(*(trigger_document(name) for name in NAMES))
        with monkeypatch.context() as patched:
            let_fail(patched, Flyte2, at=at, is_after=is_after)
            done = told(await world.reconcile())
        standing = set(await world.standing())
        held = (await ledger_of(world)).objects
        assert {one.name for one, by in held.items() if by.revision} == done
        assert {key(name) for name in standing} <= set(held), "what may be ours is announced"
        await converges(world)
        assert await world.standing() == dict.fromkeys(NAMES, (1, True)), "nothing is done twice"
        assert {(await ledger_of(world)).objects[key(name)].revision for name in NAMES} == {"1"}


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 4, 7, 10])
async def test_plans_that_were_registered_before_a_defect_are_not_registered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, is_after: bool
) -> None:
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 7})
        world.declare(*(plan_document(name) for name in NAMES))
        with monkeypatch.context() as patched:
            let_fail(patched, Flyte1, at=at, is_after=is_after)
            told(await world.reconcile())
        await converges(world)
        assert set(await world.active()) == set(NAMES)
        assert world.server.calls["CreateLaunchPlan"] == len(NAMES) + 1, "with the default plan"


async def converges(world: World | World2) -> None:
    """Run twice: the first does the rest, the second finds nothing to do."""
    final = await world.reconcile()
    assert final.is_complete, final.report.failures
    writes = world.server.writes
    assert (await world.plan()).plan.is_empty
    await world.reconcile()
    assert world.server.writes == writes


async def test_program_ends_without_a_traceback_and_names_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr("reconciler.engine.declaration.declare", broken)
    assert program.main(["validate", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: KeyError at reconciler/cli/validate.py:")
    assert said.endswith("; this is a defect of the reconciler, report this line\n")
    assert SECRET not in said


async def test_error_of_calls_side_by_side_is_told_as_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise ExceptionGroup("", [ExceptionGroup("", [UnavailableError("host: is away")])])

    monkeypatch.setattr("reconciler.engine.declaration.declare", broken)
    assert program.main(["validate", str(tmp_path)]) == 4
    assert capsys.readouterr().err == "error: host: is away\n"


async def test_answer_in_no_encoding_is_one_line(tmp_path: Path) -> None:
    """The library of gRPC logs a traceback of its own for it, which nobody must see."""
    fields = {**GRPC, "grpc-status": "13", "grpc-message": "%FF%FEbad"}
    async with scripted(lambda stream: headers(stream, fields, ends=True)) as endpoint:
        target = ("--endpoint", endpoint, "--insecure", "--flyte", "Flyte2")
        ended = await run("--dry-run", "-f", "-", *target, cwd=tmp_path, stdin=EMPTY)
    assert ended.code == 1
    assert ended.err.count("\n") == 1, ended.err
    assert "the server failed (INTERNAL: ÿþbad)" in ended.err
