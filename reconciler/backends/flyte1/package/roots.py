"""Chooses which versions of what is registered in a project-domain make one package.

A package holds one version of a name. What active plans run comes first, then the newest of every
other name; what needs a version that another one took is left out, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import launch_plan_pb2

from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.newest import list_names, newest, of_version
from reconciler.backends.flyte1.observe import list_active
from reconciler.backends.flyte1.package.identifiers import RESERVED, RESOURCE_TYPES, Name
from reconciler.backends.flyte1.package.registered import Id, Registered
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.flyte1.workflow import KIND as WORKFLOW
from reconciler.backends.wire.channel import Channel
from reconciler.model.key import Place
from reconciler.model.packaged import Wanted


@dataclass(slots=True)
class Roots:
    """What is asked for by itself: active plans, and the rest in the order it is chosen in."""

    active: list[Id] = field(default_factory=list)
    workflows: list[Id] = field(default_factory=list)
    plans: list[Id] = field(default_factory=list)
    tasks: list[Id] = field(default_factory=list)

    def all(self) -> tuple[Id, ...]:
        """List them."""
        return (*self.active, *self.workflows, *self.plans, *self.tasks)


async def read(channel: Channel, found: Registered, wanted: Wanted) -> Roots:
    """List what is asked for; the plans and tasks of it are in `found` afterwards."""
    active = [plan async for plan in list_active(channel, found.place)]
    active.sort(key=lambda plan: plan.closure.created_at.ToNanoseconds())
    flows, plans, tasks = await asyncio.gather(
        *(_listed(channel, found.place, kind, wanted) for kind in (WORKFLOW, LAUNCH_PLAN, TASK))
    )
    running = _running(found, active) if not wanted.version else {}
    roots = Roots(
        active=[
            found.add_plan(plan)
            for plan in active
            if _takes(wanted, plan.id.name) and wanted.version in {"", plan.id.version}
        ],
        workflows=[
            (WORKFLOW, name, running.get(name, one.id.version)) for name, one in flows.items()
        ],
        plans=[found.add_plan(plan) for plan in plans.values()],
    )
    for task in tasks.values():
        id_ = found.add_task(task.closure.compiled_task.template)
        roots.tasks += [id_] if id_ is not None else []
    return roots


def choose(
    found: Registered, roots: Roots, *, fault: Callable[[Id], str]
) -> tuple[dict[Name, Id], dict[Id, str]]:
    """Return what the package holds, by kind and name, and what is left out and why.

    `fault` says why an entity cannot be packaged; empty when it can.
    """
    chosen: dict[Name, Id] = {}
    left_out: dict[Id, str] = {}

    def take(root: Id) -> None:
        closure = sorted(found.closure(root))
        for one in closure:
            kind, name, version = one
            held = chosen.get((kind, name), one)
            if held != one:
                left_out[root] = (
                    f"needs {kind} {name} version {version}, and the package holds version "
                    f"{held[2]}; export it by itself, by --name or --version"
                )
                return
            if reason := fault(one):
                left_out[root] = reason if one == root else f"needs {kind} {name}: {reason}"
                return
        chosen.update({(kind, name): (kind, name, version) for kind, name, version in closure})

    for plan in roots.active:
        if found.workflow_of(plan) is None:
            left_out[plan] = (
                "was not registered together with its workflow; export without --packages "
                "declares it"
            )
        else:
            take(plan)
    for flow in roots.workflows:
        take(flow)
    for plan in roots.plans:
        # The newest of a name that is not active is of use with the workflow that it runs alone.
        if plan[:2] not in chosen and found.workflow_of(plan) in chosen.values():
            take(plan)
    for task in roots.tasks:
        if task[:2] not in chosen:
            take(task)
    return chosen, left_out


def _running(found: Registered, active: Iterable[launch_plan_pb2.LaunchPlan]) -> Mapping[str, str]:
    """Map workflows to the version that an active plan runs; the plan that was made last wins."""
    running: dict[str, str] = {}
    for plan in active:
        flow = found.workflow_of(found.add_plan(plan))
        if flow is not None:
            running[flow[1]] = flow[2]
    return running


async def _listed(channel: Channel, place: Place, kind: str, wanted: Wanted) -> Mapping[str, Any]:
    """List the wanted names of a kind, each with one version, sorted."""
    number = RESOURCE_TYPES[kind]
    if wanted.version:
        found = {
            one.id.name: one
            async for one in of_version(channel, place, number, wanted.version)
            if _takes(wanted, one.id.name)
        }
    else:
        names = await list_names(channel, place, number)
        asked = {name for name, is_archived in names.items() if not is_archived}
        asked = {name for name in asked if _takes(wanted, name)}
        found = dict(await newest(channel, place, number, asked))
    return dict(sorted(found.items()))


def _takes(wanted: Wanted, name: str) -> bool:
    return wanted.takes(name) and not name.startswith(RESERVED)
