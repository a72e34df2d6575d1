"""What a recorded package of Flyte 2 holds; see `backends.packages.recorded` for the format.

Beside the common members, `triggers` in the manifest names those that came with tasks: a note for
people. They are triggers of their own and are never registered with a package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flyteidl2.task import task_definition_pb2, task_service_pb2
from google.protobuf import json_format

from reconciler.backends.flyte2.package.images import rewrite
from reconciler.backends.flyte2.task.normal import KIND, digest_of, normal
from reconciler.backends.packages import code as packed
from reconciler.backends.packages import recorded, texts
from reconciler.backends.packages.code import Code, url_of
from reconciler.backends.packages.images import Change
from reconciler.backends.packages.recorded import Form, RecordingError, Sent
from reconciler.model.document import Json
from reconciler.sources.archive import Archive

FORM = Form("Flyte2", {"TaskService.DeployTask": task_service_pb2.DeployTaskRequest})

SCHEME = "recorded://"
_NAME = 255
_UNREADABLE = (json_format.Error, ValueError, TypeError)
"""What writing a message as JSON raises: TypeError for a message of unknown type inside it."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """One task: its spec, in which `code://` URLs name code, its normal form and its digest.

    `triggers` are the names of those that it was deployed with, `places` where code is that a set
    uploaded and that the package only names, by `code://` URL: it stays there.
    """

    spec: task_definition_pb2.TaskSpec = field(repr=False)
    body: dict[str, Json] = field(repr=False)
    digest: str
    triggers: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """Tasks by name, and code by `code://` URL."""

    tasks: Mapping[str, Packaged]
    code: Mapping[str, Code]


class ContentError(Exception):
    """What is wrong with the content of an archive, one line for each fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


def read(archive: Archive, images: Change | None = None) -> Content:
    """Read every task of an archive, with other images; raises ContentError with all faults."""
    if not recorded.is_recorded(archive):
        raise ContentError(
            ["was not recorded; make it with `reconcile record --out FILE -- flyte deploy ...`"]
        )
    try:
        found = recorded.read(archive, FORM)
    except RecordingError as error:
        raise ContentError([str(error)]) from None
    faults: list[str] = []
    code: dict[str, Code] = {}
    urls: dict[str, str] = {}
    for blob in found.blobs:
        try:
            urls[blob.url] = url_of(blob.code)
        except ValueError as error:
            faults.append(f"the upload {blob.url} {error}")
        else:
            code[urls[blob.url]] = blob.code
    tasks: dict[str, Packaged] = {}
    for sent in found.requests:
        assert isinstance(sent.request, task_service_pb2.DeployTaskRequest)
        try:
            name = _name(sent.request)
            if name in tasks:
                raise ValueError(f"{KIND} {name} is in the package a second time")
            tasks[name] = _packaged(name, sent, urls, images)
        except _UNREADABLE as error:
            faults.append(f"{sent.member}: {error}")
    if not faults and not tasks:
        faults.append("holds no tasks; record a command that deploys some")
    if faults:
        raise ContentError(faults)
    return Content(tasks, code)


def _name(request: task_service_pb2.DeployTaskRequest) -> str:
    name = request.task_id.name
    if not name or not request.HasField("spec"):
        raise ValueError(f"is no {KIND} with a name and a spec; record it again")
    if len(name) > _NAME:
        raise ValueError(f"{KIND} {name}: has a name of more than {_NAME} characters; shorten it")
    return name


def _packaged(name: str, sent: Sent, urls: Mapping[str, str], images: Change | None) -> Packaged:
    request = sent.request
    assert isinstance(request, task_service_pb2.DeployTaskRequest)
    size = request.ByteSize()
    request.DiscardUnknownFields()
    if request.ByteSize() != size:
        raise ValueError(
            "has fields that this version of reconcile does not know and would lose; update it"
        )
    spec = request.spec
    spec.task_template.ClearField("id")

    def place(text: str) -> str:
        for url, own in urls.items():
            text = text.replace(url, own)
        return text

    texts.rewrite(spec, place)
    lost = next((text for text in texts.texts(spec) if SCHEME in text), None)
    if lost is not None:
        raise ValueError(f"{KIND} {name}: names {lost}, which the package does not hold")
    if images is not None:
        rewrite(spec, images)
    body = normal(spec)
    triggers = tuple(sorted(trigger.name for trigger in request.triggers))
    places: dict[str, str] = {}
    for text in texts.texts(spec):
        places.update(packed.places(text))
    return Packaged(spec, body, digest_of(name, body), triggers, places)
