"""Chooses which versions of the tasks of a project-domain make one package.

A package holds one version of a name: the one that an active trigger runs, of several the one whose
trigger was deployed last, else the newest. A trigger that runs another one is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_definition_pb2

from reconciler.backends.flyte2 import ledger, locks, methods, paging
from reconciler.backends.flyte2.package.recording import Request
from reconciler.backends.flyte2.task.fetch import spec_of
from reconciler.backends.flyte2.task.normal import KIND
from reconciler.backends.flyte2.trigger import normal as trigger
from reconciler.backends.flyte2.trigger.observe import list_triggers
from reconciler.backends.wire.channel import Channel
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Wanted


@dataclass(frozen=True, slots=True)
class Found:
    """Tasks as they would be deployed, by name, and active triggers that run other versions."""

    requests: tuple[Request, ...] = ()
    left_out: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Running:
    """What an active trigger runs."""

    key: Key
    task: str
    version: str
    deployed_at: int


async def read(channel: Channel, place: Place, wanted: Wanted) -> Found:
    """Read one version of every wanted name."""
    newest = await _newest(channel, place, wanted)
    running = [] if wanted.version else await _running(channel, place, wanted)
    asked: dict[str, dict[str, None]] = {}
    for one in running:
        asked.setdefault(one.task, {})[one.version] = None
    for name, version in newest.items():
        asked.setdefault(name, {})[version] = None
    lost: set[tuple[str, str]] = set()
    answers = await asyncio.gather(
        *(_first(channel, place, name, asked[name], lost) for name in sorted(asked))
    )
    requests = tuple(one for one in answers if one is not None)
    chosen = {one.task_id.name: one.task_id.version for one in requests}
    left_out: dict[Key, str] = {}
    for one in running:
        runs = f"runs {KIND} {one.task} version {one.version}"
        if (one.task, one.version) in lost:
            left_out[one.key] = f"{runs}, which is not registered"
        elif chosen.get(one.task) != one.version:
            left_out[one.key] = (
                f"{runs}, and the package holds version {chosen[one.task]}; export that one by "
                "itself, by --name and --version"
            )
    return Found(requests, left_out)


async def _newest(channel: Channel, place: Place, wanted: Wanted) -> dict[str, str]:
    """Map the wanted names to the version that was first deployed last, or to the wanted one."""
    filters = [paging.one_of("version", [wanted.version])] if wanted.version else []
    request = task_service_pb2.ListTasksRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain),
        request=list_pb2.ListRequest(filters=filters),
    )
    return {
        one.task_id.name: one.task_id.version
        async for page in paging.listing(channel, methods.LIST_TASKS, request, "name")
        for one in page.tasks
        if _takes(wanted, one.task_id.name)
    }


async def _running(channel: Channel, place: Place, wanted: Wanted) -> list[_Running]:
    """List what active triggers run, the one that was deployed last first."""
    listed = await list_triggers(channel, place)
    keys = [
        key
        for key, one in listed.items()
        if one.is_active and _takes(wanted, trigger.name_of(key).task_name)
    ]
    details = await asyncio.gather(
        *(locks.details_of(channel, trigger.name_of(key)) for key in keys)
    )
    found = [
        _of(key, one) for key, one in zip(keys, details, strict=True) if one and one.spec.active
    ]
    return sorted(found, key=lambda one: (-one.deployed_at, one.key))


def _of(key: Key, details: trigger_definition_pb2.TriggerDetails) -> _Running:
    return _Running(
        key=key,
        task=details.id.name.task_name,
        version=details.spec.task_version,
        deployed_at=details.status.deployed_at.ToNanoseconds(),
    )


async def _first(
    channel: Channel, place: Place, name: str, versions: Iterable[str], lost: set[tuple[str, str]]
) -> Request | None:
    """Read the first version that there is; what a trigger names and never was goes to `lost`."""
    for version in versions:
        identifier = task_definition_pb2.TaskIdentifier(
            project=place.project, domain=place.domain, name=name, version=version
        )
        spec = await spec_of(channel, identifier)
        if spec is not None:
            return Request(task_id=identifier, spec=spec)
        lost.add((name, version))
    return None


def _takes(wanted: Wanted, name: str) -> bool:
    return wanted.takes(name) and name != ledger.RESERVED
