"""The actions of one run as a stream shows them: filtered, with the way up to each that is shown.

As runs/service/run_state_manager.go of v2.0.43 keeps them; every stream has a tree of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from flyteidl2.common import list_pb2

from reconciler.server.flyte2.run_shapes import TASK, watched_action
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from flyteidl2.workflow import run_definition_pb2 as wire

_Filter = list_pb2.Filter
_FUNCTIONS = {"PHASE": _Filter.VALUE_IN, "NAME": _Filter.CONTAINS_CASE_INSENSITIVE}
_NUMBER = re.compile(r"[+-]?[0-9]+")


@dataclass(eq=False, slots=True)
class _Node:
    """One action; `counts` are the phases of all that is below it, `matching` how many match."""

    row: sqlite3.Row
    parent: _Node | None
    counts: Counter[int] = field(default_factory=Counter)
    matching: int = 0
    matches: bool = False
    is_shown: bool = False

    def above(self) -> Iterator[_Node]:
        """The nodes on the way up."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent


class ActionTree:
    """What a stream has shown; raises StatusError for a filter that is not served."""

    def __init__(self, filters: Iterable[list_pb2.Filter]) -> None:
        self._nodes: dict[str, _Node] = {}
        self._phases: set[int] = set()
        self._name = ""
        for one in filters:
            self._read(one)

    def _read(self, one: list_pb2.Filter) -> None:
        if _FUNCTIONS.get(one.field) != one.function:
            shown = _Filter.Function.Name(one.function)
            raise refused(f"function {shown} is not supported for filter {one.field}")
        if one.field == "NAME":
            self._name = one.values[0].lower() if one.values else self._name
            return
        for value in one.values:
            if not _NUMBER.fullmatch(value):
                raise refused(f"invalid phase value: {value}")
            self._phases.add(int(value))

    def changed(self, rows: Iterable[sqlite3.Row]) -> list[wire.EnrichedAction]:
        """What is to be told of these rows, the oldest first; also of what is around them."""
        touched: dict[str, _Node] = {}
        for row in rows:
            node = self._put(row)
            touched |= {one.row["name"]: one for one in (node, *node.above())}
        for node in touched.values():
            self._match(node)
        told: dict[str, _Node] = {}
        for name, node in touched.items():
            if name not in told:
                told |= {one.row["name"]: one for one in _show(node)}
        ordered = sorted(told.values(), key=lambda node: node.row["created_at"])
        return [watched_action(one.row, one.counts, is_shown=one.is_shown) for one in ordered]

    def _put(self, row: sqlite3.Row) -> _Node:
        node = self._nodes.get(row["name"])
        before = None
        if node is None:
            above = row["parent_action_name"]
            if above is not None and above not in self._nodes:
                raise StatusError(
                    grpc.StatusCode.UNKNOWN,
                    f"parent node [{above}] not found for action [{row['name']}]",
                )
            node = _Node(row, None if above is None else self._nodes[above])
            self._nodes[row["name"]] = node
        else:
            before = node.row["phase"]
            node.row = row
        for one in node.above():
            one.counts[row["phase"]] += 1
            if before is not None:
                one.counts[before] -= 1
        return node

    def _match(self, node: _Node) -> None:
        is_match = (not self._phases or node.row["phase"] in self._phases) and (
            self._name in _name(node.row).lower()
        )
        if is_match != node.matches:
            node.matches = is_match
            for one in node.above():
                one.matching += 1 if is_match else -1


def _show(node: _Node) -> Iterator[_Node]:
    """The nodes that appear, stay or disappear with this one."""
    if node.matches:
        for one in node.above():
            if not one.is_shown:
                one.is_shown = True
                yield one
        node.is_shown = True
        yield node
    elif node.is_shown:
        yield node
        for one in (node, *node.above()):
            if not one.is_shown or one.matching or one.matches:
                break
            one.is_shown = False
            yield one


def _name(row: sqlite3.Row) -> str:
    if row["action_type"] == TASK:
        full = row["task_name"] or row["task_short_name"] or ""
        return full.rpartition(".")[2] or row["name"]
    name: str = row["name"]
    return name
