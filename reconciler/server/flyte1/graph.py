"""A workflow while it is being compiled: its nodes, their interfaces, the edges between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from flyteidl.core import compiler_pb2, interface_pb2, workflow_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flyteidl.core import identifier_pb2, tasks_pb2

START = "start-node"
END = "end-node"

Key = tuple[int, str, str, str, str]


class Direction(Enum):
    """Which side of an edge is recorded: nodes inside a branch only know whom they wait for."""

    Both = "both"
    Upstream = "upstream"


def key(identifier: identifier_pb2.Identifier) -> Key:
    """An identifier as a dictionary key."""
    return (
        identifier.resource_type,
        identifier.project,
        identifier.domain,
        identifier.name,
        identifier.version,
    )


@dataclass(frozen=True, slots=True)
class CompileError:
    """One fault, printed as flytepropeller's compiler prints it."""

    code: str
    node: str
    text: str

    def __str__(self) -> str:
        return f"Code: {self.code}, Node Id: {self.node}, Description: {self.text}"


@dataclass(slots=True)
class Errors:
    """Every fault found, each once."""

    found: dict[CompileError, None] = field(default_factory=dict)

    def add(self, code: str, node: str, text: str) -> None:
        """Remember a fault."""
        self.found[CompileError(code, node, text)] = None

    def __len__(self) -> int:
        return len(self.found)

    def __str__(self) -> str:
        listed = sorted(self.found, key=lambda one: (one.code, str(one)))
        lines = "".join(f"\tError {place}: {one}\n" for place, one in enumerate(listed))
        return f"Collected Errors: {len(self)}\n{lines}"


@dataclass(frozen=True, slots=True)
class LaunchPlanInterface:
    """What a node sees of a launch plan."""

    inputs: interface_pb2.ParameterMap
    outputs: interface_pb2.VariableMap | None


@dataclass(slots=True)
class References:
    """Everything that nodes may refer to, by identifier."""

    tasks: Mapping[Key, tasks_pb2.TaskTemplate]
    launch_plans: Mapping[Key, LaunchPlanInterface]
    workflows: Mapping[Key, compiler_pb2.CompiledWorkflow]


@dataclass(slots=True)
class Graph:
    """The workflow `compiled` is completed in place; nodes of branches are not in `nodes`."""

    compiled: compiler_pb2.CompiledWorkflow
    references: References
    errors: Errors
    nodes: dict[str, workflow_pb2.Node] = field(default_factory=dict)
    # By identity of the node; the node is kept so that its identity stays its own.
    interfaces: dict[int, tuple[workflow_pb2.Node, interface_pb2.TypedInterface]] = field(
        default_factory=dict
    )
    upstream: dict[str, set[str]] = field(default_factory=dict)
    downstream: dict[str, set[str]] = field(default_factory=dict)
    finished: set[Key] = field(default_factory=set)

    def interface(self, node: workflow_pb2.Node) -> interface_pb2.TypedInterface | None:
        """The interface that was worked out for this very node."""
        known = self.interfaces.get(id(node))
        return None if known is None else known[1]

    def set_interface(
        self, node: workflow_pb2.Node, interface: interface_pb2.TypedInterface
    ) -> None:
        """Remember a node's interface."""
        self.interfaces[id(node)] = (node, interface)

    def connect(self, provider: str, dependent: str, direction: Direction = Direction.Both) -> None:
        """Remember that `dependent` waits for `provider`; an empty provider is the start."""
        provider = provider or START
        if direction is Direction.Both:
            self.downstream.setdefault(provider, set()).add(dependent)
        self.upstream.setdefault(dependent, set()).add(provider)

    def write_connections(self) -> None:
        """Copy the edges into the compiled workflow, in order of names."""
        connections = self.compiled.connections
        connections.SetInParent()
        for edges, sets in (
            (connections.upstream, self.upstream),
            (connections.downstream, self.downstream),
        ):
            for name, others in sets.items():
                edges[name].ids.extend(sorted(others))

    def check_reachable(self) -> None:
        """Every node is reached from the start and no node waits for itself."""
        visited: set[str] = set()
        cycle = self._cycle(visited)
        if cycle:
            path = ">".join(cycle)
            self.errors.add(
                "CycleDetected",
                START,
                f"A cycle has been detected while traversing the Workflow [{path}].",
            )
            return
        lost = sorted(set(self.nodes) - visited - {END})
        if lost:
            self.errors.add(
                "UnreachableNodes",
                START,
                f"The Workflow contain unreachable nodes [{','.join(lost)}].",
            )

    def _cycle(self, visited: set[str]) -> list[str]:
        """The first cycle found depth first; `visited` gains every node seen."""
        path = [START]
        on_path = {START}
        todo = [iter(sorted(self.downstream.get(START, ())))]
        visited.add(START)
        while todo:
            following = next(todo[-1], None)
            if following is None:
                todo.pop()
                on_path.discard(path.pop())
            elif following in on_path:
                return [*path, following]
            elif following not in visited:
                visited.add(following)
                path.append(following)
                on_path.add(following)
                todo.append(iter(sorted(self.downstream.get(following, ()))))
        return []
