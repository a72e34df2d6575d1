"""Bare stubs: the least that any client of Flyte 1 has to do, without reading or deciding.

`python -m tests.bench.stubs register|get ENDPOINT COUNT VERSION PARALLEL PLACE` prints the seconds
of sending and the number of calls as JSON. `register` sends the two calls that bring a plan to
life, `get` one read per plan. Messages are made before the clock starts.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable

import grpc.aio
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.service import admin_pb2_grpc

from reconciler.model.key import Place
from tests.bench.messages import identifier, spec
from tests.bench.plans import Plan, plans

_SECONDS = 60.0

Work = Callable[[], Awaitable[object]]


async def send(works: Iterable[Work], parallel: int) -> float:
    """Run works with so many under way, and return the seconds it took."""
    waiting = iter(works)

    async def worker() -> None:
        for work in waiting:
            await work()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(parallel)))
    return time.perf_counter() - start


def registrations(
    stub: admin_pb2_grpc.AdminServiceAsyncStub, some: Iterable[Plan], version: str
) -> Iterable[Work]:
    """Register each plan and then activate it."""

    async def one(
        create: launch_plan_pb2.LaunchPlanCreateRequest,
        update: launch_plan_pb2.LaunchPlanUpdateRequest,
    ) -> None:
        await stub.CreateLaunchPlan(create, timeout=_SECONDS)
        await stub.UpdateLaunchPlan(update, timeout=_SECONDS)

    made = []
    for plan in some:
        name = identifier(plan, version)
        create = launch_plan_pb2.LaunchPlanCreateRequest(id=name, spec=spec(plan))
        update = launch_plan_pb2.LaunchPlanUpdateRequest(id=name, state=launch_plan_pb2.ACTIVE)
        made.append((create, update))
    return [lambda pair=pair: one(*pair) for pair in made]  # type: ignore[misc]


def reads(
    stub: admin_pb2_grpc.AdminServiceAsyncStub, some: Iterable[Plan], version: str
) -> Iterable[Work]:
    """Read each plan by its name and version."""
    requests = [common_pb2.ObjectGetRequest(id=identifier(plan, version)) for plan in some]
    return [
        lambda request=request: stub.GetLaunchPlan(request, timeout=_SECONDS)  # type: ignore[misc]
        for request in requests
    ]


async def main() -> None:
    """Run what the command line asks for."""
    what, endpoint, count, version, parallel, place = sys.argv[1:]
    project, _, domain = place.partition("/")
    some = list(plans(int(count), [Place(project, domain)]))
    async with grpc.aio.insecure_channel(endpoint) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        made = registrations if what == "register" else reads
        works = made(stub, some, version)
        seconds = await send(works, int(parallel))
    calls = int(count) * (2 if what == "register" else 1)
    print(json.dumps({"seconds": seconds, "calls": calls}))


if __name__ == "__main__":
    asyncio.run(main())
