"""A scheduled plan on the embedded Flyte 1, and an engine that plays what its executions do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flyteidl.admin import common_pb2, event_pb2, execution_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.event import event_pb2 as events
from google.protobuf.timestamp_pb2 import Timestamp
from world import DOMAIN, PROJECT, World, open_world

from reconciler.schedule.identity import execution_name

FIRST = datetime(2025, 1, 1, 6, tzinfo=UTC)
PLAN = "orders"
_Phase = core.WorkflowExecution


def daily(count: int) -> tuple[datetime, ...]:
    """The ticks of the plan, from the first one on."""
    return tuple(FIRST + timedelta(days=index) for index in range(count))


def scheduler_name(tick: datetime, version: str = "v1") -> str:
    """What Flyte's scheduler calls the execution of a tick."""
    return execution_name(
        project=PROJECT, domain=DOMAIN, name=PLAN, version=version, scheduled_at=tick
    )


@dataclass
class Flyte:
    """The executions of a plan; `most` is how many were seen in flight at once."""

    world: World
    most: int = 0
    ended: set[str] = field(default_factory=set)
    failing: set[datetime] = field(default_factory=set)

    async def scheduled(
        self, tick: datetime, phase: Any = _Phase.SUCCEEDED, *, version: str = "v1"
    ) -> str:
        """Start an execution as the scheduler does, and let it end."""
        name = scheduler_name(tick, version)
        at = Timestamp()
        at.FromDatetime(tick)
        await self.world.stub.CreateExecution(
            execution_pb2.ExecutionCreateRequest(
                project=PROJECT,
                domain=DOMAIN,
                name=name,
                spec=execution_pb2.ExecutionSpec(
                    launch_plan=identifier_pb2.Identifier(
                        resource_type=identifier_pb2.LAUNCH_PLAN,
                        project=PROJECT,
                        domain=DOMAIN,
                        name=PLAN,
                        version=version,
                    ),
                    metadata=execution_pb2.ExecutionMetadata(
                        mode=execution_pb2.ExecutionMetadata.SCHEDULED, scheduled_at=at
                    ),
                ),
                inputs=literals_pb2.LiteralMap(literals={"day": _datetime(at)}),
            )
        )
        if phase is not None:
            await self.end(name, phase)
        return name

    async def end(self, name: str, phase: Any = _Phase.SUCCEEDED) -> None:
        """Play the events of an engine that ran an execution."""
        await self.play(name, _Phase.RUNNING, phase)
        self.ended.add(name)

    async def play(self, name: str, *phases: Any) -> None:
        """Play the events of an engine."""
        identifier = identifier_pb2.WorkflowExecutionIdentifier(
            project=PROJECT, domain=DOMAIN, name=name
        )
        for one in phases:
            told = events.WorkflowExecutionEvent(
                execution_id=identifier, phase=one, occurred_at=_now()
            )
            if one == _Phase.FAILED:
                told.error.message = "it broke"
            await self.world.stub.CreateWorkflowEvent(
                event_pb2.WorkflowExecutionEventRequest(request_id=f"{name}{one}", event=told)
            )

    async def executions(self) -> list[execution_pb2.Execution]:
        """All there are."""
        answer = await self.world.stub.ListExecutions(
            common_pb2.ResourceListRequest(
                id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN),
                limit=100_000,
                filters="value_in(state,0;1)",
            )
        )
        return list(answer.executions)

    async def by_tick(self) -> Counter[datetime]:
        """How many executions carry each tick."""
        return Counter(
            one.spec.metadata.scheduled_at.ToDatetime(tzinfo=UTC) for one in await self.executions()
        )

    async def end_all(self) -> int:
        """Let everything that goes on end: as it should, but for the ticks that fail."""
        alive = [one for one in await self.executions() if one.id.name not in self.ended]
        self.most = max(self.most, len(alive))
        for one in alive:
            tick = one.spec.metadata.scheduled_at.ToDatetime(tzinfo=UTC)
            phase = _Phase.FAILED if tick in self.failing else _Phase.SUCCEEDED
            await self.end(one.id.name, phase)
        return len(alive)

    @asynccontextmanager
    async def engine(self, pause: float = 0.02) -> AsyncIterator[None]:
        """Let executions end while something else goes on."""

        async def work() -> None:
            while True:
                await self.end_all()
                await asyncio.sleep(pause)

        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def open_flyte(directory: Path, *, covered: Iterable[datetime] = ()) -> AsyncIterator[Flyte]:
    """Start the embedded Flyte with a daily plan whose runs of some ticks succeeded."""
    async with open_world(directory) as world:
        await world.register_workflow(has_outputs=True)
        await world.register_plan(PLAN, "v1", cron="CRON_TZ=UTC 0 6 * * *", defaults={"count": 3})
        await world.set_state(PLAN, "v1", active=True)
        flyte = Flyte(world)
        for tick in covered:
            await flyte.scheduled(tick)
        world.now = datetime.now(UTC)
        yield flyte


def backfill_document(name: str = "fill", /, **spec: Any) -> dict[str, Any]:
    """Make a FlyteBackfill document over the first ten days."""
    spec.setdefault("launchPlan", {"name": PLAN})
    spec.setdefault("from", "2025-01-01T00:00:00Z")
    spec.setdefault("to", "2025-01-11T00:00:00Z")
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteBackfill",
        "metadata": {"name": name},
        "spec": spec,
    }


def _now() -> Timestamp:
    found = Timestamp()
    found.GetCurrentTime()
    return found


def _datetime(at: Timestamp) -> literals_pb2.Literal:
    return literals_pb2.Literal(
        scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(datetime=at))
    )
