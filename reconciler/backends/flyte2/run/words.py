"""Phases, sources and kinds of Flyte 2, and the words that both Flytes have for them."""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl2.common import phase_pb2
from flyteidl2.core import catalog_pb2
from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.model.run import Mode, Phase

PHASES: Mapping[int, Phase] = {
    phase_pb2.ACTION_PHASE_UNSPECIFIED: Phase.UNDEFINED,
    phase_pb2.ACTION_PHASE_QUEUED: Phase.QUEUED,
    phase_pb2.ACTION_PHASE_WAITING_FOR_RESOURCES: Phase.WAITING,
    phase_pb2.ACTION_PHASE_INITIALIZING: Phase.INITIALIZING,
    phase_pb2.ACTION_PHASE_RUNNING: Phase.RUNNING,
    phase_pb2.ACTION_PHASE_SUCCEEDED: Phase.SUCCEEDED,
    phase_pb2.ACTION_PHASE_FAILED: Phase.FAILED,
    phase_pb2.ACTION_PHASE_ABORTED: Phase.ABORTED,
    phase_pb2.ACTION_PHASE_TIMED_OUT: Phase.TIMED_OUT,
    phase_pb2.ACTION_PHASE_PAUSED: Phase.PAUSED,
    phase_pb2.ACTION_PHASE_RECOVERED: Phase.RECOVERED,
}
MODES: Mapping[int, Mode] = {
    wire.RUN_SOURCE_UNSPECIFIED: Mode.MANUAL,
    wire.RUN_SOURCE_WEB: Mode.MANUAL,
    wire.RUN_SOURCE_CLI: Mode.MANUAL,
    wire.RUN_SOURCE_SCHEDULE_TRIGGER: Mode.SCHEDULED,
    wire.RUN_SOURCE_TRACKED: Mode.SYSTEM,
    wire.RUN_SOURCE_ARTIFACT_TRIGGER: Mode.SYSTEM,
}
DOES: Mapping[int, str] = {
    wire.ACTION_TYPE_TASK: "task",
    wire.ACTION_TYPE_TRACE: "trace",
    wire.ACTION_TYPE_CONDITION: "gate",
}


def cache(status: int) -> str:
    """Say what became of the cache: `hit`, `miss`, `populated`; empty where it is off."""
    if status == catalog_pb2.CACHE_DISABLED:
        return ""
    name = catalog_pb2.CatalogCacheStatus.Name(status)
    return name.removeprefix("CACHE_").lower().replace("_", " ")


def source(number: int) -> str:
    """Say who started a run, where that is told."""
    name = wire.RunSource.Name(number).removeprefix("RUN_SOURCE_")
    return "" if name == "UNSPECIFIED" else name.lower().replace("_", " ")
