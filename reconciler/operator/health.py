"""Answers the probes of the kubelet, and gives the metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from reconciler.listening import listening
from reconciler.operator.metrics import Metrics

Check = Callable[[], str]
"""Says what is wrong; empty for nothing."""


@asynccontextmanager
async def serving(
    address: str,
    metrics: Metrics,
    *,
    alive: Check,
    ready: Check,
    refresh: Callable[[], None],
    routes: Iterable[web.AbstractRouteDef] = (),
) -> AsyncIterator[int]:
    """Serve /healthz, /readyz and /metrics at `host:port`, and yield the port.

    `refresh` is called before metrics are given, `routes` are served besides. Raises UsageError
    where nothing can listen there.
    """

    def answering(check: Check) -> Callable[[web.Request], object]:
        async def answer(_request: web.Request) -> web.Response:
            wrong = check()
            return web.Response(text=wrong or "ok", status=503 if wrong else 200)

        return answer

    async def give(_request: web.Request) -> web.Response:
        refresh()
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/healthz", answering(alive))  # type: ignore[arg-type]
    app.router.add_get("/readyz", answering(ready))  # type: ignore[arg-type]
    app.router.add_get("/metrics", give)
    app.router.add_routes(routes)
    async with listening(app, address) as port:
        yield port
