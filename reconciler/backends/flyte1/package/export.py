"""Reads what is registered in a project-domain back as a recorded package.

What a client or a set registered gives, under a set, the same digests elsewhere: identifiers of
what the package holds become placeholders, and code is brought along where the server lets us.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1 import methods, recording, task
from reconciler.backends.flyte1.launch_plan import normal, wire
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.package import graph, roots
from reconciler.backends.flyte1.package.entities import Content, ContentError
from reconciler.backends.flyte1.package.entities import read as read_entities
from reconciler.backends.flyte1.package.identifiers import RESOURCE_TYPES, is_together
from reconciler.backends.flyte1.package.recorded import Request
from reconciler.backends.flyte1.package.registered import Id, Registered, load
from reconciler.backends.packages import exported
from reconciler.backends.packages.recording import Upload
from reconciler.backends.wire.channel import Channel
from reconciler.errors import UsageError
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Packaged, Wanted
from reconciler.sources import archive
from reconciler.specs.package import PackageOptions

_OPTIONS = PackageOptions()
_LOST = (
    "something that counted for it, such as a default plan that was never registered, cannot be "
    "read"
)


async def export(channel: Channel, place: Place, wanted: Wanted) -> Packaged:
    """Make a package of a place; the same state makes the same bytes.

    Raises BackendError where something cannot be read, UsageError where it cannot be one package.
    """
    found = Registered(place)
    asked = await roots.read(channel, found, wanted)
    await load(channel, found, asked.all())
    chosen, left_out = roots.choose(found, asked, fault=lambda one: _fault(found, one))
    refused = {_key(place, one): reason for one, reason in left_out.items()}
    if not chosen:
        return Packaged(left_out=refused)
    ids = sorted(chosen.values())
    uploads, unread = await _code(channel, found, ids)
    running = sorted(one[1] for one in asked.active if one in ids)
    try:
        content = recording.package(
            _requests(found, ids), uploads, activated=running, is_own=_is_own
        )
        entities = graph.build(
            read_entities(archive.read(content)), place=place, options=_OPTIONS
        ).entities
    except (ContentError, UsageError) as error:
        raise UsageError(
            f"{place}: cannot be one package: {error}; export less of it, by --name"
        ) from error
    defaults = {name for (kind, name), one in entities.items() if one.is_default}
    return Packaged(
        content=content,
        versions={_key(place, one): one[2] for one in ids},
        active=tuple(name for name in running if name not in defaults),
        left_out=refused,
        warnings=(
            *unread,
            *_activated(place, running, defaults),
            *_moved(place, entities, ids),
        ),
    )


def _is_own(request: Request, identifier: identifier_pb2.Identifier) -> bool:
    return is_together(identifier.version, request.id.version)


def _key(place: Place, one: Id) -> Key:
    return Key(one[0], place.project, place.domain, one[1])


def _fault(found: Registered, one: Id) -> str:
    """Say why a plan cannot be registered again as it is; tasks and workflows always can."""
    plan = found.plans.get(one)
    if plan is None:
        return ""
    alone = Content({}, {}, {plan.id.name: plan}, frozenset())
    try:
        graph.build(alone, place=found.place, options=_OPTIONS)
    except ContentError as error:
        return str(error)
    return ""


def _requests(found: Registered, ids: Iterable[Id]) -> Iterator[Request]:
    for one in ids:
        identifier = identifier_pb2.Identifier(
            resource_type=RESOURCE_TYPES[one[0]],
            project=found.place.project,
            domain=found.place.domain,
            name=one[1],
            version=one[2],
        )
        if one in found.tasks:
            spec = task_pb2.TaskSpec(template=found.tasks[one])
            yield task_pb2.TaskCreateRequest(id=identifier, spec=spec)
        elif one in found.workflows:
            yield workflow_pb2.WorkflowCreateRequest(id=identifier, spec=found.workflows[one])
        else:
            # What a server fills in says nothing, and what it leaves empty differs by client.
            given = found.plans[one].spec
            plan = wire.to_wire(normal.from_wire(identifier, given), given.workflow_id)
            yield launch_plan_pb2.LaunchPlanCreateRequest(id=identifier, spec=plan)


async def _code(
    channel: Channel, found: Registered, ids: Iterable[Id]
) -> tuple[list[Upload], list[str]]:
    """Download the code of tasks; what cannot be read stays a URL, with a warning."""
    users: dict[str, list[Key]] = {}
    for one in ids:
        if one in found.tasks:
            for url in task.code_urls(found.tasks[one]):
                users.setdefault(url, []).append(_key(found.place, one))

    async def sign(url: str) -> str:
        request = dataproxy_pb2.CreateDownloadLocationRequest(native_url=url)
        return (await channel.call(methods.CREATE_DOWNLOAD_LOCATION, request)).signed_url

    return await exported.download(users, sign, channel.settings.tls)


def _activated(place: Place, running: Iterable[str], defaults: set[str]) -> Iterator[str]:
    found = [
        Key(LAUNCH_PLAN, place.project, place.domain, name) for name in running if name in defaults
    ]
    if found:
        yield (
            f"{exported.some(found)}: default plan of its workflow and active, which a package "
            "never makes it; without a schedule that changes nothing but what is started without a "
            "version"
        )


def _moved(
    place: Place, entities: Mapping[tuple[str, str], graph.Entity], ids: Iterable[Id]
) -> Iterator[str]:
    """Say which versions of sets the package would not give again."""
    for one in ids:
        said = exported.moved(_key(place, one), one[2], entities[one[:2]].digest, _LOST)
        if said:
            yield said
