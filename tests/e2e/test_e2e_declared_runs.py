"""Runs and answers that are declared, on an embedded Flyte 1 whose engine is played."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cli_kit import Shell
from flyteidl.admin import common_pb2, execution_pb2, signal_pb2
from flyteidl.admin import event_pb2 as admin_event
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from flyteidl.event import event_pb2
from flyteidl.service import signal_pb2_grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from world import DOMAIN, NOW, PROJECT, SYNC, World, integer, ledger_of, open_world, plan_document

from reconciler.errors import SpecError
from reconciler.model.key import Key
from reconciler.plan.plan import Block, Effect, Plan
from reconciler.server.status import StatusError

Phase = core.WorkflowExecution
INPUTS = {"count": 3, "day": "2026-05-01T00:00:00Z"}
BOOLEAN = types_pb2.LiteralType(simple=types_pb2.BOOLEAN)
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


def document(kind: str, name: str, /, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def run(name: str, /, **spec: Any) -> dict[str, Any]:
    """Declare a run of launch plan `etl` version v1."""
    if not {"launchPlan", "workflow", "task"} & spec.keys():
        spec["launchPlan"] = {"name": "etl", "version": "v1"}
        spec.setdefault("inputs", {"count": 3, "day": "2026-05-01T00:00:00Z"})
    return document("FlyteRun", name, **spec)


def signal(name: str, /, **spec: Any) -> dict[str, Any]:
    return document("FlyteSignal", name, **spec)


def key(name: str, kind: str = "FlyteRun") -> Key:
    return Key(kind, PROJECT, DOMAIN, name)


def identifier(name: str) -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(project=PROJECT, domain=DOMAIN, name=name)


class Engine:
    """Plays what Flyte's engine does, and looks at what there is."""

    def __init__(self, world: World, signals: signal_pb2_grpc.SignalServiceStub) -> None:
        self.world = world
        self.signals = signals
        self.seconds = 0

    async def executions(self) -> dict[str, execution_pb2.Execution]:
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN), limit=1000
        )
        answer = await self.world.stub.ListExecutions(request)
        return {one.id.name: one for one in answer.executions}

    async def only(self) -> execution_pb2.Execution:
        (one,) = (await self.executions()).values()
        request = execution_pb2.WorkflowExecutionGetRequest(id=one.id)
        return await self.world.stub.GetExecution(request)

    async def tell(self, name: str, phase: Any, **rest: Any) -> None:
        self.seconds += 1
        moment = Timestamp()
        moment.FromDatetime(NOW)
        moment.seconds += self.seconds
        event = event_pb2.WorkflowExecutionEvent(
            execution_id=identifier(name), phase=phase, occurred_at=moment, **rest
        )
        await self.world.stub.CreateWorkflowEvent(
            admin_event.WorkflowExecutionEventRequest(request_id="r", event=event)
        )

    async def succeed(self, name: str, **outputs: literals_pb2.Literal) -> None:
        await self.tell(name, Phase.RUNNING)
        literals = literals_pb2.LiteralMap(literals=outputs)
        await self.tell(name, Phase.SUCCEEDED, output_data=literals)

    async def fail(self, name: str) -> None:
        error = core.ExecutionError(code="USER", message="bad data")
        await self.tell(name, Phase.FAILED, error=error)

    async def end(self) -> None:
        """Let everything succeed that has not ended."""
        over = {Phase.SUCCEEDED, Phase.FAILED, Phase.ABORTED}
        for name, one in (await self.executions()).items():
            if one.closure.phase not in over:
                await self.succeed(name, o0=integer(7))

    async def gate(self, name: str, signal_id: str, kind: types_pb2.LiteralType) -> None:
        await self.signals.GetOrCreateSignal(
            signal_pb2.SignalGetOrCreateRequest(
                id=identifier_pb2.SignalIdentifier(
                    execution_id=identifier(name), signal_id=signal_id
                ),
                type=kind,
            )
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow("etl", "v1", defaults={})
        yield opened


@pytest.fixture
async def engine(world: World) -> AsyncIterator[Engine]:
    async with grpc.aio.insecure_channel(world.endpoint, options=OPTIONS) as channel:
        yield Engine(world, signal_pb2_grpc.SignalServiceStub(channel))


async def plan(world: World) -> Plan:
    return (await world.plan()).plan


async def test_a_run_is_started_once_and_a_second_pass_is_silent(
    world: World, engine: Engine
) -> None:
    world.declare(run("migrate"))
    planned = await plan(world)
    assert [(one.key, one.effect) for one in planned.changes] == [(key("migrate"), Effect.START)]
    assert await engine.executions() == {}, "a plan starts nothing"
    applied = await world.reconcile()
    assert applied.is_complete
    started = await engine.only()
    assert started.id.name.startswith("migrate-a")
    assert started.spec.launch_plan.name == "etl"
    waiting = await world.reconcile()
    assert waiting.plan.is_empty
    assert list(waiting.plan.waiting) == [key("migrate")]

    await engine.succeed(started.id.name, o0=integer(7))
    done = await plan(world)
    assert done.is_empty
    assert done.drives[key("migrate")].outputs == {"o0": 7}
    await world.reconcile()
    before = Counter(world.calls())
    last = await world.reconcile()
    assert (last.plan.is_empty, last.plan.waiting, last.plan.unchanged) == (True, {}, 1)
    spent = world.calls() - before
    assert not {"GetExecution", "ListExecutions", "CreateExecution", "CreateTask"} & set(spent)
    assert len(await engine.executions()) == 1


async def test_every_option_reaches_the_execution(world: World, engine: Engine) -> None:
    world.declare(
        run(
            "all",
            namePrefix="every",
            overwriteCache=True,
            interruptible=False,
            envs={"LEVEL": "20"},
            tags=["blue"],
            labels={"team": "a"},
            annotations={"note": "b"},
            clusterPool="batch",
            clusterLabel="gpu",
            rawOutputPrefix="s3://raw/x",
            serviceAccount="runner",
            iamRole="role",
            maxParallelism=4,
            notifications=[
                {"phases": ["Failed"], "email": ["a@example.com"]},
                {"phases": ["Aborted", "TimedOut"], "pagerDuty": ["b@example.com"]},
                {"phases": ["Succeeded"], "slack": ["c@example.com"]},
            ],
            launchPlan={"name": "etl", "version": "v1"},
            inputs={"count": 3, "day": "2026-05-01T00:00:00Z"},
        )
    )
    await world.reconcile()
    spec = (await engine.only()).spec
    assert (await engine.only()).id.name.startswith("every-a")
    assert (spec.overwrite_cache, spec.interruptible.value, spec.HasField("interruptible")) == (
        *(True, False, True),
    )
    assert [(one.key, one.value) for one in spec.envs.values] == [("LEVEL", "20")]
    assert (list(spec.tags), dict(spec.labels.values)) == (["blue"], {"team": "a"})
    assert spec.annotations.values["note"] == "b"
    assert spec.cluster_assignment.cluster_pool_name == "batch"
    assert spec.execution_cluster_label.value == "gpu"
    assert spec.raw_output_data_config.output_location_prefix == "s3://raw/x"
    assert spec.security_context.run_as.k8s_service_account == "runner"
    assert spec.security_context.run_as.iam_role == "role"
    assert spec.max_parallelism == 4
    mail, pager, chat = spec.notifications.notifications
    assert list(mail.email.recipients_email) == ["a@example.com"]
    assert list(pager.pager_duty.recipients_email) == ["b@example.com"]
    assert list(pager.phases) == [Phase.ABORTED, Phase.TIMED_OUT]
    assert list(chat.slack.recipients_email) == ["c@example.com"]


async def test_notifications_are_the_plans_or_nobodys(world: World, engine: Engine) -> None:
    world.declare(run("plan"), run("nobody", notifications=[]))
    await world.reconcile()
    found = await engine.executions()
    quiet = {name.partition("-")[0]: one.spec.disable_all for name, one in found.items()}
    assert quiet == {"plan": False, "nobody": True}


async def test_another_content_is_another_run_and_the_former_one_stays_done(
    world: World, engine: Engine
) -> None:
    one, two = (
        {"count": 1, "day": "2026-05-01T00:00:00Z"},
        {
            "count": 2,
            "day": "2026-05-01T00:00:00Z",
        },
    )
    for inputs in (one, two, one, two):
        world.declare(run("migrate", inputs=inputs, launchPlan={"name": "etl", "version": "v1"}))
        await world.reconcile()
        await engine.end()
        await world.reconcile()
    assert len(await engine.executions()) == 2
    assert (await world.reconcile()).plan.is_empty


async def test_a_run_that_somebody_started_under_its_whole_name_is_this_one(
    world: World, engine: Engine
) -> None:
    world.declare(run("migrate", name="migrate-42"))
    await world.reconcile()
    assert list(await engine.executions()) == ["migrate-42"]
    world.declare(
        run(
            "migrate",
            name="migrate-42",
            launchPlan={"name": "etl", "version": "v1"},
            inputs={"count": 9, "day": "2026-05-01T00:00:00Z"},
        )
    )
    (change,) = (await plan(world)).changes
    assert change.block is Block.FAILED
    assert "was started for another content" in change.block_detail


async def test_workflows_run_their_default_plan_and_tasks_by_themselves(
    world: World, engine: Engine
) -> None:
    inputs = {"count": 3, "day": "2026-05-01T00:00:00Z"}
    world.declare(
        run("flow", workflow={"name": "etl", "version": {"latest": True}}, inputs=inputs),
        run("task", task={"name": "etl.task", "version": "v1"}),
    )
    await world.reconcile()
    found = {name.partition("-")[0]: one for name, one in (await engine.executions()).items()}
    assert found["flow"].spec.launch_plan.resource_type == identifier_pb2.LAUNCH_PLAN
    assert found["flow"].spec.launch_plan.name == "etl"
    assert found["task"].spec.launch_plan.resource_type == identifier_pb2.TASK


async def test_a_plan_of_the_same_set_is_registered_first(world: World, engine: Engine) -> None:
    inputs = {"day": "2026-05-01T00:00:00Z"}
    world.declare(
        plan_document("nightly"), run("now", launchPlan={"name": "nightly"}, inputs=inputs)
    )
    applied = await world.reconcile()
    assert applied.is_complete
    started = (await engine.only()).spec.launch_plan
    assert (started.name, started.version[:5]) == ("nightly", "team.")
    await engine.end()
    await world.reconcile()
    assert (await world.reconcile()).plan.is_empty


async def test_faults_of_a_run_are_told_before_anything_starts(world: World) -> None:
    world.declare(
        run("input", launchPlan={"name": "etl", "version": "v1"}, inputs={"cuont": 1}),
        run("plan", launchPlan={"name": "elt"}),
        document("FlyteRun", "flyte2", trigger={"task": "a", "name": "b"}),
    )
    with pytest.raises(SpecError) as caught:
        await world.plan()
    text = str(caught.value)
    assert 'the workflow has no input "cuont"; did you mean "count"?' in text
    assert "no version of launch plan elt is active in flytesnacks/development" in text
    assert "is of Flyte 2" in text


async def test_runs_come_after_others_and_take_their_outputs(world: World, engine: Engine) -> None:
    world.declare(
        run("first"),
        run("second", after=["first"]),
        run(
            "third",
            launchPlan={"name": "etl", "version": "v1"},
            inputs={"day": "2026-05-01T00:00:00Z"},
            inputsFrom={"count": {"run": "first", "output": "o0"}},
        ),
    )
    applied = await world.reconcile()
    assert applied.plan.waiting == {
        key("second"): f"{key('first')} has to succeed first",
        key("third"): f"{key('first')} has to succeed first",
    }
    first = (await engine.only()).id.name
    await engine.succeed(first, o0=integer(7))
    await world.reconcile()
    found = await engine.executions()
    assert len(found) == 3
    third = next(name for name in found if name.startswith("third"))
    data = await world.stub.GetExecutionData(
        execution_pb2.WorkflowExecutionGetDataRequest(id=identifier(third))
    )
    assert data.full_inputs.literals["count"] == integer(7)


async def test_a_failure_is_told_and_fails_what_comes_after(world: World, engine: Engine) -> None:
    world.declare(run("first"), run("second", after=["first"]))
    await world.reconcile()
    await engine.fail((await engine.only()).id.name)
    planned = await plan(world)
    assert [one.block for one in planned.changes] == [Block.FAILED, Block.FAILED]
    first, second = planned.changes
    assert "bad data" in first.block_detail
    assert second.block_detail.startswith(f"{key('first')} did not succeed: run first-a")
    await world.reconcile()
    assert len(await engine.executions()) == 1


async def test_a_failed_run_is_no_longer_looked_at_after_its_ttl(
    world: World, engine: Engine
) -> None:
    world.declare(run("first", ttl="1h"))
    await world.reconcile()
    await engine.fail((await engine.only()).id.name)
    assert (await plan(world)).changes
    world.now = NOW.replace(hour=20)
    await world.reconcile()
    assert (await plan(world)).is_empty
    world.declare(run("first", ttl="1h"), run("second", after=["first"]))
    await world.reconcile()
    (held,) = (await plan(world)).changes
    assert held.block_detail == f"{key('first')} did not succeed: it did not end well"
    assert len(await engine.executions()) == 1


async def test_terminated_stops_and_starts_nothing(world: World, engine: Engine) -> None:
    world.declare(run("long"))
    await world.reconcile()
    world.declare(run("long", state="Terminated", cause="superseded"))
    applied = await world.reconcile()
    assert [one.effect for one in applied.plan.changes] == [Effect.STOP]
    stopped = await engine.only()
    assert stopped.closure.phase == Phase.ABORTING
    assert "superseded" in stopped.closure.abort_metadata.cause
    await engine.tell(stopped.id.name, Phase.ABORTED)
    assert (await world.reconcile()).plan.is_empty
    assert (await plan(world)).is_empty
    world.declare(
        run("long", state="Terminated", cause="superseded"),
        run("never", state="Terminated"),
        run("later", after=["long"]),
    )
    for _ in range(2):
        (held,) = (await world.reconcile()).plan.changes
        assert held.block_detail == f"{key('long')} did not succeed: it did not end well"
    assert len(await engine.executions()) == 1


@pytest.mark.parametrize("policy", ["Orphan", "Terminate"])
async def test_what_is_no_longer_declared_stops_where_it_asked_for_that(
    policy: str, world: World, engine: Engine
) -> None:
    world.declare(run("long", deletionPolicy=policy), run("other", deletionPolicy="Terminate"))
    await world.reconcile()
    await world.stub.CreateExecution(
        execution_pb2.ExecutionCreateRequest(
            project=PROJECT,
            domain=DOMAIN,
            name="foreign",
            spec=execution_pb2.ExecutionSpec(
                launch_plan=identifier_pb2.Identifier(
                    resource_type=identifier_pb2.TASK,
                    project=PROJECT,
                    domain=DOMAIN,
                    name="etl.task",
                    version="v1",
                )
            ),
        )
    )
    world.declare(run("other", deletionPolicy="Terminate"))
    await world.reconcile()
    phases = {
        name.partition("-")[0]: one.closure.phase
        for name, one in (await engine.executions()).items()
    }
    stopped = {name for name, phase in phases.items() if phase == Phase.ABORTING}
    assert stopped == ({"long"} if policy == "Terminate" else set())
    assert set((await ledger_of(world)).runs) == {key("other")}


async def test_an_answer_waits_for_its_gate_and_is_given_once(world: World, engine: Engine) -> None:
    answer = signal("go", run={"declared": "release"}, signal="approve", approve=True)
    about = key("go", "FlyteSignal")
    world.declare(run("release"), answer)
    assert (await plan(world)).waiting[about].endswith("is not started")
    await world.reconcile()
    name = (await engine.only()).id.name
    await engine.tell(name, Phase.RUNNING)
    assert (await plan(world)).waiting[about] == f"gate approve of run {name} is not open"
    await engine.gate(name, "approve", BOOLEAN)
    planned = await plan(world)
    assert [(one.key, one.effect) for one in planned.changes] == [(about, Effect.ANSWER)]
    await world.reconcile()
    found = await engine.signals.ListSignals(
        signal_pb2.SignalListRequest(workflow_execution_id=identifier(name), limit=10)
    )
    assert found.signals[0].value.scalar.primitive.boolean is True
    await world.reconcile()
    assert about not in (await plan(world)).waiting
    before = Counter(world.calls())
    await world.reconcile()
    assert not {"SetSignal", "ListSignals"} & set(world.calls() - before)


async def test_a_value_is_typed_by_its_gate(world: World, engine: Engine) -> None:
    world.declare(
        run("release", name="release"),
        signal("go", run={"name": "release"}, signal="ratio", value="much"),
    )
    await world.reconcile()
    await engine.gate("release", "ratio", types_pb2.LiteralType(simple=types_pb2.FLOAT))
    (change,) = (await plan(world)).changes
    assert change.block is Block.FAILED
    assert change.block_detail.startswith("gate ratio wants float: value ")
    world.declare(
        run("release", name="release"),
        signal("go", run={"name": "release"}, signal="ratio", value=0.5),
    )
    await world.reconcile()
    found = await engine.signals.ListSignals(
        signal_pb2.SignalListRequest(workflow_execution_id=identifier("release"), limit=10)
    )
    assert found.signals[0].value.scalar.primitive.float_value == 0.5


async def test_an_answer_of_somebody_else_is_left_alone(world: World, engine: Engine) -> None:
    world.declare(
        run("release", name="release"),
        signal("go", run={"name": "release"}, signal="ok", reject=True),
    )
    await world.reconcile()
    await engine.gate("release", "ok", BOOLEAN)
    yes = literals_pb2.Literal(
        scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(boolean=True))
    )
    await engine.signals.SetSignal(
        signal_pb2.SignalSetRequest(
            id=identifier_pb2.SignalIdentifier(execution_id=identifier("release"), signal_id="ok"),
            value=yes,
        )
    )
    (change,) = (await plan(world)).changes
    assert "was answered with True before" in change.block_detail


async def test_a_run_is_of_another_place_than_the_set(world: World, engine: Engine) -> None:
    sync = SYNC.replace("spec:\n", "spec:\n  scopes: [{project: flytesnacks}]\n")
    plan_of = {"name": "etl", "version": "v1", "domain": DOMAIN}
    declared = run("there", domain="staging", launchPlan=plan_of, inputs=INPUTS)
    world.declare(declared, sync=sync)
    await world.reconcile()
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain="staging"), limit=10
    )
    (one,) = (await world.stub.ListExecutions(request)).executions
    assert one.spec.launch_plan.domain == DOMAIN
    assert await engine.executions() == {}


async def test_a_local_file_is_uploaded_before_the_run_starts(world: World, engine: Engine) -> None:
    blob = types_pb2.LiteralType(blob=types_pb2.BlobType())
    await world.register_workflow("files", "v1", defaults={}, types={"table": blob})
    world.write({"data.csv": "a,b\n1,2\n"})
    inputs = {**INPUTS, "table": {"path": "data.csv"}}
    world.declare(run("load", launchPlan={"name": "files", "version": "v1"}, inputs=inputs))
    planned = await plan(world)
    assert any("data.csv" in note for note in planned.changes[0].notes)
    applied = await world.reconcile()
    assert applied.is_complete
    name = (await engine.only()).id.name
    data = await world.stub.GetExecutionData(
        execution_pb2.WorkflowExecutionGetDataRequest(id=identifier(name))
    )
    uri = data.full_inputs.literals["table"].scalar.blob.uri
    assert uri.endswith("/data.csv")
    assert "://" in uri
    await engine.succeed(name)
    await world.reconcile()
    assert (await plan(world)).is_empty


async def test_commands_tell_how_far_runs_are(world: World, engine: Engine) -> None:
    shell = Shell(world)
    about = str(key("first"))
    world.declare(run("first"), run("second", after=["first"]))
    held = await shell("pause", about, "--reason", "maintenance", "--for", "1h")
    assert held.code == 0, held.err
    paused = await shell("--yes")
    assert (paused.code, await engine.executions()) == (0, {})
    assert "maintenance" in paused.out
    assert (await shell("resume", about)).code == 0
    assert (await shell("--yes")).code == 0
    name = (await engine.only()).id.name
    told = await shell("status")
    assert f"run {name} is not taken up yet" in told.out
    assert "2 waiting." in told.out
    explained = await shell("explain", about)
    assert f"in flight: {name}" in explained.out
    pending = await shell("plan", "--detailed-exitcode")
    assert pending.code == 0, "what waits is no change"
    await engine.fail(name)
    failed = await shell("--yes")
    assert failed.code == 3
    assert f"failed: run {name} failed: bad data" in failed.out
    assert "2 failed." in (await shell("status")).out
    gone = await shell("forget", about)
    assert gone.code == 0, gone.err
    assert key("first") not in (await ledger_of(world)).runs


async def test_a_limit_of_the_plan_leaves_a_run_for_the_next_pass(
    world: World, engine: Engine
) -> None:
    limited = plan_document("one", concurrency={"max": 1})
    inputs = {"day": "2026-05-01T00:00:00Z"}
    first = run("first", launchPlan={"name": "one"}, inputs=inputs)
    world.declare(limited, first)
    await world.reconcile()
    name = (await engine.only()).id.name
    await engine.tell(name, Phase.RUNNING)
    world.declare(limited, first, run("second", launchPlan={"name": "one"}, inputs=inputs))
    applied = await world.reconcile()
    (deferred,) = applied.report.deferred
    assert "concurrency limit" in deferred.detail
    assert applied.is_complete, "the plan of Flyte is at its limit, and nothing failed"
    assert len(await engine.executions()) == 1
    await engine.tell(name, Phase.SUCCEEDED)
    await world.reconcile()
    assert len(await engine.executions()) == 2


async def test_a_run_does_not_fall_back_on_an_older_plan_of_the_set(
    world: World, engine: Engine
) -> None:
    run_of = run("now", launchPlan={"name": "nightly"}, inputs={"day": "2026-05-01T00:00:00Z"})
    world.declare(plan_document("nightly"))
    await world.reconcile()
    world.declare(plan_document("nightly", inputs={"cuont": 1}), run_of)
    with pytest.raises(SpecError, match=r"FlyteLaunchPlan/.*/nightly of this set has an error"):
        await world.plan()
    assert await engine.executions() == {}


WRITES = frozenset({"CreateExecution", "CreateTask", "SetSignal", "TerminateExecution"})


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 7))
async def test_killed_at_any_write_nothing_runs_twice(
    at: int, after: bool, world: World, engine: Engine
) -> None:
    left = at
    world.declare(run("one"), run("two", after=["one"]), run("three", deletionPolicy="Terminate"))

    def die(method: str, *, is_before: bool) -> None:
        nonlocal left
        if method not in WRITES:
            return
        if is_before:
            left -= 1
        if left == 0 and is_before is not after:
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "nobody is there any more")

    async def on_call(method: str, _request: Message) -> None:
        die(method, is_before=True)

    async def after_call(method: str, _answer: Message) -> None:
        die(method, is_before=False)

    world.server.on_call, world.server.after_call = on_call, after_call
    for _ in range(6):
        try:
            await world.reconcile()
        except Exception:  # noqa: BLE001 - whatever a dying server makes of a pass
            left = -1
        await engine.end()
    assert len(await engine.executions()) == 3
    assert (await plan(world)).is_empty
    assert all(not one.started for one in (await ledger_of(world)).runs.values())
