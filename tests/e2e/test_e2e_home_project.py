"""The ledger lives in a project, and that project may be what the set declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyteidl.admin import project_pb2
from world import open_world

SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  defaults: {project: home, domain: development}
"""


def project(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteProject",
        "metadata": {"name": "home"},
        "spec": spec,
    }


async def test_home_project_is_created_before_the_ledger_is_written(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        world.declare(project(displayName="Home"), sync=SYNC)

        applied = await world.reconcile()

        assert applied.is_complete
        assert applied.ledger.revision > 0
        assert (await world.plan()).plan.is_empty


async def test_archived_home_project_is_opened_before_the_ledger_is_written(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path) as world:
        await world.stub.RegisterProject(
            project_pb2.ProjectRegisterRequest(
                project=project_pb2.Project(
                    id="home", name="home", state=project_pb2.Project.ARCHIVED
                )
            )
        )
        world.declare(project(state="Active", adopt=True), sync=SYNC)

        applied = await world.reconcile()

        assert applied.is_complete
        assert applied.ledger.revision > 0
        assert (await world.plan()).plan.is_empty
