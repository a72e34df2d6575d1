"""The tables of Flyte 2. Their names begin with `v2_`, since both Flytes share one database.

Column names are the manager's (v2.0.43), because list requests name them. Versions of tasks and
revisions of triggers never go away, nor do actions and their events. A run is the action without a
parent. `spec` is what an action's type says: a task's, a trace's or a condition. `v2_objects` are
the objects in Kubernetes, which abort removes and signals are written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server.clock import now

if TYPE_CHECKING:
    from reconciler.server.store import Store

_ID = "id INTEGER PRIMARY KEY AUTOINCREMENT"
_TIMES = "created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL"
_TRIGGER = """
    project TEXT NOT NULL, domain TEXT NOT NULL, task_name TEXT NOT NULL, name TEXT NOT NULL,
    spec BLOB NOT NULL, automation_spec BLOB NOT NULL, task_version TEXT NOT NULL,
    active INTEGER NOT NULL, automation_type TEXT NOT NULL,
    deployed_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    triggered_at INTEGER, deleted_at INTEGER"""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS v2_projects ({_ID},
    identifier TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT NOT NULL,
    labels BLOB, state INTEGER NOT NULL, {_TIMES});
CREATE TABLE IF NOT EXISTS v2_tasks ({_ID},
    project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    environment TEXT NOT NULL, function_name TEXT NOT NULL, deployed_by TEXT NOT NULL DEFAULT '',
    trigger_name TEXT, total_triggers INTEGER NOT NULL DEFAULT 0,
    active_triggers INTEGER NOT NULL DEFAULT 0, trigger_automation_spec BLOB,
    task_spec BLOB NOT NULL, env_description TEXT, short_description TEXT, {_TIMES},
    UNIQUE (project, domain, name, version));
CREATE TABLE IF NOT EXISTS v2_triggers ({_ID}, {_TRIGGER}, latest_revision INTEGER NOT NULL,
    UNIQUE (project, domain, task_name, name));
CREATE INDEX IF NOT EXISTS v2_triggers_name ON v2_triggers (project, domain, name);
CREATE TABLE IF NOT EXISTS v2_trigger_revisions ({_TRIGGER}, revision INTEGER NOT NULL,
    action TEXT NOT NULL, PRIMARY KEY (project, domain, task_name, name, revision));
CREATE TABLE IF NOT EXISTS v2_settings (
    key TEXT PRIMARY KEY, data BLOB NOT NULL, version INTEGER NOT NULL, {_TIMES});
CREATE TABLE IF NOT EXISTS v2_secrets (
    object TEXT PRIMARY KEY, key TEXT NOT NULL, project TEXT NOT NULL, domain TEXT NOT NULL,
    digest BLOB NOT NULL, {_TIMES});
CREATE TABLE IF NOT EXISTS v2_actions ({_ID},
    project TEXT NOT NULL, domain TEXT NOT NULL, run_name TEXT NOT NULL, name TEXT NOT NULL,
    parent_action_name TEXT, action_group TEXT,
    phase INTEGER NOT NULL, action_type INTEGER NOT NULL, run_source TEXT NOT NULL DEFAULT '',
    created_by BLOB, created_by_subject TEXT,
    trigger_task_name TEXT, trigger_name TEXT, trigger_revision INTEGER,
    task_project TEXT, task_domain TEXT, task_name TEXT, task_version TEXT,
    task_type TEXT NOT NULL DEFAULT '', task_short_name TEXT,
    function_name TEXT NOT NULL DEFAULT '', environment_name TEXT,
    spec BLOB, run_spec BLOB, inputs_uri TEXT NOT NULL, outputs_uri TEXT NOT NULL DEFAULT '',
    output BLOB, signalled_by BLOB,
    attempts INTEGER NOT NULL DEFAULT 1, cache_status INTEGER NOT NULL DEFAULT 0,
    abort_reason TEXT, ended_at INTEGER, duration_ms INTEGER,
    {_TIMES}, UNIQUE (project, domain, run_name, name));
CREATE INDEX IF NOT EXISTS v2_actions_created ON v2_actions (project, domain, created_at);
CREATE INDEX IF NOT EXISTS v2_actions_phase
    ON v2_actions (project, domain, phase, created_at DESC, run_name DESC, name DESC)
    WHERE parent_action_name IS NULL;
CREATE INDEX IF NOT EXISTS v2_actions_trigger
    ON v2_actions (project, domain, trigger_task_name, trigger_name, created_at)
    WHERE parent_action_name IS NULL;
CREATE INDEX IF NOT EXISTS v2_actions_task
    ON v2_actions (task_project, task_domain, task_name, created_at)
    WHERE parent_action_name IS NULL;
CREATE TABLE IF NOT EXISTS v2_action_events (
    project TEXT NOT NULL, domain TEXT NOT NULL, run_name TEXT NOT NULL, name TEXT NOT NULL,
    attempt INTEGER NOT NULL, phase INTEGER NOT NULL, version INTEGER NOT NULL,
    info BLOB NOT NULL, {_TIMES},
    PRIMARY KEY (project, domain, run_name, name, attempt, phase, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS v2_objects (
    name TEXT PRIMARY KEY, project TEXT NOT NULL, domain TEXT NOT NULL, run_name TEXT NOT NULL,
    action_name TEXT NOT NULL, parent TEXT NOT NULL, output_base TEXT NOT NULL,
    is_there INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS v2_cached_outputs (
    key TEXT PRIMARY KEY, output_uri TEXT NOT NULL, metadata BLOB NOT NULL,
    updated_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS v2_reservations (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, heartbeat INTEGER NOT NULL,
    expires_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS v2_objects_run ON v2_objects (run_name, parent);
"""

# The project that the manager makes when its configuration names no other.
_SEED = "flytesnacks"


def seed(store: Store) -> None:
    """Make the manager's first project, which comes back with every start."""
    store.run(
        "INSERT OR IGNORE INTO v2_projects (identifier, name, description, state, created_at, "
        "updated_at) VALUES (?, ?, '', 0, ?, ?)",
        (_SEED, _SEED, now(), now()),
    )
