"""The grammar of list requests: filters, sort keys, limits and tokens.

A filter is `function(field, value)`, several are joined by `+`, lists inside a value by `;`, and
nothing can be escaped (flyteadmin 1.16.8, pkg/manager/impl/util/filters.go and
pkg/common/filters.go). Values reach PostgreSQL as text: what it cannot cast or compare is answered
UNKNOWN, not INVALID_ARGUMENT.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.server.columns import ADMIN_TAG, BY_PREFIX, EXECUTION, JOINS, Entity, Kind
from reconciler.server.status import database, internal, invalid, refused

if TYPE_CHECKING:
    from flyteidl.admin.common_pb2 import Sort

    from reconciler.server.store import Value

_FILTER = re.compile(r"(.+)\((.+),[\t\n\f\r ]?(.+)\)")
_NUMBER = re.compile(r"[+-]?[0-9]+")

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}
_LISTS = {"value_in": "IN", "value_not_in": "NOT IN"}
_PATTERNS = {"contains": "LIKE", "not_like": "NOT LIKE"}

# flyteadmin prefixes these fields of an execution, but only after it has checked the field's name
# against the columns, so that `name` is refused although it could work.
_EXECUTION_KEY = frozenset({"project", "domain", "name"})
_METADATA = frozenset({"description", "state"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: `entity` and `column` it reads, `sql` with placeholders for `values`."""

    entity: Entity
    column: str
    sql: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list: `limit` rows from `offset`; limit 0 is every row."""

    limit: int
    offset: int

    @property
    def sql(self) -> str:
        return f" LIMIT {self.limit or -1} OFFSET {self.offset}"

    def token(self, count: int) -> str:
        """The next page's token: set whenever a page is exactly full."""
        return str(self.offset + count) if count == self.limit else ""


def page(limit: int, token: str, *, method: str = "") -> Page:
    """The requested slice; INVALID_ARGUMENT for a token that is no offset."""
    number = int(token) if _NUMBER.fullmatch(token) else -1
    if token and number < 0:
        place = f" for {method}" if method else ""
        raise refused(f"invalid pagination token {token}{place}")
    return Page(limit, max(number, 0))


def required_limit(limit: int) -> None:
    """INVALID_ARGUMENT for limit 0, which every list but one refuses."""
    if limit == 0:
        raise invalid("limit")


def order(sort: Sort | None, entity: Entity, *, default: str) -> str:
    """An ORDER BY clause; `default` orders a list that asks for nothing (Flyte promises none)."""
    if sort is None:
        return f" ORDER BY {default}"
    if sort.key not in entity.columns:
        raise refused(f"invalid sort key '{sort.key}'")
    match sort.direction:
        case 0:
            direction = "DESC"
        case 1:
            direction = "ASC"
        case _:
            raise refused(f"invalid sort order specified: {sort.key}")
    if entity.columns[sort.key] is Kind.Absent:
        return f" ORDER BY {default}"
    return f' ORDER BY {entity.table}."{sort.key}" {direction}, {default}'


def parse(text: str, primary: Entity | None) -> list[Filter]:
    """The filters of a request for a list of `primary`."""
    return [_filter(expression, primary) for expression in text.split("+")]


def _filter(expression: str, primary: Entity | None) -> Filter:
    found = _FILTER.search(expression)
    if found is None:
        raise invalid("filters")
    function, field, raw = found.groups()
    entity = primary
    prefix, dot, rest = field.partition(".")
    if dot and prefix in BY_PREFIX:
        entity, field = BY_PREFIX[prefix], rest
    if primary is None or entity is None:
        raise internal("unsupported entity ''")
    if entity not in JOINS[primary.short]:
        raise refused(f"'{entity.short}' entity is not allowed in filters")
    if field not in entity.columns:
        raise refused(f"'{entity.short}.{field}' is invalid filter")
    column = _column(entity, field)
    place = f'{_table(entity, field)}."{column}"'
    return condition(entity, column, place=place, function=function, values=raw.split(";"))


def _column(entity: Entity, field: str) -> str:
    if entity is EXECUTION and field in _EXECUTION_KEY:
        return f"execution_{field}"
    return "key" if entity is ADMIN_TAG and field == "name" else field


def _table(entity: Entity, field: str) -> str:
    if entity.short == "nen" and field in _METADATA:
        return "named_entity_metadata"
    return entity.table


def equals(entity: Entity, column: str, value: Value) -> Filter:
    """A condition that the server adds itself."""
    return Filter(entity, column, f"{entity.table}.{column} = ?", (value,))


def condition(
    entity: Entity, column: str, *, place: str, function: str, values: list[str]
) -> Filter:
    """One condition on `place`, the column's full name in SQL."""
    kind = entity.columns.get(column, Kind.Text)
    # A state without a metadata row counts as active.
    if entity.short in ("nen", "nem") and column == "state":
        place = f"COALESCE({place}, 0)"
    if kind is Kind.Absent:
        place = "NULL"
    if function in _LISTS:
        # One JSON text instead of a placeholder per value: there is no limit to the list.
        listed = json.dumps([_cast(kind, value) for value in values])
        sql = f"{place} {_LISTS[function]} (SELECT value FROM json_each(?))"  # noqa: S608  # own names
        return Filter(entity, column, sql, (listed,))
    if function not in _COMPARISONS and function not in _PATTERNS:
        raise refused(f"unrecognized filter function: {function}")
    if len(values) > 1:
        raise database(f"operator does not exist: {kind.value} = record")
    (value,) = values
    if function in _COMPARISONS:
        return Filter(entity, column, f"{place} {_COMPARISONS[function]} ?", (_cast(kind, value),))
    if kind not in (Kind.Text, Kind.Absent):
        raise database(f"operator does not exist: {kind.value} ~~ unknown")
    pattern = f"%{value}%" if function == "contains" else value
    return Filter(entity, column, f"{place} {_PATTERNS[function]} ? ESCAPE '\\'", (pattern,))


def _cast(kind: Kind, value: str) -> Value:
    match kind:
        case Kind.Text | Kind.Absent:
            return value
        case Kind.Bytes:
            raise database(f"operator does not exist: {kind.value} = text")
        case Kind.Integer:
            if not _NUMBER.fullmatch(value.strip()):
                raise database(f'invalid input syntax for type integer: "{value}"')
            return int(value)
        case Kind.Time:
            return _micros(value)


def _micros(value: str) -> int:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise database(f'invalid input syntax for type {Kind.Time.value}: "{value}"') from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


def where(filters: list[Filter]) -> tuple[str, list[Value]]:
    """A WHERE clause and its values."""
    if not filters:
        return "", []
    clause = " WHERE " + " AND ".join(f"({one.sql})" for one in filters)
    return clause, [value for one in filters for value in one.values]
