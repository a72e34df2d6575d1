"""Reads the tasks of a project-domain back as a recorded package.

Tasks do not refer to each other, so that each is of use by itself. What a set registered gives,
under a set, the same digests elsewhere. So does what a client deployed with its code, where the
server lets us download it; the open-source manager (2.0.43) signs reports alone, and the code's URL
counts in place of its content then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flyteidl2.cluster import payload_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import task_definition_pb2

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.package import recording, roots
from reconciler.backends.flyte2.package.recorded import Content, ContentError, read
from reconciler.backends.flyte2.package.recording import Request
from reconciler.backends.flyte2.task import arguments
from reconciler.backends.flyte2.task.normal import KIND
from reconciler.backends.packages import exported
from reconciler.backends.packages.recording import Upload
from reconciler.errors import BackendError, UsageError
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Packaged, Wanted
from reconciler.sources import archive

_UNSIGNED = frozenset({"INVALID_ARGUMENT", "UNIMPLEMENTED"})
"""How servers refuse that sign reports alone, or nothing."""

_LOST = "something that counted for it is not kept"


async def export(link: Link, place: Place, wanted: Wanted) -> Packaged:
    """Make a package of a place; the same state makes the same bytes.

    Raises BackendError where something cannot be read, UsageError where it cannot be one package.
    """
    found = await roots.read(link.channel, place, wanted)
    refused = {_key(place, one): reason for one, reason in _refused(found.requests)}
    requests = [one for one in found.requests if _key(place, one) not in refused]
    left_out = {**found.left_out, **refused}
    if not requests:
        return Packaged(left_out=left_out)
    uploads, unread = await _code(link, place, requests)
    try:
        content = recording.package(requests, uploads)
        made = read(archive.read(content))
    except (ContentError, UsageError) as error:
        raise UsageError(
            f"{place}: cannot be one package: {error}; export less of it, by --name"
        ) from error
    return Packaged(
        content=content,
        versions={_key(place, one): one.task_id.version for one in requests},
        left_out=left_out,
        warnings=(*unread, *_moved(place, made, requests)),
    )


def _key(place: Place, request: Request) -> Key:
    return Key(KIND, place.project, place.domain, request.task_id.name)


def _refused(requests: Sequence[Request]) -> Iterator[tuple[Request, str]]:
    """Find tasks that no package can hold, such as those with fields that nobody knows here."""
    if not _fault(requests):
        return
    for one in requests:
        fault = _fault([one])
        if fault:
            yield one, fault


def _fault(requests: Sequence[Request]) -> str:
    try:
        read(archive.read(recording.package(requests)))
    except (ContentError, UsageError) as error:
        return str(error)
    return ""


async def _code(
    link: Link, place: Place, requests: Iterable[Request]
) -> tuple[list[Upload], list[str]]:
    """Download the code of tasks; what cannot be read stays a URL, with a warning."""
    users: dict[str, list[Key]] = {}
    owners: dict[str, task_definition_pb2.TaskIdentifier] = {}
    for one in requests:
        for url in _code_urls(one):
            users.setdefault(url, []).append(_key(place, one))
            owners.setdefault(url, one.task_id)
    if not users:
        return [], []
    channel = await link.routes.to(
        place, payload_pb2.SelectClusterRequest.OPERATION_CREATE_DOWNLOAD_LINK
    )

    async def sign(url: str) -> str:
        request = dataproxy_service_pb2.CreateDownloadLinkRequest(
            artifact_type=dataproxy_service_pb2.ARTIFACT_TYPE_CODE_BUNDLE, task_id=owners[url]
        )
        try:
            answer = await channel.call(methods.CREATE_DOWNLOAD_LINK, request)
        except BackendError as error:
            if error.code not in _UNSIGNED:
                raise
            raise BackendError(f"{channel.endpoint}: signs no code") from error
        for signed in answer.pre_signed_urls.signed_url:
            return signed
        raise BackendError(f"{channel.endpoint}: signs no code")

    return await exported.download(users, sign, channel.settings.tls)


def _code_urls(request: Request) -> list[str]:
    template = request.spec.task_template
    found = {*arguments.code(template), template.metadata.code_bundle_uri}
    return sorted(found - {""})


def _moved(place: Place, made: Content, requests: Iterable[Request]) -> Iterator[str]:
    """Say which versions of sets the package would not give again."""
    for one in requests:
        digest = made.tasks[one.task_id.name].digest
        said = exported.moved(_key(place, one), one.task_id.version, digest, _LOST)
        if said:
            yield said
