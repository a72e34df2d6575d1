"""Sets that share one server, the ledger as it stands there, and checkouts that move."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from flyteidl.admin import common_pb2, launch_plan_pb2, task_pb2
from world import DOMAIN, PROJECT, World, plan_document

from reconciler.model.key import Key, Place
from reconciler.plan.plan import Block, Change, Effect, Plan

HOME = Place(PROJECT, DOMAIN)


def at(hour: int) -> dict[str, str]:
    """A daily schedule."""
    return {"cron": f"0 {hour} * * *", "kickoffInput": "day"}


def document(name: str, hour: int = 6, **spec: Any) -> dict[str, Any]:
    """A plan that runs daily."""
    return plan_document(name, schedule=at(hour), **spec)


def key(name: str, *, domain: str = DOMAIN) -> Key:
    return Key("FlyteLaunchPlan", PROJECT, domain, name)


def sync(name: str = "team", **spec: Any) -> str:
    """A FlyteSync of the default project-domain."""
    lines = [f"  {field}: {value}" for field, value in spec.items()]
    return "\n".join(
        [
            "apiVersion: flyte.reconciler.dev/v1alpha1",
            "kind: FlyteSync",
            f"metadata: {{name: {name}}}",
            "spec:",
            f"  defaults: {{project: {PROJECT}, domain: {DOMAIN}}}",
            *lines,
            "",
        ]
    )


def another(world: World, name: str) -> World:
    """The same server, seen from another directory."""
    root = world.root.parent / name
    root.mkdir()
    return replace(world, root=root)


async def foreign(
    world: World, name: str, version: str = "ci-1", *, hour: int = 6, domain: str = DOMAIN
) -> None:
    """Register and activate a plan as CI does."""
    await world.register_plan(
        name,
        version,
        workflow_version="v1",
        cron=f"0 {hour} * * *",
        defaults={"count": 3},
        domain=domain,
    )
    await world.set_state(name, version, active=True, domain=domain)


def forget_ledger(world: World) -> None:
    """Lose every ledger, as a database restored from an older copy does."""
    store = world.server.store
    with store.writing():
        store.run("DELETE FROM tasks WHERE name LIKE 'flyte-reconciler.ledger.%'")


async def damage_ledger(world: World, content: dict[str, Any]) -> None:
    """Write a revision of the team's ledger that is something else."""
    listed = await world.stub.ListTasks(
        common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(
                project=PROJECT, domain=DOMAIN, name="flyte-reconciler.ledger.team"
            ),
            limit=1,
            sort_by=common_pb2.Sort(key="id"),
        )
    )
    (newest,) = listed.tasks
    template = newest.closure.compiled_task.template
    template.custom.Clear()
    template.custom.update(content)
    template.id.version = f"{int(newest.id.version) + 1:08d}"
    await world.stub.CreateTask(
        task_pb2.TaskCreateRequest(id=template.id, spec=task_pb2.TaskSpec(template=template))
    )


async def state_of(world: World, name: str, version: str, *, domain: str = DOMAIN) -> str:
    """The state of one version."""
    answer = await world.stub.ListLaunchPlans(
        common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=domain, name=name),
            limit=100,
            sort_by=common_pb2.Sort(key="id"),
        )
    )
    (found,) = [plan for plan in answer.launch_plans if plan.id.version == version]
    return str(launch_plan_pb2.LaunchPlanState.Name(found.closure.state))


def only(made: Plan, name: str) -> Change:
    """The change of one plan."""
    (found,) = [change for change in made.changes if change.key.name == name]
    return found


def shown(made: Plan) -> dict[str, tuple[Effect, Block | None]]:
    """What happens to each name."""
    return {change.key.name: (change.effect, change.block) for change in made.changes}


class Checkout:
    """A Git repository around a set's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        """Run git with a name and a clock of its own."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "somebody",
            "GIT_AUTHOR_EMAIL": "somebody@example.com",
            "GIT_COMMITTER_NAME": "somebody",
            "GIT_COMMITTER_EMAIL": "somebody@example.com",
        }
        answer = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, check=True, capture_output=True
        )
        return answer.stdout.decode().strip()

    def commit(self, message: str = "change") -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")
