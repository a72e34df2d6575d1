"""Promotion is one line per environment, and what arrives is what was tried: the same digests."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from cli_kit import PROGRAM
from world import World, open_world, plan_document

from reconciler.engine.declaration import declare
from reconciler.model.digest import split_version

EXAMPLE = Path(__file__).parents[2] / "examples" / "promotion"
_BLOCKS = re.MULTILINE | re.DOTALL
STAGES = ("development", "staging", "production")
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team-SHORT}
spec:
  defaults: {project: flytesnacks, domain: DOMAIN}
  paths: [., ../plans]
  versions:
    etl: v1
"""


async def promote(world: World, stage: str) -> list[str]:
    """Move one environment to v2 and apply it; returns the lines that differ."""
    path = world.root / stage / "reconcile.yaml"
    before = path.read_text().splitlines()
    path.write_text(path.read_text().replace("etl: v1", "etl: v2"))
    applied = await world.reconcile(stage)
    assert applied.is_complete, applied.report.failures
    lines = difflib.unified_diff(before, path.read_text().splitlines(), n=0)
    return [line for line in lines if line[0] in "+-" and line[:3] not in {"+++", "---"}]


async def digests(world: World, stage: str) -> dict[str, str]:
    """The digests of what is active in a domain, by name."""
    found = {}
    for name, version in (await world.active(domain=stage)).items():
        parts = split_version(version)
        assert parts is not None
        assert parts[0] == f"team-{stage[:4]}"
        found[name] = parts[1]
    return found


async def test_a_line_moves_an_environment_to_the_digests_of_the_one_before(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path) as world:
        plans = {
            f"plans/{name}.json": json.dumps(plan_document(name, inputs={"count": count}))
            for name, count in (("hourly", 1), ("nightly", 2))
        }
        syncs = {
            f"{stage}/reconcile.yaml": SYNC.replace("SHORT", stage[:4]).replace("DOMAIN", stage)
            for stage in STAGES
        }
        world.write({**plans, **syncs})
        for stage in STAGES:
            for version in ("v1", "v2"):
                await world.register_workflow(version=version, domain=stage)
            assert (await world.reconcile(stage)).is_complete
        first = await digests(world, "production")

        seen = []
        for stage in STAGES:
            assert await promote(world, stage) == ["-    etl: v1", "+    etl: v2"]
            seen.append(await digests(world, stage))
            later = STAGES[STAGES.index(stage) + 1 :]
            assert [await digests(world, one) for one in later] == [first] * len(later)

        assert seen == [seen[0]] * len(STAGES)
        assert set(seen[0]) == {"hourly", "nightly"}
        assert not set(seen[0].values()) & set(first.values())
        path = world.root / "production" / "reconcile.yaml"
        path.write_text(path.read_text().replace("etl: v2", "etl: v1"))
        creates = world.calls()["CreateLaunchPlan"]
        await world.reconcile("production")
        assert await digests(world, "production") == first
        assert world.calls()["CreateLaunchPlan"] == creates


def follow(folder: Path) -> str:
    """Run the commands of the example's README in one shell, as a reader would."""
    (commands, _) = re.findall(r"^```bash\n(.*?)^```$", (folder / "README.md").read_text(), _BLOCKS)
    programs = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={"PATH": programs, "HOME": str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_brings_one_digest_through_all_environments(tmp_path: Path) -> None:
    folder = tmp_path / "promotion"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".reconcile"))
    said = follow(folder)
    rows = re.findall(r"count-daily +(shop-\w+)\.(\w{16}) +active", said)
    assert sorted(name for name, _ in rows) == ["shop-dev", "shop-production", "shop-staging"]
    assert len({digest for _, digest in rows}) == 1
    assert said.count("Applied: ") == 6
    changed = [
        [
            line
            for line in difflib.ndiff(_lines(EXAMPLE, name), _lines(folder, name))
            if line[0] in "+-"
        ]
        for name in ("dev", "staging", "production")
    ]
    assert changed == [["-   archive: ../dist/v1.tgz", "+   archive: ../dist/v2.tgz"]] * 3


def _lines(folder: Path, name: str) -> list[str]:
    return (folder / name / "code.yaml").read_text().splitlines()


def test_what_sets_share_is_shown_where_it_is() -> None:
    found = declare(("staging",), cwd=EXAMPLE)
    files = {item.document.origin.file for item in found.declared}
    assert files == {"plans/count.yaml", "staging/code.yaml", "staging/reconcile.yaml"}
    inside = declare((), cwd=EXAMPLE / "staging")
    files = {item.document.origin.file for item in inside.declared}
    assert files == {"../plans/count.yaml", "code.yaml", "reconcile.yaml"}
