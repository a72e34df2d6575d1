"""A plan on Flyte 1 warns, at the package, of secrets that its tasks ask for and nobody has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import package_files
from aiohttp import web
from flyteidl.core import security_pb2
from package_files import QUICKSTART, opened, tar
from world import open_world

TASK = "quickstart.etl.clean"
SYNC = {
    "apiVersion": "flyte.reconciler.dev/v1alpha1",
    "kind": "FlyteSync",
    "metadata": {"name": "team"},
    "spec": {
        "defaults": {"project": "flytesnacks", "domain": "development"},
        "secrets": {"allow": {"env": ["PATH"]}},
    },
}


def document(kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "code"},
        "spec": spec,
    }


@asynccontextmanager
async def kubernetes(folder: Path, *secrets: str) -> AsyncIterator[tuple[str, list[str]]]:
    """An API server that has Secrets with one key `password`, and a kubeconfig for it."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        name = request.path.rpartition("/")[2]
        if name not in secrets:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        return web.json_response({"metadata": {"name": name}, "data": {"password": "eA=="}})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    content = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        yield str(path), asked
    finally:
        await runner.cleanup()


async def test_a_plan_warns_of_secrets_that_nobody_has(tmp_path: Path) -> None:
    requests = [
        security_pb2.Secret(group=group, key=key, mount_requirement=security_pb2.Secret.ENV_VAR)
        for group, key in (("there", "password"), ("there", "name"), ("gone", "a"), ("db", "b"))
    ]

    def ask(spec: Any) -> None:
        spec.template.security_context.secrets.extend(requests)

    archive = package_files.edited(opened(QUICKSTART), f"{TASK}_1", ask)
    declared = document("FlyteSecret", group="db", key="b", valueFrom={"env": "PATH"})
    async with open_world(tmp_path) as world, kubernetes(tmp_path, "there") as (path, asked):
        (world.root / "package.tgz").write_bytes(tar(archive.members))
        world.declare(
            document("FlytePackage", archive="package.tgz"), declared, sync=json.dumps(SYNC)
        )
        world.secrets = {"kubeconfig": path, "namespace": "tasks"}
        warnings = (await world.plan()).plan.warnings
        world.declare(document("FlytePackage", archive="package.tgz"), sync=json.dumps(SYNC))
        world.secrets = {}
        unknown = (await world.plan()).plan.warnings

    about = [line for line in warnings if "for a secret" in line]
    assert all("00000.json:1:" in line and f"task {TASK} asks for" in line for line in about)
    assert [line.partition("for a secret ")[2].partition(";")[0] for line in about] == [
        "gone/a: no Secret gone in namespace tasks (as a variable)",
        "there/name: Secret there in namespace tasks has no such key (as a variable)",
    ]
    assert not [line for line in unknown if "for a secret" in line]
    assert sorted(asked) == sorted(
        f"GET /api/v1/namespaces/tasks/secrets/{name}" for name in ("there", "gone", "db")
    )
