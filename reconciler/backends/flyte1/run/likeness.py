"""Whether an execution is the one that a launch asks for.

Facts from flyteadmin 1.16.8: what a request says of how something runs is stored as it came, but
for the parallelism and the identity, into which the plan's and those of project and domain are put
where it says none, and for labels: those of the project join the ones that are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2

from reconciler.backends.flyte1.run import normal
from reconciler.backends.wire.message import to_json
from reconciler.model.run import Launch
from reconciler.values.canonical import canonical

_Spec = execution_pb2.ExecutionSpec

_AS_IT_CAME: Mapping[str, Callable[[_Spec], object]] = {
    "annotations": lambda spec: dict(spec.annotations.values),
    "clusterLabel": lambda spec: spec.execution_cluster_label.value,
    "clusterPool": lambda spec: spec.cluster_assignment.cluster_pool_name,
    "envs": lambda spec: {one.key: one.value for one in spec.envs.values},
    "interruptible": lambda spec: spec.interruptible if spec.HasField("interruptible") else None,
    "notifications": lambda spec: (spec.disable_all, list(spec.notifications.notifications)),
    "overwriteCache": lambda spec: spec.overwrite_cache,
    "rawOutputPrefix": lambda spec: spec.raw_output_data_config.output_location_prefix,
    "tags": lambda spec: set(spec.tags),
}
_FILLED_IN: Mapping[str, Callable[[_Spec], object]] = {
    "iamRole": lambda spec: spec.security_context.run_as.iam_role,
    "maxParallelism": lambda spec: spec.max_parallelism,
    "serviceAccount": lambda spec: spec.security_context.run_as.k8s_service_account,
}


def differs(
    launch: Launch,
    found: execution_pb2.Execution,
    inputs: literals_pb2.LiteralMap | None,
) -> str:
    """Say in what an execution of the same name is another one; empty where it is the same.

    `inputs` are the stored ones, which have the plan's defaults besides; None where they are not
    to be had. How a tick runs is not compared: Flyte's scheduler may have started it.
    """
    wanted = normal.to_wire(launch)
    other = found.spec
    if wanted.spec.launch_plan != other.launch_plan:
        return f"it runs {_shown(other.launch_plan)}"
    tick, its = wanted.spec.metadata.scheduled_at, other.metadata.scheduled_at
    if tick != its:
        return f"it is that of {its.ToJsonString()}" if its.ByteSize() else "it has no tick"
    for name, literal in wanted.inputs.literals.items():
        if inputs is None:
            break
        if name not in inputs.literals:
            return f"it has no input {name}"
        if canonical(to_json(inputs.literals[name])) != canonical(to_json(literal)):
            return f"its input {name} has another value"
    options = ", ".join(_options(wanted.spec, other)) if launch.scheduled_at is None else ""
    return f"it has other {options}" if options else ""


def _options(wanted: _Spec, found: _Spec) -> Iterator[str]:
    """Name the options in which they differ, in the words of the language."""
    for word, read in _AS_IT_CAME.items():
        if read(wanted) != read(found):
            yield word
    for word, text in _FILLED_IN.items():
        if text(wanted) and text(wanted) != text(found):
            yield word
    labels, its = dict(wanted.labels.values), dict(found.labels.values)
    if not labels.items() <= its.items() or (its and not labels):
        yield "labels"


def _shown(identifier: identifier_pb2.Identifier) -> str:
    kind = "task" if identifier.resource_type == identifier_pb2.TASK else "launch plan"
    return f"{kind} {identifier.name} version {identifier.version}"
