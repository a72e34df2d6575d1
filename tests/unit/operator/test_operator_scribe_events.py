"""Events: warnings are written at once, the others when there is time, and never waited for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import UnavailableError
from reconciler.operator import scribe as scribes
from reconciler.operator.metrics import Metrics
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.scribe import Scribe
from reconciler.operator.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = Custom(
    ref=Ref("FlyteLaunchPlan", "team", "daily"), uid="u1", version="1", generation=1, created=""
)


class ApiServer:
    """Takes events, or is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.reasons: list[str] = []

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == "/apis/events.k8s.io/v1/namespaces/team/events"
        if self.is_away:
            raise UnavailableError("it is away")
        self.reasons.append(body["reason"])
        return body


def scribe_for(server: ApiServer, metrics: Metrics) -> Scribe:
    return Scribe(cast("Cluster", server), Store(), metrics, "here")


async def test_warning_is_written_before_anything_goes_on() -> None:
    server = ApiServer()
    scribe = scribe_for(server, Metrics())
    await scribe.event(PLAN, "Orphaned", "stays", now=NOW, is_warning=True)
    assert server.reasons == ["Orphaned"]


async def test_what_waits_is_written_in_the_background_and_at_the_end() -> None:
    server = ApiServer()
    scribe = scribe_for(server, Metrics())
    await scribe.event(PLAN, "LaunchPlanCreated", "", now=NOW)
    assert server.reasons == []
    writer = asyncio.create_task(scribe.deliver())
    await asyncio.sleep(0.01)
    assert server.reasons == ["LaunchPlanCreated"]
    writer.cancel()
    await scribe.event(PLAN, "LaunchPlanUpdated", "", now=NOW)
    await scribe.close()
    assert server.reasons == ["LaunchPlanCreated", "LaunchPlanUpdated"]


async def test_server_that_is_away_ends_no_writer() -> None:
    server = ApiServer()
    server.is_away = True
    scribe = scribe_for(server, Metrics())
    await scribe.event(PLAN, "LaunchPlanCreated", "", now=NOW)
    writer = asyncio.create_task(scribe.deliver())
    await asyncio.sleep(0.01)
    server.is_away = False
    await scribe.event(PLAN, "LaunchPlanUpdated", "", now=NOW)
    await asyncio.sleep(0.01)
    assert server.reasons == ["LaunchPlanUpdated"]
    writer.cancel()


async def test_too_many_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scribes, "_MOST_EVENTS", 2)
    server, metrics = ApiServer(), Metrics()
    scribe = scribe_for(server, metrics)
    for _ in range(3):
        await scribe.event(PLAN, "LaunchPlanCreated", "", now=NOW)
    await scribe.event(PLAN, "Orphaned", "stays", now=NOW, is_warning=True)
    await scribe.close()
    assert server.reasons == ["Orphaned", "LaunchPlanCreated", "LaunchPlanCreated"]
    assert metrics.registry.get_sample_value("reconcile_events_dropped_total") == 1
