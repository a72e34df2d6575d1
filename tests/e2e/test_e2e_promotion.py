"""Promotion is one line per environment, and what arrives is what was tried: the same digests."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from world import World, open_world, plan_document

from reconciler.model.digest import split_version

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
