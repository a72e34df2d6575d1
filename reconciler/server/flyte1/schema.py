"""The tables of Flyte 1.

Entities are kept as protobuf bytes beside the columns that filters and sort keys of flyteadmin
1.16.8 name; column names are therefore flyteadmin's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server.clock import now

if TYPE_CHECKING:
    from reconciler.server.store import Store

_BASE = """
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER"""
_KEY = "project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL"
_EXECUTION = (
    "execution_project TEXT NOT NULL, execution_domain TEXT NOT NULL, execution_name TEXT NOT NULL"
)

SCHEMA = f"""
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
CREATE TABLE IF NOT EXISTS schedule_snapshot ({_KEY}, last_at INTEGER NOT NULL,
    PRIMARY KEY (project, domain, name, version));
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
CREATE TABLE IF NOT EXISTS executions ({_BASE}, {_EXECUTION},
    launch_plan_id INTEGER NOT NULL, workflow_id INTEGER NOT NULL, task_id INTEGER NOT NULL,
    phase TEXT NOT NULL, spec BLOB NOT NULL, closure BLOB NOT NULL, inputs BLOB NOT NULL,
    user_inputs BLOB NOT NULL, started_at INTEGER,
    execution_created_at INTEGER NOT NULL, execution_updated_at INTEGER NOT NULL,
    duration INTEGER NOT NULL DEFAULT 0, abort_cause TEXT NOT NULL DEFAULT '',
    mode INTEGER NOT NULL, source_execution_id INTEGER NOT NULL,
    parent_node_execution_id INTEGER NOT NULL, cluster TEXT NOT NULL, error_kind TEXT,
    error_code TEXT, "user" TEXT NOT NULL, state INTEGER NOT NULL, launch_entity TEXT NOT NULL,
    UNIQUE (execution_project, execution_domain, execution_name));
CREATE INDEX IF NOT EXISTS executions_listed
    ON executions (execution_project, execution_domain, state, id);
CREATE INDEX IF NOT EXISTS executions_created
    ON executions (execution_project, execution_domain, state, execution_created_at);
CREATE INDEX IF NOT EXISTS executions_launch_plan ON executions (launch_plan_id, phase);
CREATE TABLE IF NOT EXISTS execution_tags ({_BASE}, {_EXECUTION},
    key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (execution_project, execution_domain, execution_name, key, value));
CREATE INDEX IF NOT EXISTS execution_tags_key ON execution_tags (key, value);
CREATE TABLE IF NOT EXISTS node_executions ({_BASE}, {_EXECUTION}, node_id TEXT NOT NULL,
    phase TEXT NOT NULL, input_uri TEXT NOT NULL, closure BLOB NOT NULL, started_at INTEGER,
    node_execution_created_at INTEGER NOT NULL, node_execution_updated_at INTEGER NOT NULL,
    duration INTEGER NOT NULL DEFAULT 0, node_execution_metadata BLOB NOT NULL,
    parent_id INTEGER, parent_task_execution_id INTEGER, error_kind TEXT, error_code TEXT,
    cache_status TEXT, dynamic_workflow_remote_closure_reference TEXT NOT NULL,
    event_version INTEGER NOT NULL,
    UNIQUE (execution_project, execution_domain, execution_name, node_id));
CREATE INDEX IF NOT EXISTS node_executions_parent ON node_executions (parent_id);
CREATE INDEX IF NOT EXISTS node_executions_parent_task
    ON node_executions (parent_task_execution_id);
CREATE TABLE IF NOT EXISTS task_executions ({_BASE}, {_KEY}, {_EXECUTION}, node_id TEXT NOT NULL,
    retry_attempt INTEGER NOT NULL, phase TEXT NOT NULL, phase_version INTEGER NOT NULL,
    input_uri TEXT NOT NULL, closure BLOB NOT NULL, started_at INTEGER,
    task_execution_created_at INTEGER NOT NULL, task_execution_updated_at INTEGER NOT NULL,
    duration INTEGER NOT NULL DEFAULT 0,
    UNIQUE (execution_project, execution_domain, execution_name, node_id, project, domain, name,
        version, retry_attempt));
CREATE TABLE IF NOT EXISTS signals ({_BASE}, {_EXECUTION}, signal_id TEXT NOT NULL,
    type BLOB NOT NULL, value BLOB NOT NULL,
    UNIQUE (execution_project, execution_domain, execution_name, signal_id));
"""


def seed(store: Store) -> None:
    """What is there from the start: the project of flyteadmin's `migrate seed-projects`."""
    name = "flytesnacks"
    store.run(
        "INSERT OR IGNORE INTO projects (created_at, updated_at, identifier, name, description, "
        "state) VALUES (?, ?, ?, ?, ?, 0)",
        (now(), now(), name, name, f"{name} description"),
    )
