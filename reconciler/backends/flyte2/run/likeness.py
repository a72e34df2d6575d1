"""Whether a run is the one that a launch asks for.

Facts from the open-source manager 2.0.43: how something runs is stored as it came, but for the
place of raw data, which is that of the installation where none is said. A run of a trigger has the
trigger's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2

from reconciler.backends.flyte2.run import normal, rows
from reconciler.backends.wire.times import whole_seconds
from reconciler.model.document import Json
from reconciler.model.entity import What
from reconciler.model.run import Launch
from reconciler.values.canonical import canonical

_Spec = run_pb2.RunSpec

_AS_IT_CAME: Mapping[str, Callable[[_Spec], object]] = {
    "annotations": lambda spec: dict(spec.annotations.values),
    "clusterPool": lambda spec: spec.queue,
    "envs": lambda spec: {one.key: one.value for one in spec.envs.values},
    "interruptible": lambda spec: spec.interruptible if spec.HasField("interruptible") else None,
    "labels": lambda spec: dict(spec.labels.values),
    "maxParallelism": lambda spec: spec.max_action_concurrency,
    "notifications": lambda spec: list(spec.notification_rules.rules),
    "overwriteCache": lambda spec: spec.overwrite_cache,
    "serviceAccount": lambda spec: spec.security_context.run_as.k8s_service_account,
}


def differs(launch: Launch, found: run_definition_pb2.RunDetails) -> str:
    """Say in what a run of the same name is another one, but for its inputs; empty where it is not.

    How a tick runs is not compared: Flyte's scheduler may have started it.
    """
    entity = cast("dict[str, str]", launch.body["entity"])
    run = rows.detailed(found.action, found.run_spec)
    other = run.entity
    if other is not None and (other.what.one, other.name) != (entity["kind"], entity["name"]):
        return f"it runs {other}"
    if other is not None and other.version != entity.get("version", other.version):
        return f"it runs {other}"
    tick = launch.body.get("scheduledAt")
    if tick and run.scheduled_at is not None and whole_seconds(run.scheduled_at) != tick:
        return f"it is that of {whole_seconds(run.scheduled_at)}"
    options = "" if tick else ", ".join(_options(launch, found.run_spec))
    return f"it has other {options}" if options else ""


def is_typed(launch: Launch) -> bool:
    """Say whether a launch has inputs to compare; those of a tick are in its name."""
    return "inputs" in launch.body and "scheduledAt" not in launch.body


def inputs_differ(launch: Launch, stored: Mapping[str, Json]) -> str:
    """Say which of its inputs is another one; stored ones have the task's defaults besides."""
    for name, literal in cast("Mapping[str, Json]", launch.body["inputs"]).items():
        if name not in stored:
            return f"it has no input {name}"
        if canonical(stored[name]) != canonical(literal):
            return f"its input {name} has another value"
    return ""


def _options(launch: Launch, found: _Spec) -> Iterator[str]:
    """Name the options in which they differ, in the words of the language."""
    wanted = normal.to_wire(launch).run_spec
    entity = cast("Mapping[str, str]", launch.body["entity"])
    if entity["kind"] == What.TRIGGERS.one and not launch.body.keys() & normal.OPTIONS:
        return
    for word, read in _AS_IT_CAME.items():
        if read(wanted) != read(found):
            yield word
    prefix = wanted.raw_data_storage.raw_data_prefix
    if prefix and prefix != found.raw_data_storage.raw_data_prefix:
        yield "rawOutputPrefix"
