"""The interface of what was fetched: it types and checks inputs, and is lifted where it is mapped.

task = await flyte.task("etl.load")
literals = interfaces.literals(task, {"day": "2026-05-01T00:00:00Z"})
inputs, outputs = interfaces.lifted(task, bound={"model"})     # as an array node has them
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.model.document import show_path
from reconciler.model.entity import What
from reconciler.values.interface import TASK, WORKFLOW, bind
from reconciler.values.types import show_type

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.entity import Details, Variable


def literals(details: Details, inputs: Mapping[str, Json]) -> Mapping[str, Json]:
    """Type inputs, as literals in protobuf's JSON mapping.

    Raises UsageError for what does not fit, with every fault, and for what is missing.
    """
    variables: dict[str, Json] = {one.name: {"type": one.literal_type} for one in details.inputs}
    owner = TASK if details.entity.what is What.TASKS else WORKFLOW
    bound = bind(inputs, variables, owner=owner)
    faults = [f"{show_path(one.path)}: {one.message}" for one in bound.problems]
    faults += [
        f"{one.name}: has no value, and is required"
        for one in details.inputs
        if one.is_required and one.name not in inputs
    ]
    if faults:
        raise UsageError(f"{details.entity}: {'; '.join(faults)}")
    return bound.literals


def lifted(
    details: Details, *, bound: Collection[str] = (), may_lack: bool = False
) -> tuple[tuple[Variable, ...], tuple[Variable, ...]]:
    """Return inputs and outputs of a node that runs it once for each item of its inputs.

    Inputs that are `bound` stay as they are. With `may_lack` items of the outputs may be none, as
    where not all have to succeed. A list has no default.
    """
    return (
        tuple(one if one.name in bound else _listed(one) for one in details.inputs),
        tuple(_listed(one, may_lack=may_lack) for one in details.outputs),
    )


def _listed(one: Variable, *, may_lack: bool = False) -> Variable:
    inner: Json = one.literal_type
    if may_lack:
        inner = {"unionType": {"variants": [one.literal_type, {"simple": "NONE"}]}}
    made: Json = {"collectionType": inner}
    return replace(one, type=show_type(made), literal_type=made, default=None, has_default=False)
