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

from reconciler.server import durations
from reconciler.server.clock import now
from reconciler.server.flyte1.columns import (
    ADMIN_TAG,
    BY_PREFIX,
    EXECUTION,
    JOINS,
    NODE_EXECUTION,
    SIGNAL,
    TASK_EXECUTION,
    Entity,
    Kind,
)
from reconciler.server.flyte1.refusals import bad_text, compact, database, invalid
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    from flyteidl.admin.common_pb2 import Sort

    from reconciler.server.store import Value

_FILTER = re.compile(r"(.+)\((.+),[\t\n\f\r ]?(.+)\)")
_NUMBER = re.compile(r"[+-]?[0-9]+")

# Times that PostgreSQL has words for.
_WORDS = {"infinity": 2**63 - 1, "-infinity": -(2**63), "epoch": 0}

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}
_LISTS = {"value_in": "IN", "value_not_in": "NOT IN"}
_PATTERNS = {"contains": "LIKE", "not_like": "NOT LIKE"}

# flyteadmin prefixes these fields of what an execution owns, but only after it has checked the
# field's name against the columns, so that `name` is refused although it could work.
_EXECUTION_KEY = frozenset({"project", "domain", "name"})
_OF_EXECUTIONS = (EXECUTION, NODE_EXECUTION, TASK_EXECUTION, SIGNAL)
_METADATA = frozenset({"description", "state"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: `entity` and `column` it reads, `sql` with placeholders for `values`.

    One with a `problem` is refused by the database, which is asked last.
    """

    entity: Entity
    column: str
    sql: str
    values: tuple[Value, ...]
    problem: StatusError | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list: `limit` rows from `offset`; limit 0 is every row."""

    limit: int
    offset: int

    @property
    def sql(self) -> str:
        """The end of a query that reads this slice."""
        return f" LIMIT {self.limit or -1} OFFSET {self.offset}"

    def token(self, count: int) -> str:
        """The next page's token: set whenever a page is exactly full."""
        return str(self.offset + count) if count == self.limit else ""


def page(limit: int, token: str, *, method: str = "") -> Page:
    """The requested slice; INVALID_ARGUMENT for a token that is no offset."""
    number = int(token) if _NUMBER.fullmatch(token) else -1
    if number >= 2**63:
        number = -1
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
            direction = "DESC NULLS FIRST"
        case 1:
            direction = "ASC NULLS LAST"
        case _:
            raise refused(f"invalid sort order specified: {compact(sort)}")
    if sort.key in entity.absent:
        return f" ORDER BY {default}"
    return f' ORDER BY {entity.table}."{sort.key}" {direction}, {default}'


def parse(text: str, primary: Entity | None) -> list[Filter]:
    """The filters of a request for a list of `primary`.

    INVALID_ARGUMENT for what is not in the grammar, wherever it stands. UNKNOWN for what the
    database would refuse comes when it is asked, after sort key and token are checked.
    """
    read = [_read(expression, primary) for expression in text.split("+")]
    return [_tried(one) for one in read]


def _tried(one: Expression) -> Filter:
    try:
        return condition(one)
    except StatusError as error:
        return Filter(one.entity, _column(one.entity, one.field), "0", (), error)


@dataclass(frozen=True, slots=True)
class Expression:
    """One filter as read: `function` of a column and its `values`, which may be durations."""

    function: str
    entity: Entity
    field: str
    values: tuple[str, ...]


def _read(text: str, primary: Entity | None) -> Expression:
    found = _FILTER.search(text)
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
    values = tuple(raw.split(";"))
    if entity.columns[field] is Kind.Duration:
        values = tuple(_nanoseconds(value) for value in values)
    if function not in _COMPARISONS and function not in _PATTERNS and function not in _LISTS:
        raise refused(f"unrecognized filter function: {function}")
    return Expression(function, entity, field, values)


def _nanoseconds(value: str) -> str:
    """A duration's length; a bare number counts seconds."""
    try:
        return str(durations.nanoseconds(f"{float(value)}s"))
    except ValueError:
        pass
    try:
        return str(durations.nanoseconds(value))
    except ValueError:
        raise refused(f"Failed to parse duration [{value}]") from None


def _column(entity: Entity, field: str) -> str:
    if entity in _OF_EXECUTIONS and field in _EXECUTION_KEY:
        return f"execution_{field}"
    return "key" if entity is ADMIN_TAG and field == "name" else field


def _table(entity: Entity, field: str) -> str:
    if entity.short == "nen" and field in _METADATA:
        return "named_entity_metadata"
    return entity.table


def equals(entity: Entity, column: str, value: Value) -> Filter:
    """A condition that the server adds itself."""
    return Filter(entity, column, f"{entity.table}.{column} = ?", (value,))


def condition(one: Expression) -> Filter:
    """The SQL of one filter."""
    kind = one.entity.columns[one.field]
    column = _column(one.entity, one.field)
    place = f'{_table(one.entity, one.field)}."{column}"'
    # A state without a metadata row counts as active.
    if one.entity.short in ("nen", "nem") and one.field == "state":
        place = f"COALESCE({place}, 0)"
    if one.field in one.entity.absent:
        place = "NULL"
    if kind is Kind.Bytes:
        # Hexadecimal text has the order of the bytes.
        place = f"hex({place})"
    if one.function in _LISTS:
        # One JSON text instead of a placeholder per value: there is no limit to the list.
        listed = json.dumps([_cast(kind, value) for value in one.values])
        sql = f"{place} {_LISTS[one.function]} (SELECT value FROM json_each(?))"  # noqa: S608  # own names
        return Filter(one.entity, column, sql, (listed,))
    values = one.values
    if one.function == "contains" and len(values) > 1:
        # Go prints the list into the pattern.
        values = (f"[{' '.join(values)}]",)
    if len(values) > 1:
        operator = _COMPARISONS.get(one.function, "!~~")
        raise database(f"operator does not exist: {kind.value} {operator} record")
    if one.function in _COMPARISONS:
        sql = f"{place} {_COMPARISONS[one.function]} ?"
        return Filter(one.entity, column, sql, (_cast(kind, values[0]),))
    if kind not in (Kind.Text, Kind.Bytes):
        negation = "!" if one.function == "not_like" else ""
        raise database(f"operator does not exist: {kind.value} {negation}~~ unknown")
    pattern = f"%{values[0]}%" if one.function == "contains" else values[0]
    sql = f"{place} {_PATTERNS[one.function]} ? ESCAPE '\\'"
    return Filter(one.entity, column, sql, (pattern,))


def _cast(kind: Kind, value: str) -> str | int:
    match kind:
        case Kind.Text:
            if "\0" in value:
                # It would be hidden in the one text that a list is.
                raise bad_text()
            return value
        case Kind.Bytes:
            return value.encode().hex().upper()
        case Kind.Integer:
            return _integer(value, kind, bits=31)
        case Kind.Bigint | Kind.Duration:
            return _integer(value, Kind.Bigint, bits=63)
        case Kind.Time:
            return _micros(value)


def _integer(value: str, kind: Kind, *, bits: int) -> int:
    if not _NUMBER.fullmatch(value.strip()):
        raise database(f'invalid input syntax for type {kind.value}: "{value}"')
    number = int(value)
    if not -(2**bits) <= number < 2**bits:
        raise database(f'value "{value}" is out of range for type {kind.value}')
    return number


def _micros(value: str) -> int:
    word = value.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if word == "now":
        return now()
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
    for one in filters:
        if one.problem is not None:
            raise one.problem
    clause = " WHERE " + " AND ".join(f"({one.sql})" for one in filters)
    return clause, [value for one in filters for value in one.values]
