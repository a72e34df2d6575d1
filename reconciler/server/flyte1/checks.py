"""What every request is checked for: identifiers, labels, and whether a project takes writes.

The rules and the order in which they are tried are flyteadmin 1.16.8's (pkg/manager/impl/
validation); the names' syntax is that of Kubernetes, which flyteadmin borrows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flyteidl.admin import project_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.flyte1 import keys, kubernetes_names
from reconciler.server.flyte1.refusals import compact, missing
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.admin import common_pb2
    from google.protobuf.message import Message

    from reconciler.server.store import Store

TASK = identifier_pb2.TASK
WORKFLOW = identifier_pb2.WORKFLOW
LAUNCH_PLAN = identifier_pb2.LAUNCH_PLAN

_MAX_LABELS = 16


def text(value: str, field: str) -> None:
    """INVALID_ARGUMENT when the field is empty."""
    if not value:
        raise missing(field)


def identifier_fields(identifier: identifier_pb2.Identifier) -> None:
    """All four parts of a version's identity are set; its type is not looked at."""
    text(identifier.project, "project")
    text(identifier.domain, "domain")
    text(identifier.name, "name")
    text(identifier.version, "version")


def optional(message: Message, field: str) -> Any:
    """The sub-message of this name, or None when it was not sent."""
    return getattr(message, field) if message.HasField(field) else None


def identifier(
    value: identifier_pb2.Identifier | None, kind: identifier_pb2.ResourceType
) -> identifier_pb2.Identifier:
    """A complete identifier of this type."""
    if value is None:
        raise missing("id")
    if value.resource_type != kind:
        expected = _type_name(kind)
        raise refused(
            f"unexpected resource type {_type_name(value.resource_type)} for identifier "
            f"[{compact(value)}], expected {expected} instead"
        )
    identifier_fields(value)
    return value


def _type_name(number: int) -> str:
    value = identifier_pb2.ResourceType.DESCRIPTOR.values_by_number.get(number)
    return value.name.lower() if value else str(number)


def named(
    value: common_pb2.NamedEntityIdentifier | None,
) -> common_pb2.NamedEntityIdentifier:
    """A complete identifier of a name."""
    if value is None:
        raise missing("id")
    text(value.project, "project")
    text(value.domain, "domain")
    text(value.name, "name")
    return value


def labels(values: common_pb2.Labels) -> None:
    """At most 16 labels in the syntax of Kubernetes; absent ones are an empty message."""
    if len(values.values) > _MAX_LABELS:
        raise refused(f"labels map cannot exceed {_MAX_LABELS} entries")
    for key, value in values.values.items():
        if wrong := kubernetes_names.qualified_name(key):
            raise refused(f"invalid label key [{key}]: [{' '.join(wrong)}]")
        if wrong := kubernetes_names.label_value(value):
            raise refused(f"invalid label value [{value}]: [{' '.join(wrong)}]")


def find_project(store: Store, project: str) -> sqlite3.Row | None:
    """The project's row; some project's when the name is empty."""
    return keys.first(store, "projects", {"identifier": project})


def active_project_domain(store: Store, project: str, domain: str) -> None:
    """The project is registered and active, the domain is one of the server's.

    All three refusals are INVALID_ARGUMENT; only an inactive project carries a detail.
    """
    row = _registered(store, project, f"and domain [{domain}] are registered")
    if row["state"] != project_pb2.Project.ACTIVE:
        detail = project_pb2.InactiveProject(id=project)
        raise refused(f"project [{project}] is not active", detail)
    if domain not in store.domains:
        raise refused(f"domain [{domain}] is unrecognized by system")


def active_project(store: Store, project: str) -> None:
    """The project is registered and active; both refusals come without a detail."""
    row = _registered(store, project, "is registered")
    if row["state"] != project_pb2.Project.ACTIVE:
        raise refused(f"project [{project}] is not active")


def known_project(store: Store, project: str) -> None:
    """The project is registered, in whatever state."""
    _registered(store, project, "exists")


def _registered(store: Store, project: str, claim: str) -> sqlite3.Row:
    """The project's row; INVALID_ARGUMENT with the reason why there is none."""
    try:
        row, problem = find_project(store, project), f"project [{project}] not found"
    except StatusError as error:
        row, problem = None, error.text
    if row is None:
        raise refused(f"failed to validate that project [{project}] {claim}, err: [{problem}]")
    return row
