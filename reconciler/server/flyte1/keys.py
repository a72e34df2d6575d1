"""Rows found by their key, of which only the parts that are set count.

flyteadmin leaves empty parts of a key out of its queries, so an incomplete key finds some row where
the request is not checked before. PostgreSQL refuses text with a NUL in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server.flyte1.refusals import database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from reconciler.server.store import Store, Value


def condition(key: Mapping[str, Value]) -> tuple[str, list[Value]]:
    """A condition on the parts that are set, and its values: empty text matches every row."""
    given = {name: value for name, value in key.items() if value != ""}
    check_text(given.values())
    return " AND ".join(f"{name} = ?" for name in given) or "1", list(given.values())


def first(store: Store, table: str, key: Mapping[str, Value]) -> sqlite3.Row | None:
    """The oldest row of `table` with this key."""
    clause, values = condition(key)
    return store.row(f"SELECT * FROM {table} WHERE {clause} ORDER BY id LIMIT 1", values)  # noqa: S608  # own names


def check_text(values: Iterable[Value]) -> None:
    """UNKNOWN when a value cannot be stored or compared as text."""
    if any(isinstance(value, str) and "\0" in value for value in values):
        raise database('invalid byte sequence for encoding "UTF8": 0x00')
