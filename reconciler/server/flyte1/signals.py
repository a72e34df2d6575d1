"""Signals: what a gate waits for, and what somebody answers.

An engine makes a signal when a gate begins to wait; until then it cannot be set. The execution need
not exist. A set signal can be set again (flyteadmin 1.16.8, pkg/manager/impl/signal_manager.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import signal_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2

from reconciler.server.clock import now
from reconciler.server.flyte1 import (
    execution_rows,
    filters,
    keys,
    launch_plan_inputs,
    run_lists,
)
from reconciler.server.flyte1.castable import castable
from reconciler.server.flyte1.checks import optional, text
from reconciler.server.flyte1.columns import SIGNAL
from reconciler.server.flyte1.refusals import compact, missing, taken
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store


def _get_or_create(store: Store, request: signal_pb2.SignalGetOrCreateRequest) -> signal_pb2.Signal:
    name = _identifier(optional(request, "id"))
    if not request.HasField("type"):
        raise missing("type")
    kind = request.type.SerializeToString(deterministic=True)
    row = _find(store, name)
    if row is None:
        moment = now()
        key = (*execution_rows.key_of(name.execution_id), name.signal_id)
        with store.writing():
            store.run(
                "INSERT INTO signals (created_at, updated_at, execution_project, "
                "execution_domain, execution_name, signal_id, type, value) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, '')",
                (moment, moment, *key, kind),
            )
        row = _find(store, name)
        assert row is not None
    elif row["type"] != kind:
        # It looks for a signal of this type, and finds the name taken when it makes one.
        raise taken("signals_pkey")
    return _message(row)


def _list(store: Store, request: signal_pb2.SignalListRequest) -> signal_pb2.SignalList:
    name = request.workflow_execution_id
    if not (name.project and name.domain and name.name):
        raise missing("execution_id")
    filters.required_limit(request.limit)
    conditions = run_lists.of_execution(SIGNAL, name)
    rows, token = run_lists.select(store, SIGNAL, conditions, request, method="ListSignals")
    return signal_pb2.SignalList(signals=[_message(row) for row in rows], token=token)


def _set(store: Store, request: signal_pb2.SignalSetRequest) -> signal_pb2.SignalSetResponse:
    name = _identifier(optional(request, "id"))
    if not request.HasField("value"):
        raise missing("value")
    problem = "signal does not exist"
    try:
        row = _find(store, name)
    except StatusError as error:
        row, problem = None, error.text
    if row is None:
        run = " ".join(execution_rows.key_of(name.execution_id))
        key = f"{{{{{run}}} {name.signal_id}}}"
        raise refused(f"failed to validate that signal [{key}] exists, err: [{problem}]")
    kind = types_pb2.LiteralType.FromString(row["type"])
    if not castable(kind, launch_plan_inputs.literal_type("", request.value)):
        raise refused(
            f"requested signal value [{compact(request.value)}] is not castable to existing "
            f"signal type [[{' '.join(str(byte) for byte in row['type'])}]]"
        )
    execution_rows.write(store, "signals", row, value=request.value.SerializeToString())
    return signal_pb2.SignalSetResponse()


def _identifier(
    name: identifier_pb2.SignalIdentifier | None,
) -> identifier_pb2.SignalIdentifier:
    if name is None:
        raise missing("id")
    if not name.HasField("execution_id"):
        raise missing("execution_id")
    text(name.signal_id, "signal_id")
    execution_rows.check_identifier(name.execution_id)
    return name


def _find(store: Store, name: identifier_pb2.SignalIdentifier) -> sqlite3.Row | None:
    key = dict(zip(execution_rows.KEY, execution_rows.key_of(name.execution_id), strict=True))
    return keys.first(store, "signals", {**key, "signal_id": name.signal_id})


def _message(row: sqlite3.Row) -> signal_pb2.Signal:
    signal = signal_pb2.Signal(
        id=identifier_pb2.SignalIdentifier(
            signal_id=row["signal_id"], execution_id=execution_rows.identifier(row)
        )
    )
    if row["type"]:
        signal.type.CopyFrom(types_pb2.LiteralType.FromString(row["type"]))
    if row["value"]:
        signal.value.CopyFrom(literals_pb2.Literal.FromString(row["value"]))
    return signal


HANDLERS: Mapping[str, Handler] = {
    "GetOrCreateSignal": _get_or_create,
    "ListSignals": _list,
    "SetSignal": _set,
}
