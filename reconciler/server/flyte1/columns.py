"""Which columns of which entity a filter or a sort key may name, and their types.

flyteadmin derives these from its database models, so every column is allowed, useful or not;
entities have short names there that its refusals print (`e.name is invalid filter`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """The PostgreSQL type of a column, which decides which values it can be compared with."""

    Text = "text"
    Integer = "integer"
    Bigint = "bigint"
    Time = "timestamp with time zone"
    Bytes = "bytea"
    # A bigint of nanoseconds that filters give as a Go duration.
    Duration = "duration"


@dataclass(frozen=True, slots=True)
class Entity:
    """`short` as refusals print it, `table` in the database, `columns` with their types."""

    short: str
    table: str
    columns: Mapping[str, Kind]
    # Columns that flyteadmin has and the embedded Flyte does not keep: always NULL.
    absent: frozenset[str] = field(default=frozenset())


def _columns(**kinds: Kind) -> dict[str, Kind]:
    base = {"id": Kind.Bigint}
    base |= dict.fromkeys(("created_at", "updated_at", "deleted_at"), Kind.Time)
    return base | kinds


_T, _I, _L, _TS, _B = Kind.Text, Kind.Integer, Kind.Bigint, Kind.Time, Kind.Bytes
_KEY = dict.fromkeys(("project", "domain", "name", "version"), _T)
_NAME = dict.fromkeys(("project", "domain", "name"), _T)
_RUN = dict.fromkeys(("execution_project", "execution_domain", "execution_name"), _T)

PROJECT = Entity(
    "p", "projects", _columns(identifier=_T, name=_T, description=_T, labels=_B, state=_I)
)
TASK = Entity("t", "tasks", _columns(**_KEY, closure=_B, digest=_B, type=_T, short_description=_T))
WORKFLOW = Entity(
    "w",
    "workflows",
    _columns(
        **_KEY, typed_interface=_B, remote_closure_identifier=_T, digest=_B, short_description=_T
    ),
)
LAUNCH_PLAN = Entity(
    "l",
    "launch_plans",
    _columns(
        **_KEY, spec=_B, workflow_id=_L, closure=_B, state=_I, digest=_B, schedule_type=_T,
        launch_condition_type=_T,
    ),
)  # fmt: skip
NAMED_ENTITY_METADATA = Entity(
    "nem",
    "named_entity_metadata",
    _columns(resource_type=_I, **_NAME, description=_T, state=_I),
)
NAMED_ENTITY = Entity(
    "nen",
    "entities",
    {"resource_type": _I, **_NAME, "description": _T, "state": _I},
)
DESCRIPTION_ENTITY = Entity(
    "",
    "description_entities",
    _columns(resource_type=_I, **_KEY, short_description=_T, long_description=_B, link=_T),
)
EXECUTION = Entity(
    "e",
    "executions",
    _columns(
        **_RUN, launch_plan_id=_L, workflow_id=_L, task_id=_L, phase=_T, closure=_B, spec=_B,
        started_at=_TS, execution_created_at=_TS, execution_updated_at=_TS, duration=Kind.Duration,
        abort_cause=_T, mode=_I, source_execution_id=_L, parent_node_execution_id=_L, cluster=_T,
        inputs_uri=_T, user_inputs_uri=_T, error_kind=_T, error_code=_T, user=_T, state=_I,
        launch_entity=_T,
    ),
    frozenset({"inputs_uri", "user_inputs_uri"}),
)  # fmt: skip
EXECUTION_TAG = Entity(
    "et",
    "execution_tags",
    _columns(**_RUN, key=_T, value=_T),
)
# An older table of tags with the column `name`; reads go to execution_tags.key.
ADMIN_TAG = Entity("at", "execution_tags", _columns(name=_T))
NODE_EXECUTION = Entity(
    "ne",
    "node_executions",
    _columns(
        **_RUN, node_id=_T, phase=_T, input_uri=_T, closure=_B, started_at=_TS,
        node_execution_created_at=_TS, node_execution_updated_at=_TS, duration=Kind.Duration,
        node_execution_metadata=_B, parent_id=_L, parent_task_execution_id=_L, error_kind=_T,
        error_code=_T, cache_status=_T, dynamic_workflow_remote_closure_reference=_T,
        internal_data=_B,
    ),
    frozenset({"internal_data"}),
)  # fmt: skip
TASK_EXECUTION = Entity(
    "te",
    "task_executions",
    _columns(
        **_KEY, **_RUN, node_id=_T, retry_attempt=_L, phase=_T, phase_version=_L, input_uri=_T,
        closure=_B, started_at=_TS, task_execution_created_at=_TS, task_execution_updated_at=_TS,
        duration=Kind.Duration,
    ),
)  # fmt: skip
SIGNAL = Entity("s", "signals", _columns(**_RUN, signal_id=_T, type=_B, value=_B))
# flyteadmin knows the prefix and allows it nowhere.
_EXECUTION_ADMIN_TAG = Entity("eat", "execution_admin_tags", {})

# The prefixes that a filter's field may carry.
BY_PREFIX: Mapping[str, Entity] = {
    "task": TASK,
    "workflow": WORKFLOW,
    "launch_plan": LAUNCH_PLAN,
    "execution": EXECUTION,
    "entities": NAMED_ENTITY,
    "named_entity_metadata": NAMED_ENTITY_METADATA,
    "project": PROJECT,
    "admin_tag": ADMIN_TAG,
    "execution_tag": EXECUTION_TAG,
    "execution_admin_tag": _EXECUTION_ADMIN_TAG,
    "node_execution": NODE_EXECUTION,
    "task_execution": TASK_EXECUTION,
    "signal": SIGNAL,
}

# What a list of the left may be joined with in a filter.
JOINS: Mapping[str, tuple[Entity, ...]] = {
    "p": (PROJECT,),
    "t": (TASK,),
    "w": (WORKFLOW,),
    "l": (LAUNCH_PLAN, WORKFLOW),
    "nen": (NAMED_ENTITY, NAMED_ENTITY_METADATA),
    "e": (EXECUTION, LAUNCH_PLAN, WORKFLOW, TASK, ADMIN_TAG, EXECUTION_TAG),
    "ne": (NODE_EXECUTION, EXECUTION),
    "te": (TASK_EXECUTION, TASK, EXECUTION, NODE_EXECUTION),
    "s": (SIGNAL,),
}
