"""Workflows of Flyte 1 in normal form.

A workflow's normal form is its spec, sub-workflows included, as JSON in protobuf's mapping without
its own id and its description. Identifiers of what the same package holds keep only kind and name:
their versions follow from their content and are in the digest, not in the body. Other identifiers
are kept as they were written. The nodes that a node waits for are a set: flytekit writes them in an
order that changes from run to run (1.16, core/promise.py), and flyteadmin sorts them. On the live
side only that a version exists can be read in pages: lists leave the graph out (flyteadmin 1.16.8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flyteidl.admin import workflow_pb2
from flyteidl.core import identifier_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from reconciler.backends.flyte1.package.identifiers import KINDS, Name, Raw, raw, walk
from reconciler.backends.flyte1.task import to_summary
from reconciler.backends.packages.texts import messages
from reconciler.backends.wire.message import from_json, to_json
from reconciler.model.document import Json
from reconciler.model.resource import Reference

KIND = "FlyteWorkflow"

Is = Callable[[identifier_pb2.Identifier], bool]


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal form, what it refers to in its own package, and identifiers of other things."""

    body: dict[str, Json]
    refs: frozenset[Name]
    foreign: tuple[Raw, ...]


def normal(spec: workflow_pb2.WorkflowSpec, *, is_own: Is) -> Normal:
    """Turn a serialized spec into its normal form; `is_own` knows what its package holds."""
    message = workflow_pb2.WorkflowSpec()
    message.CopyFrom(spec)
    message.ClearField("description")
    message.template.ClearField("id")
    for part in messages(message):
        if isinstance(part, core_workflow_pb2.Node):
            part.upstream_node_ids.sort()
    embedded = {raw(sub.id) for sub in message.sub_workflows}
    refs: set[Name] = set()
    foreign: list[Raw] = []
    for identifier in walk(message):
        kind, project, domain, name, version = found = raw(identifier)
        if is_own(identifier) or found in embedded:
            if is_own(identifier):
                refs.add((kind, name))
            project = domain = version = ""
        else:
            foreign.append(found)
        identifier.project, identifier.domain, identifier.version = project, domain, version
    return Normal(to_json(message), frozenset(refs), tuple(foreign))


def to_wire(
    body: dict[str, Json], own: identifier_pb2.Identifier, refs: Iterable[Reference]
) -> workflow_pb2.WorkflowSpec:
    """Write a normal form as a spec; `refs` give the versions of what it refers to.

    A sub-workflow that is only embedded takes the version of the workflow that embeds it.
    """
    spec = from_json(body, workflow_pb2.WorkflowSpec())
    known = {(ref.key.kind, ref.key.name): ref for ref in refs}
    spec.template.id.CopyFrom(own)
    for identifier in walk(spec):
        if identifier.version:
            identifier.project = identifier.project or own.project
            identifier.domain = identifier.domain or own.domain
            continue
        ref = known.get((KINDS[identifier.resource_type], identifier.name))
        if ref is None:
            identifier.MergeFrom(
                identifier_pb2.Identifier(
                    project=own.project, domain=own.domain, version=own.version
                )
            )
        else:
            identifier.project, identifier.domain = ref.key.project, ref.key.domain
            identifier.version = ref.version
    return spec


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Sum a normal form up for people; `content` differs whenever anything does."""
    template = body.get("template")
    nodes = template.get("nodes") if isinstance(template, dict) else None
    return to_summary(body, nodes=len(nodes) if isinstance(nodes, list) else 0)
