"""A project as both Flytes keep it: its name, description, labels and state, written together.

The messages of the two are alike, and so are their habits: an update writes more than it names, so
that what is there is read first, and domains are the server's and never sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from reconciler.model.digest import digest
from reconciler.model.document import Json, filled
from reconciler.model.key import Key
from reconciler.model.resource import Resource
from reconciler.specs.project import ProjectSpec
from reconciler.specs.validate import Declared

KIND = "FlyteProject"
LABELS = "labels/"
ACTIVE = "Active"
ARCHIVED = "Archived"
CLOSED = frozenset({ARCHIVED, "SystemGenerated", "SystemArchived"})

_STATES = (ACTIVE, ARCHIVED, "SystemGenerated", "SystemArchived")

P = TypeVar("P", bound=Message)


def own_fields(project: Any) -> dict[str, Json]:
    """Read the fields of the project itself."""
    fields: dict[str, Json] = {"displayName": project.name, "description": project.description}
    fields = filled(fields)
    known = project.state < len(_STATES)
    fields["state"] = _STATES[project.state] if known else str(project.state)
    fields.update({f"{LABELS}{key}": text for key, text in project.labels.values.items()})
    return fields


def initial(key: Key) -> dict[str, Json]:
    """Return what a project that is made has besides what is declared."""
    return {"displayName": key.project, "state": ACTIVE}


def created(kind: type[P], key: Key, body: Mapping[str, Json] | None) -> P:
    """Write a project that does not exist yet, with what nobody chose."""
    return _filled(kind(), key, {**initial(key), **(body or {})})


def updated(live: P, key: Key, body: Mapping[str, Json] | None) -> P:
    """Write a project as it is but for the named fields, None for one that goes."""
    there: Any = live
    project = _filled(type(live)(), key, {**own_fields(live), **(body or {})})
    request: Any = project
    if there.labels.values:
        request.labels.SetInParent()
    if "state" not in (body or {}):
        request.state = there.state
    return project


def _filled(project: P, key: Key, fields: Mapping[str, Json]) -> P:
    found: Any = project
    known = {path: value for path, value in fields.items() if value is not None}
    found.id = key.project
    found.name = known.get("displayName", "")
    found.description = known.get("description", "")
    if known["state"] in _STATES:
        found.state = _STATES.index(str(known["state"]))
    labels = {
        path.removeprefix(LABELS): text for path, text in known.items() if path.startswith(LABELS)
    }
    found.labels.values.update(labels)
    return project


def own_body(spec: ProjectSpec) -> dict[str, Json]:
    """The declared fields of the project itself; a description or labels of null are cleared."""
    body: dict[str, Json] = {}
    if spec.display_name is not None:
        body["displayName"] = spec.display_name
    if "description" in spec.model_fields_set:
        body["description"] = spec.description
    if spec.state is not None:
        body["state"] = str(spec.state)
    if spec.labels is not None:
        body.update({f"{LABELS}{key}": text for key, text in spec.labels.items()})
    elif "labels" in spec.model_fields_set:
        body["labels"] = None
    return body


def key_of(declared: Declared) -> Key:
    """Return the key of a declared project."""
    return Key(KIND, cast("ProjectSpec", declared.spec).name or declared.name)


def resource(declared: Declared, spec: ProjectSpec, body: dict[str, Json]) -> Resource:
    """Make the resource of a declared project."""
    return Resource(
        key=key_of(declared),
        body=body,
        origin=declared.document.origin,
        digest=digest(dict(body)),
        adopt=spec.adopt,
        protect=spec.protect,
    )


def is_default(key: Key, path: str, value: Json) -> bool:
    """Say whether a value is the one that a project gets when nobody chooses."""
    return path == "displayName" and value == key.project
