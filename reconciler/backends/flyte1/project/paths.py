"""Paths of a project's fields, and which rows a call on one row reaches.

    displayName  description  state  labels/<key>
    attributes/<kind>
    domains/<domain>/attributes/<kind>
    domains/<domain>/workflows/<name>/attributes/<kind>

Label keys and workflow names may hold slashes. Deleting a row deletes every narrower row of its
kind too (seen on flyteadmin 1.16.8).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.backends.flyte1 import methods
from reconciler.backends.wire.project import LABELS
from reconciler.model.document import Path
from reconciler.model.traits import Verb

ROWS = ("attributes/", "domains/")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of attributes; `domain` and `workflow` are empty at the broader levels."""

    kind: str
    domain: str = ""
    workflow: str = ""

    @property
    def path(self) -> str:
        """The field of the record that is this row."""
        if self.workflow:
            return f"domains/{self.domain}/workflows/{self.workflow}/attributes/{self.kind}"
        if self.domain:
            return f"domains/{self.domain}/attributes/{self.kind}"
        return f"attributes/{self.kind}"

    @staticmethod
    def parse(path: str) -> Row:
        """Read what `path` writes; raises ValueError for other fields."""
        if not path.startswith(ROWS):
            raise ValueError(f"{path!r} is not a row of attributes")
        level, _, kind = f"/{path}".rpartition("/attributes/")
        domain, _, workflow = level.removeprefix("/domains/").partition("/workflows/")
        return Row(kind, domain, workflow)

    def covers(self, other: Row) -> bool:
        """Say whether a delete of this row takes the other one along."""
        return (
            self != other
            and self.kind == other.kind
            and self.domain in {"", other.domain}
            and not self.workflow
        )


def cascades(path: str, rows: Iterable[str]) -> tuple[str, ...]:
    """List which of some rows go when a row is deleted."""
    row = Row.parse(path)
    return tuple(other for other in rows if row.covers(Row.parse(other)))


def steps(path: str) -> Path:
    """Return the steps to a field in the spec."""
    if path.startswith(LABELS):
        return ("labels", path.removeprefix(LABELS))
    if not path.startswith(ROWS):
        return (path,)
    row = Row.parse(path)
    if row.workflow:
        return ("domains", row.domain, "workflows", row.workflow, "attributes", row.kind)
    return (
        ("domains", row.domain, "attributes", row.kind) if row.domain else ("attributes", row.kind)
    )


def call(verb: Verb, path: str) -> str:
    """Name the RPC that sets or unsets a row."""
    row = Row.parse(path)
    is_set = verb is Verb.SET
    if row.workflow:
        method = methods.UPDATE_WORKFLOW_ATTRIBUTES.name
        return method if is_set else methods.DELETE_WORKFLOW_ATTRIBUTES.name
    if row.domain:
        method = methods.UPDATE_PROJECT_DOMAIN_ATTRIBUTES.name
        return method if is_set else methods.DELETE_PROJECT_DOMAIN_ATTRIBUTES.name
    method = methods.UPDATE_PROJECT_ATTRIBUTES.name
    return method if is_set else methods.DELETE_PROJECT_ATTRIBUTES.name
