"""Rows found by their key, of which only the parts that are set count.

flyteadmin leaves empty parts of a key out of its queries, so an incomplete key finds some row where
the request is not checked before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server.flyte1.refusals import bad_text
from reconciler.server.store import TextError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from reconciler.server.store import Store, Value


def condition(key: Mapping[str, Value]) -> tuple[str, list[Value]]:
    """A condition on the parts that are set, and its values: empty text matches every row."""
    given = {name: value for name, value in key.items() if value != ""}
    return " AND ".join(f"{name} = ?" for name in given) or "1", list(given.values())


def first(store: Store, table: str, key: Mapping[str, Value]) -> sqlite3.Row | None:
    """The oldest row of `table` with this key."""
    clause, values = condition(key)
    try:
        return store.row(f"SELECT * FROM {table} WHERE {clause} ORDER BY id LIMIT 1", values)  # noqa: S608  # own names
    except TextError:
        raise bad_text() from None
