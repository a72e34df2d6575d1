"""Secrets that tasks ask for: a package keeps each request to the letter, and its digest tells it.

Requests name secrets and hold no values. What a client makes of its own ways to ask is recorded
with the client.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import package_files
import package_flyte2
from flyteidl.admin import common_pb2
from flyteidl.core import security_pb2
from flyteidl2.core import security_pb2 as security2_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2
from package_files import QUICKSTART, opened, tar
from package_flyte2 import SHOP
from world import open_world

from reconciler.sources.archive import Archive

REQUESTS: dict[str, dict[str, Any]] = {
    "key": {"key": "db-password"},
    "group": {"group": "db", "key": "password"},
    "group-version": {"group": "db", "group_version": "3", "key": "password"},
    "variable": {"key": "db-password", "env_var": "DB_PASSWORD", "mount_requirement": "ENV_VAR"},
    "file": {"group": "db", "key": "password", "mount_requirement": "FILE"},
    "any-way": {"key": "db-password", "mount_requirement": "ANY"},
}
TASK1, TASK2 = "quickstart.etl.clean", "orders.load"


def asking1(*requests: dict[str, Any]) -> Archive:
    """A package of Flyte 1 whose task asks for secrets."""
    made = [security_pb2.Secret(**one) for one in requests]

    def ask(spec: Any) -> None:
        spec.template.security_context.secrets.extend(made)

    return package_files.edited(opened(QUICKSTART), f"{TASK1}_1", ask)


def asking2(*requests: dict[str, Any]) -> Archive:
    """A package of Flyte 2 whose task asks for secrets."""
    made = [security2_pb2.Secret(**one) for one in requests]

    def ask(request: package_flyte2.Request) -> None:
        context = request.spec.task_template.security_context
        context.ClearField("secrets")
        context.secrets.extend(made)

    return package_flyte2.edited(opened(SHOP), TASK2, ask)


def package(archive: str) -> dict[str, Any]:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlytePackage",
        "metadata": {"name": "code"},
        "spec": {"archive": archive},
    }


async def test_requests_are_registered_on_flyte1_as_they_were_packaged(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        (world.root / "package.tgz").write_bytes(tar(asking1(*REQUESTS.values()).members))
        world.declare(package("package.tgz"))
        assert (await world.reconcile()).is_complete
        name = common_pb2.NamedEntityIdentifier(
            project="flytesnacks", domain="development", name=TASK1
        )
        answer = await world.stub.ListTasks(common_pb2.ResourceListRequest(id=name, limit=2))
        assert (await world.plan()).plan.is_empty

    (live,) = answer.tasks
    asked = list(live.closure.compiled_task.template.security_context.secrets)
    assert asked == [security_pb2.Secret(**one) for one in REQUESTS.values()]


async def test_requests_are_registered_on_flyte2_as_they_were_recorded(tmp_path: Path) -> None:
    async with package_flyte2.open_world2(tmp_path) as (world, stub):
        world.package(asking2(*REQUESTS.values()))
        applied = await world.reconcile()
        assert applied.is_complete, applied.report.failures
        version = f"team.{package_flyte2.digests(asking2(*REQUESTS.values()))[TASK2]}"
        identifier = task_definition_pb2.TaskIdentifier(
            project="flytesnacks", domain="development", name=TASK2, version=version
        )
        request = task_service_pb2.GetTaskDetailsRequest(task_id=identifier)
        template = (await stub.GetTaskDetails(request)).details.spec.task_template
        assert (await world.plan()).plan.is_empty

    asked = list(template.security_context.secrets)
    assert asked == [security2_pb2.Secret(**one) for one in REQUESTS.values()]


def test_every_part_of_a_request_is_part_of_the_content() -> None:
    ones = [package_files.digests(asking1(one)) for one in REQUESTS.values()]
    twos = [package_flyte2.digests(asking2(one))[TASK2] for one in REQUESTS.values()]
    (name,) = {key for key in ones[0] if key[1] == TASK1}
    # That any way of mounting will do is what a request without a word about it says.
    differing = len(REQUESTS) - 1
    assert len({one[name] for one in ones}) == len(set(twos)) == differing


def test_several_requests_stay_in_their_order() -> None:
    both = [REQUESTS["key"], REQUESTS["group"]]
    assert package_flyte2.digests(asking2(*both)) != package_flyte2.digests(asking2(*both[::-1]))
