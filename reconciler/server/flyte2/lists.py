"""What all lists of Flyte 2 but the one of projects share: limit, token, filters and sort keys.

The grammar is checked when a request is read (INVALID_ARGUMENT); values meet the database when
the query is made (INTERNAL). Filters are joined by AND (v2.0.43, runs/repository/impl).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flyteidl2.common import list_pb2

from reconciler.server.flyte2 import columns
from reconciler.server.flyte2.columns import Kind, Table
from reconciler.server.flyte2.go_text import quoted
from reconciler.server.flyte2.refusals import database
from reconciler.server.status import internal, refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from reconciler.server.store import Value

_DEFAULT_LIMIT = 50
_MAX_LIMIT = 200
MAX_OFFSET = 2**63 - 1
_OFFSET = re.compile(r"[+-]?[0-9]+")

_FILTER = list_pb2.Filter
COMPARISONS: Mapping[int, str] = {
    _FILTER.EQUAL: "=",
    _FILTER.NOT_EQUAL: "!=",
    _FILTER.GREATER_THAN: ">",
    _FILTER.GREATER_THAN_OR_EQUAL: ">=",
    _FILTER.LESS_THAN: "<",
    _FILTER.LESS_THAN_OR_EQUAL: "<=",
}
# Wildcards inside a value are not escaped.
PATTERNS: Mapping[int, tuple[str, str]] = {
    _FILTER.CONTAINS: ("LIKE", "%{}%"),
    _FILTER.ENDS_WITH: ("LIKE", "%{}"),
    _FILTER.NOT_ENDS_WITH: ("NOT LIKE", "%{}"),
    _FILTER.CONTAINS_CASE_INSENSITIVE: ("LIKE", "%{}%"),
}
_SIGNS = {"LIKE": "~~", "NOT LIKE": "!~~"}
_FUNCTIONS = frozenset({*COMPARISONS, *PATTERNS, _FILTER.VALUE_IN})


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter: `function` (of list_pb2.Filter) on a column with `values`.

    `is_array` says that the values are sent as an array, which only VALUE_IN can compare with.
    """

    function: int
    column: str
    values: tuple[str, ...]
    is_array: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A list request as read; `limit` 0 is every row."""

    table: Table
    limit: int
    offset: int
    conditions: tuple[Condition, ...] = ()
    order: str = ""

    def token(self, count: int) -> str:
        """The next page's token: set whenever a page is exactly full."""
        return str(self.offset + self.limit) if count and count == self.limit else ""

    def where(
        self, query: str, scope: Mapping[str, Value], *, extra: Sequence[str] = ()
    ) -> tuple[str, list[Value]]:
        """The WHERE clause and its values; INTERNAL, named after `query`, for odd values."""
        parts, values = list(extra), []
        for condition in self.conditions:
            sql, value = _sql(query, self.table.columns[condition.column], condition)
            parts.append(sql)
            values.append(value)
        for column, value in scope.items():
            parts.append(f"{column} = ?")
            values.append(value)
        return (" WHERE " + " AND ".join(parts) if parts else ""), values

    @property
    def page(self) -> str:
        """ORDER BY, LIMIT and OFFSET."""
        order = f"{self.order or self.table.default}, {self.table.ties}"
        return f" ORDER BY {order} LIMIT {self.limit or -1} OFFSET {self.offset}"


def read(request: list_pb2.ListRequest, table: Table) -> Listing:
    """The page, filters and order that a request asks for; an absent one is an empty one."""
    limit = request.limit or _DEFAULT_LIMIT
    if limit > _MAX_LIMIT:
        raise refused(f"invalid limit: {limit} (exceeds maximum of {_MAX_LIMIT})")
    sorts = list(request.sort_by_fields) or [request.sort_by] * bool(request.sort_by.key)
    order = ", ".join(sort(one, table) for one in sorts)
    conditions = tuple(_condition(one, table) for one in request.filters)
    offset = int(request.token) if _OFFSET.fullmatch(request.token) else -1
    if request.token and not 0 <= offset <= MAX_OFFSET:
        raise refused(f"invalid token: {quoted(request.token)}")
    return Listing(table, limit, max(offset, 0), conditions, order)


def sort(wanted: list_pb2.Sort, table: Table) -> str:
    """One key of an ORDER BY. PostgreSQL takes NULL for the greatest value."""
    if wanted.key not in table.columns:
        raise refused(f"invalid sort field: {wanted.key}")
    is_ascending = wanted.direction == list_pb2.Sort.ASCENDING
    order = f"{wanted.key} {'ASC' if is_ascending else 'DESC'}"
    if wanted.key not in table.nullable:
        return order
    return f"{order} NULLS {'LAST' if is_ascending else 'FIRST'}"


def _condition(one: list_pb2.Filter, table: Table) -> Condition:
    place = "failed to convert filters: "
    if one.field not in table.columns:
        raise refused(f"{place}invalid filter field: {one.field}")
    if one.function not in _FUNCTIONS:
        known = list_pb2.Filter.Function.DESCRIPTOR.values_by_number.get(one.function)
        shown = known.name if known else one.function
        raise refused(f"{place}unsupported filter function: {shown}")
    if not one.values:
        raise refused(f"{place}filter {one.field} has no values")
    return Condition(one.function, one.field, tuple(one.values), len(one.values) > 1)


def _sql(query: str, kind: Kind, one: Condition) -> tuple[str, Value]:
    if kind is Kind.Missing:
        raise database(query, f'column "{one.column}" does not exist', "42703")
    # Hexadecimal text has the order of the bytes.
    place = f"LOWER(HEX({one.column}))" if kind is Kind.Bytes else one.column
    if one.function == _FILTER.VALUE_IN:
        if not one.is_array:
            text = "failed to encode args[0]: pq: Unable to convert string to array"
            raise internal(f"{query}: {text}")
        listed = json.dumps([_cast(query, kind, value) for value in one.values])
        sql = f"{place} IN (SELECT value FROM json_each(?))"  # noqa: S608  # own names
        return sql, listed
    if one.function in COMPARISONS:
        if one.is_array:
            raise internal(f"{query}: failed to encode args[0]: unable to encode an array")
        return f"{place} {COMPARISONS[one.function]} ?", _cast(query, kind, one.values[0])
    # Go prints an array into the pattern as [a b].
    shown = f"[{' '.join(one.values)}]" if one.is_array else one.values[0]
    if kind is Kind.Bytes:
        return f"INSTR({one.column}, ?)", shown.encode()
    operator, pattern = PATTERNS[one.function]
    is_folded = one.function == _FILTER.CONTAINS_CASE_INSENSITIVE
    if kind is not Kind.Text:
        text = f"operator does not exist: {kind.value} {_SIGNS[operator]} unknown"
        if is_folded:
            text = f"function lower({kind.value}) does not exist"
        raise database(query, text, "42883")
    folded = "LOWER({})" if is_folded else "{}"
    sql = f"{folded.format(one.column)} {operator} {folded.format('?')} ESCAPE '\\'"
    return sql, pattern.format(shown)


def _cast(query: str, kind: Kind, value: str) -> str | int:
    try:
        return columns.cast(kind, value)
    except columns.ValueRefusedError as error:
        raise database(query, str(error), error.state) from None


def scope_of(identifier: Message, fields: Mapping[str, str]) -> dict[str, Value]:
    """Columns by name with the values of an identifier's fields."""
    return {column: getattr(identifier, field) for column, field in fields.items()}
