"""A node's inputs: which value or which other node's output each variable is bound to.

Rules of flytepropeller 1.16.8's compiler (pkg/compiler/validators/bindings.go). A bound promise of
another node makes an edge; a promise without a node means the workflow's own inputs and is stored
as one of the start node.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flyteidl.core import interface_pb2, types_pb2

from reconciler.server.flyte1.castable import castable, is_optional, scalar_type
from reconciler.server.flyte1.graph import START, Direction, Errors, Graph
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flyteidl.core import literals_pb2, workflow_pb2

_VARIABLE = re.compile(r"(?:\[([0-9]+)\]\.)?([^\[\]]+)")

# What a bound value has resolved to: its type and the nodes it comes from.
Resolved = tuple[types_pb2.LiteralType, list[str]]


def bind(
    graph: Graph,
    node: workflow_pb2.Node,
    variables: Mapping[str, interface_pb2.Variable] | None,
    direction: Direction,
) -> interface_pb2.VariableMap:
    """Check a node's bindings, record their edges, return the types that they resolve to.

    Without `variables` (branches and approvals) any name may be bound and no type is checked.
    """
    resolved = interface_pb2.VariableMap()
    bound: set[str] = set()
    for binding in node.inputs:
        name = binding.var
        if variables is not None and name not in variables:
            _not_found(graph.errors, node.id, name)
        elif not binding.HasField("binding"):
            graph.errors.add("ValueRequired", node.id, "Value required [Binding].")
        elif name in bound:
            graph.errors.add(
                "ParameterBoundMoreThanOnce", node.id, f"Input [{name}] is bound more than once."
            )
        else:
            bound.add(name)
            expected = None if variables is None else variables[name].type
            found = _Binder(graph, node, name, graph.errors).resolve(binding.binding, expected)
            if found is None:
                continue
            kind, providers = found
            for provider in providers:
                graph.connect(provider, node.id, direction)
            resolved.variables[name].type.CopyFrom(kind)
    for name, variable in (variables or {}).items():
        if name not in bound and not is_optional(variable.type):
            _not_bound(graph.errors, node.id, name)
    return resolved


def _not_found(errors: Errors, node: str, name: str) -> None:
    errors.add("VariableNameNotFound", node, f"Variable [{name}] not found on node [{node}].")


def _not_bound(errors: Errors, node: str, name: str) -> None:
    errors.add("ParameterNotBound", node, f"Parameter not bound [{name}].")


def effective_outputs(
    graph: Graph, node: workflow_pb2.Node, errors: Errors
) -> dict[str, interface_pb2.Variable] | None:
    """A node's outputs under their aliases; None, with the fault noted, when an alias is wrong."""
    aliases: dict[str, str] = {}
    before = len(errors)
    for alias in node.output_aliases:
        if alias.var in aliases:
            errors.add(
                "DuplicateAlias",
                node.id,
                f"Duplicate alias [{alias.alias}] found. An output alias can only be used once in "
                "the Workflow.",
            )
        else:
            aliases[alias.var] = alias.alias
    interface = graph.interface(node)
    outputs: dict[str, interface_pb2.Variable] = {}
    if interface is not None:
        for name, variable in interface.outputs.variables.items():
            outputs[aliases.pop(name, name)] = variable
        for unused in aliases.values():
            _not_bound(errors, node.id, unused)
    return outputs if len(errors) == before else None


class _Binder:
    """Resolves one input of one node; faults go to `errors`."""

    def __init__(self, graph: Graph, node: workflow_pb2.Node, name: str, errors: Errors) -> None:
        self.graph = graph
        self.node = node
        self.name = name
        self.errors = errors

    def resolve(
        self, data: literals_pb2.BindingData, expected: types_pb2.LiteralType | None
    ) -> Resolved | None:
        """The value's type and providers; None when it is not a value of the expected type."""
        match data.WhichOneof("value"):
            case "scalar":
                return self._scalar(data.scalar, expected)
            case "promise":
                return self._promise(data.promise, expected)
        kind = expected if expected is not None else types_pb2.LiteralType()
        if kind.HasField("union_type"):
            return self._union(data, kind)
        match data.WhichOneof("value"):
            case "collection" if kind.HasField("collection_type"):
                return self._container(
                    data.collection.bindings, kind.collection_type, field="collection_type"
                )
            case "map" if kind.HasField("map_value_type"):
                return self._container(
                    data.map.bindings.values(), kind.map_value_type, field="map_value_type"
                )
        self.errors.add(
            "MismatchingBindings",
            self.node.id,
            f"Input [{self.name}] on node [{self.node.id}] expects bindings of type "
            f"[{compact(kind)}].  Received [{compact(data)}]",
        )
        return None

    def _union(
        self, data: literals_pb2.BindingData, kind: types_pb2.LiteralType
    ) -> Resolved | None:
        trial = _Binder(self.graph, self.node, self.name, Errors())
        fits = []
        for variant in kind.union_type.variants:
            found = trial.resolve(data, variant)
            if found is not None:
                fits.append((variant, found))
        if len(fits) == 1:
            return fits[0][1]
        place = (
            f"Input [{self.name}] on node [{self.node.id}] expects bindings of union type "
            f"[{compact(kind)}].  Received [{compact(data)}] which"
        )
        if fits:
            first, second = (compact(variant) for variant, _ in fits[:2])
            self.errors.add(
                "AmbiguousBindingUnionValue",
                self.node.id,
                f"{place} is ambiguous as both variants [{first}] and [{second}] match.",
            )
        else:
            self.errors.add(
                "IncompatibleBindingUnionValue",
                self.node.id,
                f"{place} does not match any of the variants.",
            )
        return None

    def _container(
        self,
        items: Iterable[literals_pb2.BindingData],
        element: types_pb2.LiteralType,
        *,
        field: str,
    ) -> Resolved | None:
        found = [self.resolve(item, element) for item in items]
        resolved = [one for one in found if one is not None]
        if len(resolved) < len(found):
            return None
        kind = types_pb2.LiteralType()
        inner = getattr(kind, field)
        inner.SetInParent()
        if resolved:
            inner.CopyFrom(resolved[-1][0])
        return kind, [provider for _, providers in resolved for provider in providers]

    def _scalar(
        self, scalar: literals_pb2.Scalar, expected: types_pb2.LiteralType | None
    ) -> Resolved | None:
        before = len(self.errors)
        kind = scalar_type(scalar)
        if kind is None:
            field = scalar.WhichOneof("value")
            if field is None:
                # The name of no type is asked for there.
                raise internal()
            self.errors.add(
                "UnrecognizedValue",
                self.node.id,
                f"Unrecognized value [*core.Scalar_{field.capitalize()}].",
            )
        elif expected is not None and not castable(kind, expected):
            self.errors.add(
                "MismatchingTypes",
                self.node.id,
                f"Variable [{self.name}] (type [{compact(kind)}]) doesn't match expected type "
                f"[{compact(expected)}].",
            )
        if expected is not None and expected.HasField("enum_type"):
            value = scalar.primitive.string_value
            allowed = expected.enum_type.values
            if value not in allowed:
                self.errors.add(
                    "IllegalEnumValue",
                    self.node.id,
                    f"Input [{self.name}] on node [{self.node.id}] is an Enum and expects value to "
                    f"be one of [{' '.join(allowed)}].  Received [{value}]",
                )
        if kind is None or len(self.errors) > before:
            return None
        return kind, []

    def _promise(
        self,
        promise: types_pb2.OutputReference,
        expected: types_pb2.LiteralType | None,
    ) -> Resolved | None:
        provider = self.graph.nodes.get(promise.node_id or START)
        if provider is None:
            self.errors.add(
                "NodeReferenceNotFound",
                promise.node_id,
                f"Referenced node [{promise.node_id}] not found.",
            )
            _not_bound(self.errors, self.node.id, self.name)
            return None
        parsed = _VARIABLE.fullmatch(promise.var)
        if parsed is None:
            self.errors.add(
                "SyntaxError", self.node.id, f"Failed to parse element [{promise.var}]."
            )
            return None
        index, name = parsed.groups()
        outputs = effective_outputs(self.graph, provider, self.errors)
        if outputs is None or name not in outputs:
            if outputs is not None:
                _not_found(self.errors, provider.id, name)
            _not_bound(self.errors, self.node.id, self.name)
            return None
        source = outputs[name].type
        if index is not None:
            source = source.collection_type
        for attribute in promise.attr_path:
            following = _attribute(source, attribute.string_value)
            if following is None:
                self.errors.add(
                    "FieldNotFound",
                    self.node.id,
                    f"Variable [{promise.var}] (type [{compact(source)}]) doesn't have field "
                    f"[{attribute.string_value}].",
                )
                return None
            source = following
        if expected is not None and not castable(source, expected):
            self.errors.add(
                "MismatchingTypes",
                self.node.id,
                f"The output variable '{_shown(provider, promise.var)}' has type "
                f"[{compact(source)}], but it's assigned to the input variable "
                f"'{_shown(self.node, self.name)}' which has type type "
                f"[{compact(expected)}].",
            )
            return None
        promise.node_id = provider.id
        return outputs[name].type, [provider.id]


def _shown(node: workflow_pb2.Node, name: str) -> str:
    """A variable with its node's name; start and end have none."""
    return f"{node.metadata.name}.{name}" if node.HasField("metadata") else name


def _attribute(kind: types_pb2.LiteralType, name: str) -> types_pb2.LiteralType | None:
    """The type one step down; a type without parts stays itself."""
    for field in ("collection_type", "map_value_type"):
        if kind.WhichOneof("type") == field:
            inner: types_pb2.LiteralType = getattr(kind, field)
            return inner
    fields = kind.structure.dataclass_type
    if not fields:
        return kind
    return fields.get(name)
