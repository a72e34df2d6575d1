"""FlyteRemote's shape of a backfill: one generated workflow that holds the whole window.

Each tick is a node that runs the launch plan with the tick as its kickoff input; one after the
other, or side by side. The executions are children of one that anybody can watch, and are none of
the scheduler's: neither its catch-up nor a FlyteBackfill sees them as runs of their ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flyteidl.admin import launch_plan_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.core import workflow_pb2 as core
from google.protobuf.timestamp_pb2 import Timestamp

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.backfill.read import facts_of, read_plan
from reconciler.backends.flyte1.run.normal import body_of
from reconciler.backends.flyte1.run.start import start
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.backends.wire.method import Method
from reconciler.errors import BackendError, UsageError
from reconciler.model.backfill import OnFailure
from reconciler.model.digest import digest
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Launch, RunId, Started
from reconciler.schedule import grid
from reconciler.schedule.window import Window, show

MOST = 1000
"""Nodes of one workflow: it is one message and one object of Kubernetes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the workflow runs its ticks."""

    is_parallel: bool = False
    on_failure: OnFailure = OnFailure.STOP
    overwrites_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A workflow that was built and not registered."""

    place: Place
    ticks: tuple[datetime, ...]
    template: core.WorkflowTemplate
    shape: Shape

    @property
    def name(self) -> str:
        """Its name: of the plan that it runs."""
        return self.template.id.name

    @property
    def version(self) -> str:
        """Its version, which is a hash of all that it does."""
        return self.template.id.version


async def build(
    channel: Channel, place: Place, name: str, *, version: str, window: Window, shape: Shape
) -> Built:
    """Build the workflow of a window, end excluded; raises UsageError where there can be none."""
    plan = await read_plan(channel, place, name, version)
    if plan is None:
        raise UsageError(f"launch plan {name} {version}: is not in {place}; register it")
    schedule = facts_of(plan)["schedule"]
    if not isinstance(schedule, dict) or not schedule:
        raise UsageError(f"launch plan {name}: has no schedule, and so no ticks")
    read = grid.read(schedule)
    if read.is_timer:
        raise UsageError(
            f"launch plan {name}: has a fixed rate, which has no ticks of its own; leave "
            "--as-workflow out and give --anchor"
        )
    ticks = read.ticks(window)
    if not ticks:
        first = read.first_after(window.end - timedelta(seconds=1))
        then = f"; the first one from its end on is {show(first)}" if first else ""
        raise UsageError(f"launch plan {name}: has no tick in {window}{then}")
    if len(ticks) > MOST:
        raise UsageError(
            f"launch plan {name}: {window} has {len(ticks):,} ticks, and one workflow holds at "
            f"most {MOST:,}; write a shorter window, or leave --as-workflow out"
        )
    template = _template(plan.id, ticks, read.kickoff, shape)
    template.id.CopyFrom(_identifier(identifier_pb2.WORKFLOW, place, f"backfill-{name}"))
    template.id.version = digest(
        {"template": to_json(template), "cache": shape.overwrites_cache, "domain": place.domain}
    )
    return Built(place=place, ticks=ticks, template=template, shape=shape)


async def register(channel: Channel, built: Built) -> None:
    """Register the workflow and the launch plan that starts it, unless they are there."""
    identifier = built.template.id
    spec = workflow_pb2.WorkflowSpec(template=built.template)
    await _once(
        channel,
        methods.CREATE_WORKFLOW,
        workflow_pb2.WorkflowCreateRequest(id=identifier, spec=spec),
    )
    plan = _identifier(identifier_pb2.LAUNCH_PLAN, built.place, built.name)
    plan.version = built.version
    plan_spec = launch_plan_pb2.LaunchPlanSpec(workflow_id=identifier)
    plan_spec.fixed_inputs.SetInParent()
    plan_spec.default_inputs.SetInParent()
    plan_spec.entity_metadata.SetInParent()
    await _once(
        channel,
        methods.CREATE_LAUNCH_PLAN,
        launch_plan_pb2.LaunchPlanCreateRequest(id=plan, spec=plan_spec),
    )


async def execute(channel: Channel, built: Built, *, name: str = "") -> Started:
    """Start the workflow once: under a given name, or one made of what it does."""
    entity = Reference(
        what=What.LAUNCH_PLANS,
        project=built.place.project,
        domain=built.place.domain,
        name=built.name,
        version=built.version,
    )
    options = {"overwriteCache": True} if built.shape.overwrites_cache else {}
    launch = Launch(
        id=RunId(built.place, name or f"b{built.version}"),
        body=body_of(entity, inputs={}, options=dict(options)),
    )
    return await start(channel, launch)


def _template(
    plan: identifier_pb2.Identifier, ticks: Sequence[datetime], kickoff: str, shape: Shape
) -> core.WorkflowTemplate:
    policy = core.WorkflowMetadata.OnFailurePolicy
    template = core.WorkflowTemplate()
    template.interface.inputs.SetInParent()
    template.interface.outputs.SetInParent()
    template.metadata.on_failure = (
        policy.FAIL_IMMEDIATELY
        if shape.on_failure is OnFailure.STOP
        else policy.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE
    )
    target = identifier_pb2.Identifier()
    target.CopyFrom(plan)
    target.resource_type = identifier_pb2.LAUNCH_PLAN
    for number, tick in enumerate(ticks):
        node = template.nodes.add(id=f"n{number}")
        node.metadata.name = f"b-{show(tick)}"
        node.metadata.retries.retries = 0
        node.workflow_node.launchplan_ref.CopyFrom(target)
        if kickoff:
            binding = literals_pb2.BindingData()
            binding.scalar.primitive.datetime.CopyFrom(_timestamp(tick))
            node.inputs.add(var=kickoff, binding=binding)
        if number and not shape.is_parallel:
            node.upstream_node_ids.append(f"n{number - 1}")
    return template


def _identifier(kind: int, place: Place, name: str) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind,  # type: ignore[arg-type]  # stubs do not name the enum
        project=place.project,
        domain=place.domain,
        name=name,
    )


def _timestamp(tick: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(tick)
    return found


async def _once(channel: Channel, method: Method[Any, Any], request: Any) -> None:
    """Register a version whose name says its content."""
    try:
        await channel.call(method, request)
    except BackendError as error:
        if not faults.is_already_exists(error):
            raise
