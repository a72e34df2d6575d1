"""Runs and answers that are declared, on an embedded Flyte 2 whose engine is played."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import engine2_kit as kit
import pytest
from flyteidl2.actions import actions_service_pb2, actions_service_pb2_grpc
from flyteidl2.common import identifier_pb2
from flyteidl2.core import tasks_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import (
    internal_run_service_pb2_grpc,
    run_definition_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
)
from google.protobuf import json_format
from world import DOMAIN, PROJECT
from world2 import TASK, World2, open_world2, trigger_document

from reconciler.backends.flyte2.declared.overrides import overridden
from reconciler.errors import SpecError
from reconciler.model.key import Key
from reconciler.plan.plan import Effect, Plan

INPUTS = {"count": 3, "day": "2026-05-01T00:00:00Z"}


def document(kind: str, name: str, /, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def run(name: str, /, **spec: Any) -> dict[str, Any]:
    """Declare a run of task `etl.load` version v1."""
    if "trigger" not in spec:
        spec.setdefault("task", {"name": TASK, "version": "v1"})
        spec.setdefault("inputs", INPUTS)
    return document("FlyteRun", name, **spec)


def key(name: str, kind: str = "FlyteRun") -> Key:
    return Key(kind, PROJECT, DOMAIN, name)


def identifier(name: str) -> identifier_pb2.RunIdentifier:
    return identifier_pb2.RunIdentifier(project=PROJECT, domain=DOMAIN, name=name)


class Engine:
    """Plays what Flyte's engine does, and looks at what there is."""

    def __init__(self, world: World2) -> None:
        self.runs = run_service_pb2_grpc.RunServiceStub(world.channel)
        self.actions = actions_service_pb2_grpc.ActionsServiceStub(world.channel)
        self.engine = internal_run_service_pb2_grpc.InternalRunServiceStub(world.channel)

    async def names(self) -> list[str]:
        request = run_service_pb2.ListRunsRequest(
            project_id=identifier_pb2.ProjectIdentifier(name=PROJECT, domain=DOMAIN)
        )
        request.request.limit = 100
        answer = await self.runs.ListRuns(request)
        return sorted(one.action.id.run.name for one in answer.runs)

    async def details(self, name: str) -> run_definition_pb2.RunDetails:
        answer = await self.runs.GetRunDetails(
            run_service_pb2.GetRunDetailsRequest(run_id=identifier(name))
        )
        return answer.details

    async def tell(self, name: str, phase: int, step: str = "a0") -> None:
        action = kit.action_id(identifier(name), step)
        await self.engine.UpdateActionStatus(
            kit.status(action, phase, began=1, ended=2 if phase in ENDS else None)
        )

    async def gate(self, name: str, condition: str) -> None:
        action = actions_service_pb2.Action(
            action_id=kit.action_id(identifier(name), "c0"),
            parent_action_name="a0",
            condition=kit.condition(condition),
        )
        await self.actions.Enqueue(actions_service_pb2.EnqueueRequest(action=action))


ENDS = frozenset({kit.SUCCEEDED, kit.FAILED, kit.ABORTED})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        await opened.deploy_task()
        yield opened


@pytest.fixture
def engine(world: World2) -> Engine:
    return Engine(world)


async def plan(world: World2) -> Plan:
    return (await world.plan()).plan


async def test_a_run_is_started_once_by_a_name_that_fits(world: World2, engine: Engine) -> None:
    world.declare(run("a-name-that-is-much-longer-than-thirty", labels={"team": "a"}))
    await world.reconcile()
    (name,) = await engine.names()
    assert name.startswith("a-name-that-i")
    assert len(name) == 30
    again = await world.reconcile()
    assert (again.plan.is_empty, list(again.plan.waiting)) == (
        *(True, [key("a-name-that-is-much-longer-than-thirty")]),
    )
    await engine.tell(name, kit.SUCCEEDED)
    await world.reconcile()
    last = await world.reconcile()
    assert (last.plan.is_empty, last.plan.waiting) == (True, {})
    assert await engine.names() == [name]
    assert dict((await engine.details(name)).run_spec.labels.values) == {"team": "a"}


async def test_a_failure_fails_what_comes_after(world: World2, engine: Engine) -> None:
    world.declare(run("first"), run("second", after=["first"]))
    await world.reconcile()
    (name,) = await engine.names()
    await engine.tell(name, kit.FAILED)
    first, second = (await plan(world)).changes
    assert first.block_detail.startswith(f"run {name} failed")
    assert second.block_detail.startswith(f"{key('first')} did not succeed")


async def test_a_trigger_is_run_with_all_that_it_says(world: World2, engine: Engine) -> None:
    world.declare(trigger_document("daily"), run("now", trigger={"task": TASK, "name": "daily"}))
    applied = await world.reconcile()
    assert applied.is_complete
    (name,) = await engine.names()
    details = await engine.details(name)
    assert details.action.metadata.trigger_id.name.name == "daily"


async def test_what_is_of_flyte_1_is_refused(world: World2) -> None:
    world.declare(
        document("FlyteRun", "plan", launchPlan={"name": "etl"}),
        run("tags", tags=["a"]),
        run("name", name="a" * 31),
        run("labels", trigger={"task": TASK, "name": "daily"}, labels={"a": "b"}),
        run("inputs", trigger={"task": TASK, "name": "daily"}, inputs={"count": 3}),
    )
    with pytest.raises(SpecError) as caught:
        await world.plan()
    text = str(caught.value)
    assert "spec.launchPlan: is of Flyte 1; name its task" in text
    assert "spec.tags: is of Flyte 1; use labels" in text
    assert "has 31 characters; a run of Flyte 2 has at most 30" in text
    assert "spec.labels: would replace all that the trigger says" in text
    assert "spec.inputs: would replace all that the trigger says" in text


async def test_every_option_reaches_the_run(world: World2, engine: Engine) -> None:
    message = {"subject": "late", "text": "plain", "html": "<b>late</b>"}
    webhook = {
        "url": "https://hooks.example.com/flyte",
        "method": "PUT",
        "headers": {"X-Team": "a"},
        "body": "{{.Run.Name}}",
    }
    world.declare(
        run(
            "all",
            namePrefix="every",
            overwriteCache=True,
            interruptible=False,
            envs={"LEVEL": "20"},
            labels={"team": "a"},
            annotations={"note": "b"},
            clusterPool="batch",
            rawOutputPrefix="s3://raw/x",
            serviceAccount="runner",
            maxParallelism=4,
            notifications=[
                {"phases": ["Failed"], "email": ["a@example.com"], "message": message},
                {"phases": ["Succeeded", "Aborted"], "webhook": webhook},
                {"phases": ["TimedOut"], "delivery": "oncall"},
            ],
        )
    )
    await world.reconcile()
    (name,) = await engine.names()
    assert name.startswith("every-a")
    spec = (await engine.details(name)).run_spec
    assert (spec.overwrite_cache, spec.HasField("interruptible"), spec.interruptible.value) == (
        *(True, True, False),
    )
    assert [(one.key, one.value) for one in spec.envs.values] == [("LEVEL", "20")]
    assert (dict(spec.labels.values), spec.annotations.values["note"]) == ({"team": "a"}, "b")
    assert spec.queue == "batch"
    assert spec.raw_data_storage.raw_data_prefix == "s3://raw/x"
    assert spec.security_context.run_as.k8s_service_account == "runner"
    assert spec.max_action_concurrency == 4
    mail, call, delivery = spec.notification_rules.rules
    assert json_format.MessageToDict(mail.delivery_template.email) == {
        "to": [{"address": "a@example.com"}],
        "inline": {"subject": "late", "textTemplate": "plain", "htmlTemplate": "<b>late</b>"},
    }
    assert json_format.MessageToDict(call.delivery_template.webhook) == {
        "url": "https://hooks.example.com/flyte",
        "method": "HTTP_METHOD_PUT",
        "headers": {"X-Team": "a"},
        "bodyTemplate": "{{.Run.Name}}",
    }
    assert delivery.delivery_config_name == "oncall"
    assert [len(one.on_phases) for one in (mail, call, delivery)] == [1, 2, 1]


async def test_overrides_are_run_as_the_task_of_the_run(world: World2, engine: Engine) -> None:
    world.declare(
        run(
            "big",
            overrides={
                "requests": {"cpu": "4", "memory": "8Gi"},
                "limits": {"gpu": "1", "ephemeralStorage": "20Gi"},
                "retries": 2,
                "timeout": "90s",
                "envs": {"LEVEL": "20"},
                "secrets": [{"group": "db", "key": "password", "env": "DB"}],
            },
        )
    )
    await world.reconcile()
    (name,) = await engine.names()
    template = (await engine.details(name)).action.task.task_template
    requests = {one.name: one.value for one in template.container.resources.requests}
    assert requests == {tasks_pb2.Resources.CPU: "4", tasks_pb2.Resources.MEMORY: "8Gi"}
    limits = {one.name: one.value for one in template.container.resources.limits}
    assert limits == {tasks_pb2.Resources.GPU: "1", tasks_pb2.Resources.EPHEMERAL_STORAGE: "20Gi"}
    assert template.metadata.retries.retries == 2
    assert template.metadata.timeout.seconds == 90
    assert [(one.key, one.value) for one in template.container.env] == [("LEVEL", "20")]
    assert [(one.group, one.key, one.env_var) for one in template.security_context.secrets] == [
        ("db", "password", "DB")
    ]
    assert template.container.image == "example/image:v1", "the rest is as deployed"


def test_overrides_change_the_primary_container_of_a_pod() -> None:
    pod = {
        "k8sPod": {
            "podSpec": {
                "containers": [
                    {"name": "side", "image": "s"},
                    {"name": "main", "image": "m", "env": [{"name": "A", "value": "1"}]},
                ]
            },
            "primaryContainerName": "main",
        }
    }
    spec = json_format.ParseDict({"taskTemplate": pod}, task_definition_pb2.TaskSpec())
    found = overridden(spec, {"limits": {"GPU": "1"}, "envs": {"B": "2"}})
    side, main = json_format.MessageToDict(found.task_template.k8s_pod.pod_spec)["containers"]
    assert side == {"name": "side", "image": "s"}
    assert main["env"] == [{"name": "B", "value": "2"}]
    assert main["resources"] == {"limits": {"nvidia.com/gpu": "1"}}
    assert json_format.MessageToDict(spec)["taskTemplate"] == pod, "what is deployed stays"


async def test_terminated_is_aborted_and_nothing_else(world: World2, engine: Engine) -> None:
    world.declare(run("long"), run("other"))
    await world.reconcile()
    world.declare(run("long", state="Terminated", cause="superseded"), run("other"))
    applied = await world.reconcile()
    assert [(one.key, one.effect) for one in applied.plan.changes] == [(key("long"), Effect.STOP)]
    long, other = await engine.names()
    assert (await engine.details(long)).action.status.phase == kit.ABORTED
    assert (await engine.details(other)).action.status.phase != kit.ABORTED
    await world.reconcile()
    assert list((await plan(world)).waiting) == [key("other")]


async def test_a_condition_gets_its_answer_once(world: World2, engine: Engine) -> None:
    approval = document(
        "FlyteSignal", "go", run={"declared": "release"}, signal="approve", approve=True
    )
    about = key("go", "FlyteSignal")
    world.declare(run("release"), approval)
    await world.reconcile()
    (name,) = await engine.names()
    assert (await plan(world)).waiting[about] == f"gate approve of run {name} is not open"
    await engine.tell(name, kit.RUNNING)
    await engine.gate(name, "approve")
    applied = await world.reconcile()
    assert [(one.key, one.effect) for one in applied.plan.changes] == [(about, Effect.ANSWER)]
    assert applied.report.failures == ()
    await world.reconcile()
    assert about not in (await plan(world)).waiting
