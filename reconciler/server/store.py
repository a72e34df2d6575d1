"""The embedded Flyte's database: one SQLite file in WAL mode, written by one connection.

Times are integers, microseconds since 1970, the resolution that PostgreSQL keeps. Calls run
inline: one costs tens of microseconds, less than handing it to a thread.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.server.changes import Changes
from reconciler.server.flyte1 import schema as flyte1
from reconciler.server.flyte2 import schema as flyte2
from reconciler.server.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Value = str | int | bytes | None

# Changes when a table does; a file of another layout is refused. New tables change nothing.
_LAYOUT = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, md5 BLOB NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS object_labels (key TEXT PRIMARY KEY, md5 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


# The default configuration of flyteadmin, and of the manager of Flyte 2.
DOMAINS: tuple[str, ...] = ("development", "staging", "production")


class TextError(Exception):
    """Text with a NUL in it, which PostgreSQL neither stores nor compares."""


def _check_text(values: Sequence[Value]) -> None:
    if any(isinstance(value, str) and "\0" in value for value in values):
        raise TextError


class Store:
    """The database file `path`; made when absent, with the projects that Flyte seeds.

    `domains` are the server's, the same for every project. `changes` tells open streams what was
    written. `strict` makes Flyte 2 refuse what a hosted installation refuses and the open-source
    manager accepts. `objects` are the files that clients upload, in a folder beside `path`.
    UsageError when another release wrote the file in a layout of its own.
    """

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self.path = path
        self.strict = strict
        self.domains = DOMAINS
        self.changes = Changes()
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self._db.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "case_sensitive_like=ON",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        (written,) = self._db.execute("PRAGMA user_version").fetchone()
        if written not in (0, _LAYOUT):
            self._db.close()
            raise UsageError(
                f"{path}: embedded Flyte: written in layout {written}, this release reads "
                f"{_LAYOUT}; use the release that wrote it, or an empty directory"
            )
        self._db.executescript(_SCHEMA + flyte1.SCHEMA + flyte2.SCHEMA)
        self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
        self.objects = Objects(self, path.parent / "objects")
        with self.writing():
            flyte1.seed(self)
            flyte2.seed(self)

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        _check_text(values)
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        _check_text(values)
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement; the row id of an insert."""
        _check_text(values)
        return self._db.execute(sql, values).lastrowid or 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of the block's writes, or none when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Move the write-ahead log into the file and close it."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
