"""An API server that throttles or restarts, and a Flyte that is slow, while much is rolled out."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from kube_kit import Identity
from operator_kit import Team, until
from test_operator_chaos import registered

PLANS = 40


class Throttle:
    """Stands before the API server and refuses every third call, as one does that is busy."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._seen = 0
        self.refused = 0

    @asynccontextmanager
    async def identity(self) -> AsyncIterator[Identity]:
        """Open the way through, and yield who goes there."""
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        admin = self._team.cluster.admin
        path = self._team.cluster.folder / f"{self._team.namespace}-throttled.kubeconfig"
        text = admin.kubeconfig.read_text(encoding="utf-8")
        config = json.loads(text)
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        path.write_text(json.dumps(config), encoding="utf-8")
        try:
            yield Identity(admin.name, admin.token, path)
        finally:
            await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        self._seen += 1
        if self._seen % 3 == 0:
            self.refused += 1
            return web.json_response(
                {"kind": "Status", "code": 429, "message": "too many requests"},
                status=429,
                headers={"Retry-After": "1"},
            )
        cluster = self._team.cluster
        trusted = ssl.create_default_context(cafile=str(cluster.ca))
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "content-length", "accept-encoding"}
        }
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                cluster.url + request.path_qs,
                data=await request.read() or None,
                headers=headers,
                ssl=trusted,
            ) as answer,
        ):
            given = web.StreamResponse(
                status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]}
            )
            await given.prepare(request)
            async for chunk in answer.content.iter_any():
                await given.write(chunk)
            return given


async def test_throttled_operator_gets_there_and_doubles_nothing(team: Team) -> None:
    plans = [team.plan(f"p{n:02d}") for n in range(PLANS)]
    throttle = Throttle(team)
    async with throttle.identity() as throttled, team.operator(identity=throttled) as operator:
        await team.apply(team.connection(), team.sync(), *plans)
        await team.all_ready(PLANS)
        assert throttle.refused > PLANS / 3
        made = await registered(team)
        assert len(made) == len({name for name, _ in made}) == PLANS
    assert "Traceback" not in operator.log()


async def test_api_server_restarts_while_a_slow_flyte_is_written_to(team: Team) -> None:
    """Statuses are lost with it, what is on Flyte is not: nothing is registered again."""
    plans = [team.plan(f"p{n:02d}") for n in range(PLANS)]
    async with team.operator() as operator:
        await team.apply(team.connection(limits={"perSecond": 12}), team.sync(), *plans)

        async def has_begun() -> bool:
            return bool(await team.world.active())

        await until(has_begun, lambda: "the operator does nothing")
        assert len(await team.world.active()) < PLANS, "it comes in the middle"
        await asyncio.to_thread(team.cluster.restart)
        found = await team.all_ready(PLANS)
        made = await registered(team)
        assert len(made) == len({name for name, _ in made}) == PLANS
        live = await team.world.active()
        assert {item["metadata"]["name"]: item["status"]["version"] for item in found} == live
    assert "Traceback" not in operator.log()
