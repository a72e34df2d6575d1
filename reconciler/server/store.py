"""The embedded Flyte's database: one SQLite file in WAL mode, written by one connection.

Entities are kept as protobuf bytes beside the columns that filters and sort keys of flyteadmin
1.16.8 name; column names are therefore flyteadmin's. Times are integers, microseconds since 1970,
the resolution that PostgreSQL keeps. Calls run inline: one costs tens of microseconds, less than
handing it to a thread.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from reconciler.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Value = str | int | bytes | None

# Changes with the tables; a file of another layout is refused.
_LAYOUT = 1

_BASE = """
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER"""
_KEY = "project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL"

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS projects ({_BASE},
    identifier TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT NOT NULL,
    labels BLOB, state INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tasks ({_BASE}, {_KEY},
    closure BLOB NOT NULL, digest BLOB NOT NULL, type TEXT NOT NULL,
    short_description TEXT NOT NULL, UNIQUE (project, domain, name, version));
CREATE TABLE IF NOT EXISTS workflows ({_BASE}, {_KEY},
    typed_interface BLOB NOT NULL, remote_closure_identifier TEXT NOT NULL, closure BLOB NOT NULL,
    digest BLOB NOT NULL, short_description TEXT NOT NULL, UNIQUE (project, domain, name, version));
CREATE TABLE IF NOT EXISTS launch_plans ({_BASE}, {_KEY},
    spec BLOB NOT NULL, workflow_id INTEGER NOT NULL, closure BLOB NOT NULL, state INTEGER NOT NULL,
    digest BLOB NOT NULL, schedule_type TEXT NOT NULL, launch_condition_type TEXT,
    UNIQUE (project, domain, name, version));
CREATE INDEX IF NOT EXISTS launch_plans_active ON launch_plans (project, domain, name)
    WHERE state = 1;
CREATE INDEX IF NOT EXISTS launch_plans_version ON launch_plans (project, domain, version);
CREATE TABLE IF NOT EXISTS schedulable_entities ({_BASE}, {_KEY},
    active INTEGER NOT NULL, schedule BLOB NOT NULL, UNIQUE (project, domain, name, version));
CREATE TABLE IF NOT EXISTS named_entity_metadata ({_BASE},
    resource_type INTEGER NOT NULL, project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL,
    description TEXT NOT NULL, state INTEGER NOT NULL,
    UNIQUE (resource_type, project, domain, name));
CREATE TABLE IF NOT EXISTS description_entities ({_BASE},
    resource_type INTEGER NOT NULL, {_KEY}, short_description TEXT NOT NULL,
    long_description BLOB NOT NULL, link TEXT NOT NULL,
    UNIQUE (resource_type, project, domain, name, version));
CREATE TABLE IF NOT EXISTS resources ({_BASE},
    project TEXT NOT NULL, domain TEXT NOT NULL, workflow TEXT NOT NULL, launch_plan TEXT NOT NULL,
    resource_type TEXT NOT NULL, priority INTEGER NOT NULL, attributes BLOB NOT NULL,
    UNIQUE (project, domain, workflow, launch_plan, resource_type));
CREATE TABLE IF NOT EXISTS executions ({_BASE},
    execution_project TEXT NOT NULL, execution_domain TEXT NOT NULL, execution_name TEXT NOT NULL,
    launch_plan_id INTEGER NOT NULL, workflow_id INTEGER NOT NULL, task_id INTEGER NOT NULL,
    phase TEXT NOT NULL, spec BLOB NOT NULL, closure BLOB NOT NULL, inputs BLOB NOT NULL,
    execution_created_at INTEGER NOT NULL, execution_updated_at INTEGER NOT NULL,
    mode INTEGER NOT NULL, "user" TEXT NOT NULL, state INTEGER NOT NULL,
    launch_entity TEXT NOT NULL,
    UNIQUE (execution_project, execution_domain, execution_name));
CREATE TABLE IF NOT EXISTS execution_tags ({_BASE},
    execution_project TEXT NOT NULL, execution_domain TEXT NOT NULL, execution_name TEXT NOT NULL,
    key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (execution_project, execution_domain, execution_name, key, value));
CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, md5 BLOB NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


# flyteadmin's default configuration.
DOMAINS: tuple[str, ...] = ("development", "staging", "production")


class Store:
    """The database file `path`; made when absent, with the project that flyteadmin seeds.

    `domains` are the server's, the same for every project. UsageError when another release wrote
    the file in a layout of its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.domains = DOMAINS
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
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
        # flyteadmin's `migrate seed-projects` makes this one when it is asked for no other.
        seed = "flytesnacks"
        with self.writing():
            self.run(
                "INSERT OR IGNORE INTO projects (created_at, updated_at, identifier, name, "
                "description, state) VALUES (?, ?, ?, ?, ?, 0)",
                (now(), now(), seed, seed, f"{seed} description"),
            )

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement; the row id of an insert."""
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


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def stamp(micros: int) -> Timestamp:
    """A stored time as the wire's timestamp."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)
