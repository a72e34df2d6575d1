"""Makes a package of the tasks that a client of Flyte 2 deployed to a recording endpoint.

What a client sends carries the project, domain and version that it was called with, and the places
that the endpoint gave to its uploads. Both become placeholders, so that the same code makes the
same package wherever and as whatever it was recorded. The SDK deploys an environment that several
others depend on once with each, under a version of its own: equal content is one task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flyteidl2.core import identifier_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte2.package.recorded import FORM
from reconciler.backends.flyte2.task import arguments
from reconciler.backends.flyte2.task.normal import normal
from reconciler.backends.packages import recorded, texts
from reconciler.backends.packages import recording as shared
from reconciler.backends.packages.recording import DOMAIN, PROJECT, VERSION, Upload
from reconciler.errors import UsageError
from reconciler.model.digest import split_version
from reconciler.model.document import Json

Request = task_service_pb2.DeployTaskRequest

_HASH = re.compile(r"[0-9a-f]{32}")


def package(sent: Iterable[Request], uploads: Iterable[Upload] = (), *, store: str = "") -> bytes:
    """Make the bytes of a tgz of every task that was deployed, by name.

    `store` is how the URLs of a store begin that nobody will find again. Equal content makes equal
    bytes. Raises UsageError when it cannot be one package.
    """
    requests = [_copy(request) for request in sent]
    shared.check_places(f"{one.task_id.project}/{one.task_id.domain}" for one in requests)
    files = {upload.url: upload for upload in uploads}
    used: set[str] = set()
    made: dict[str, Request] = {}
    for request in requests:
        name = request.task_id.name
        used |= _replace(request, files)
        shared.check_uploads(name, request, files)
        if store:
            _check_lost(name, request, store)
        if _content(made.setdefault(name, request)) != _content(request):
            raise shared.different(name)
    blobs = shared.blobs(files[url] for url in used)
    ordered = [made[name] for name in sorted(made)]
    notes: list[Json] = [
        {"task": task, "name": name} for request in ordered for task, name in triggers(request)
    ]
    return shared.pack(recorded.write(FORM, ordered, blobs, triggers=notes))


def triggers(request: Request) -> list[tuple[str, str]]:
    """List the triggers that came with a task, each as the task's name and its own."""
    return sorted((request.task_id.name, trigger.name) for trigger in request.triggers)


def _copy(request: Request) -> Request:
    made = Request()
    made.CopyFrom(request)
    return made


def _replace(request: Request, files: Mapping[str, Upload]) -> set[str]:
    """Rewrite what says where it was recorded; return the URLs of code that were found."""
    template = request.spec.task_template
    given = {request.task_id.version, *arguments.versions(template)}
    arguments.change(template, lambda words: arguments.with_version(words, VERSION))
    _sub(request, dict.fromkeys(filter(_is_made, given), VERSION))
    used = {url for text in texts.texts(template) for url in files if url in text}
    _sub(template, {url: files[url].recorded_url for url in used})
    request.task_id.CopyFrom(
        task_definition_pb2.TaskIdentifier(
            project=PROJECT, domain=DOMAIN, name=request.task_id.name, version=VERSION
        )
    )
    template.id.CopyFrom(
        identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK,
            project=PROJECT,
            domain=DOMAIN,
            name=request.task_id.name,
            version=VERSION,
        )
    )
    return used


def _is_made(version: str) -> bool:
    """Say whether the SDK or a set made a version; any other may be a word with other meanings."""
    return _HASH.fullmatch(version) is not None or split_version(version) is not None


def _sub(message: Message, words: Mapping[str, str]) -> None:
    def change(text: str) -> str:
        for old, new in words.items():
            text = text.replace(old, new)
        return text

    texts.rewrite(message, change)


def _check_lost(name: str, request: Request, store: str) -> None:
    """Refuse code that was not uploaded now: the SDK remembers uploads by the endpoint's name."""
    for text in texts.texts(request.spec.task_template):
        if store in text:
            raise UsageError(
                f"{name}: names {text}, which was not uploaded now: the SDK believes that an "
                "earlier endpoint of this name still has it; remove local-cache beside the "
                "configuration file of flyte, then record again"
            )


def _content(request: Request) -> tuple[dict[str, Json], list[bytes]]:
    """Say what makes two deployments of one name the same."""
    carried = [trigger.SerializeToString(deterministic=True) for trigger in request.triggers]
    return normal(request.spec), sorted(carried)
