"""The main job as the README tells it: examples/quickstart on its own embedded Flyte."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path

from cli_kit import ended, run, start

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"


def copy(target: Path) -> Path:
    """Copy what a user would have after a clone."""
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns(".reconcile"))
    return target


async def test_pending_done_silent(tmp_path: Path) -> None:
    root = copy(tmp_path / "quickstart")
    pending = await run("--dry-run", "--detailed-exitcode", cwd=root)
    assert pending.code == 2, pending.err
    done = await run("--yes", cwd=root)
    assert done.code == 0, done.err
    assert "Applied: " in done.out
    silent = await run("--dry-run", "--detailed-exitcode", cwd=root)
    assert silent.code == 0, silent.out
    assert "No changes." in silent.out
    assert (await run("validate", cwd=root)).code == 0
    assert (await run("status", cwd=root)).code == 0


async def test_terminated_on_its_embedded_flyte_it_goes_on_from_there(tmp_path: Path) -> None:
    """SIGTERM while the embedded server runs inside the very process."""
    root = copy(tmp_path / "quickstart")
    process = await start("--yes", "--parallel", "1", cwd=root)
    assert process.stdout is not None
    while b"Plan id" not in await process.stdout.readline():
        pass  # the plan is shown right before the first write
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert ended(process, out, err).code == 143, err
    again = await run("--yes", cwd=root)
    assert again.code == 0, again.err
    silent = await run("--dry-run", "--detailed-exitcode", cwd=root)
    assert silent.code == 0, silent.out
