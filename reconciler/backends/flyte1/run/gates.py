"""The gates of executions: what waits for an answer, and answering.

Facts from flyteadmin 1.16.8: a signal is there once its gate has been reached, stays when it was
answered, and can be answered again. Lists are of one execution.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from flyteidl.admin import signal_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1.paging import BY_ID, listing
from reconciler.backends.flyte1.run import lists, rows
from reconciler.backends.flyte1.run import methods as run_methods
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import from_json, to_json
from reconciler.backends.wire.variables import shown
from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.run import Gate, Phase, RunId
from reconciler.values.types import show_type

_PAGE = 100
_UNREACHED = "signal does not exist"
_NOT_ENDED = frozenset(phase for phase in Phase if not phase.is_terminal)


async def gates(channel: Channel, run_id: RunId) -> tuple[Gate, ...]:
    """Read the gates that an execution has reached, in their order."""
    request = signal_pb2.SignalListRequest(
        workflow_execution_id=rows.identifier(run_id), sort_by=BY_ID
    )
    pages = listing(channel, run_methods.LIST_SIGNALS, request, limit=_PAGE)
    return tuple([_gate(run_id, one) async for page in pages for one in page.signals])


async def waiting(channel: Channel, place: Place) -> tuple[Gate, ...]:
    """Read the gates without an answer of all executions that have not ended; a call for each."""
    asked = AskedRuns(project=place.project, domain=place.domain, phases=_NOT_ENDED, archived=True)
    runs = [run.id async for run in lists.runs(channel, asked)]
    found = await asyncio.gather(*(gates(channel, run_id) for run_id in runs))
    return tuple(gate for of_run in found for gate in of_run if not gate.is_answered)


async def answer(channel: Channel, gate: Gate, literal: Mapping[str, Json]) -> None:
    """Set the value of a gate."""
    request = signal_pb2.SignalSetRequest(
        id=identifier_pb2.SignalIdentifier(
            execution_id=rows.identifier(gate.run), signal_id=gate.signal
        )
    )
    from_json(dict(literal), request.value)
    try:
        await channel.call(run_methods.SET_SIGNAL, request)
    except BackendError as error:
        if _UNREACHED not in str(error):
            raise
        raise BackendError(
            f"run {gate.run}: gate {gate.signal}: is not open yet; answer it once the run waits "
            "there, or correct its name",
            method=error.method,
            code=error.code,
        ) from error


def _gate(run_id: RunId, signal: signal_pb2.Signal) -> Gate:
    literal_type = to_json(signal.type)
    is_answered = signal.HasField("value")
    return Gate(
        run=run_id,
        signal=signal.id.signal_id,
        type=show_type(literal_type),
        literal_type=literal_type,
        is_answered=is_answered,
        value=shown(to_json(signal.value), literal_type) if is_answered else None,
    )
