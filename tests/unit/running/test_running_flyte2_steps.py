"""What runs inside a run of Flyte 2: its tree, its data, its reports and its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.core import execution_pb2, interface_pb2, types_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2, dataproxy_service_pb2_grpc
from running2_kit import Played2

from reconciler.backends.flyte2.run import steps
from reconciler.errors import BackendError, UnsupportedError
from reconciler.model.run import Link, Phase, Step

INTEGER: Any = {"simple": "INTEGER"}


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(engine.EPOCH + seconds, UTC)


def shape(found: tuple[Step, ...]) -> Any:
    """The names of steps, with those inside them."""
    return {one.id: shape(one.inside) for one in found}


@pytest.fixture
async def tree(flyte2: Played2) -> Played2:
    """A run whose task calls b1 (which failed twice, and has a trace) and asks b2."""
    await flyte2.record("a")
    await flyte2.record("a", "b1", "a0", group="nightly")
    await flyte2.record("a", "c1", "b1", trace=engine.trace(start_time=None))
    await flyte2.record("a", "b2", "a0", condition=engine.condition("go"))
    await flyte2.tell("a", engine.PAUSED, "b2")
    log = execution_pb2.TaskLog(name="pod", uri="https://logs/1")
    await flyte2.event("a", engine.QUEUED, "b1", when=1)
    await flyte2.event("a", engine.RUNNING, "b1", when=2, log_info=[log])
    await flyte2.event("a", engine.FAILED, "b1", when=3, error_info=engine.failure("first"))
    await flyte2.event(
        "a", engine.FAILED, "b1", when=5, attempt=2, error_info=engine.failure("second")
    )
    await flyte2.tell("a", engine.FAILED, "b1", began=1, ended=5, attempts=2)
    return flyte2


async def test_steps_are_a_tree_below_the_run_itself(tree: Played2) -> None:
    found = await tree.running.steps(tree.id("a"))

    assert shape(found) == {"a0": {"b1": {"c1": {}}, "b2": {}}}
    (root,) = found
    failed, asked = root.inside
    assert (root.does, root.name, root.target) == ("task", "env.t", tree.task)
    assert (failed.phase, failed.cause, failed.facts["group"]) == (
        Phase.FAILED,
        "second",
        "nightly",
    )
    assert (asked.does, asked.name, asked.phase) == ("gate", "go", Phase.PAUSED)
    (trace,) = failed.inside
    assert (trace.does, trace.name, trace.phase) == ("trace", "step", Phase.SUCCEEDED)


async def test_attempts_have_their_times_causes_and_links(tree: Played2) -> None:
    (root,) = await tree.running.steps(tree.id("a"))
    failed = root.inside[0]

    first, second = failed.attempts
    assert (first.number, first.phase, first.cause) == (1, Phase.FAILED, "first")
    assert (first.started_at, first.ended_at) == (moment(1), moment(3))
    assert first.links == (Link(name="pod", url="https://logs/1"),)
    assert (second.number, second.cause) == (2, "second")
    assert (failed.queued_at, failed.started_at, failed.ended_at) == (
        moment(1),
        moment(2),
        moment(5),
    )


async def test_of_very_many_actions_those_are_read_that_did_not_succeed(
    tree: Played2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_READ", 3)
    before = tree.channel.calls["RunService.GetActionDetails"]

    (root,) = await tree.running.steps(tree.id("a"))

    assert tree.channel.calls["RunService.GetActionDetails"] == before + 3
    failed = root.inside[0]
    assert failed.cause == "second"
    (trace,) = failed.inside
    assert (trace.phase, trace.does, trace.ended_at) == (Phase.SUCCEEDED, "", moment(11))


async def test_step_whose_parent_is_unknown_stands_beside_the_run(flyte2: Played2) -> None:
    await flyte2.record("a")
    await flyte2.record("a", "c1", "b9")

    assert shape(await flyte2.running.steps(flyte2.id("a"))) == {"a0": {}, "c1": {}}
    with pytest.raises(BackendError, match="is not there; list those that are"):
        await flyte2.running.steps(flyte2.id("z"))


async def test_time_of_a_run_is_a_tree_of_steps_attempts_and_phases(tree: Played2) -> None:
    found = await tree.running.spans(tree.id("a"))

    assert found.name == f"run {tree.id('a').name}"
    (root,) = found.inside
    failed = next(one for one in root.inside if one.name == "step b1")
    first = failed.inside[0]
    assert (first.name, first.started_at, first.ended_at) == ("attempt 1", moment(1), moment(3))
    assert [(one.name, one.started_at, one.ended_at) for one in first.inside] == [
        ("queued", moment(1), moment(2)),
        ("running", moment(2), moment(3)),
    ]
    assert [one.name for one in failed.inside] == ["attempt 1", "attempt 2", "step c1"]


def typed_task(flyte2: Played2) -> Any:
    task = engine.task(flyte2.action("a"))
    for side in ("inputs", "outputs"):
        variables = getattr(task.spec.task_template.interface, side)
        entry = interface_pb2.VariableEntry(key="x")
        entry.value.type.simple = types_pb2.INTEGER
        variables.variables.append(entry)
    return task


async def test_inputs_and_outputs_are_read_with_their_types(flyte2: Played2) -> None:
    put_in, put_out = await flyte2.store(x=7), await flyte2.store(x=8)
    await flyte2.record("a", task=typed_task(flyte2), input_uri=f"{put_in}/inputs.pb")

    before = await flyte2.running.data(flyte2.id("a"))
    assert before.inputs is not None
    assert dict(before.inputs.types) == {"x": INTEGER}
    assert dict(before.inputs.literals) == {"x": {"scalar": {"primitive": {"integer": "7"}}}}
    assert before.inputs.uri == f"{put_in}/inputs.pb"
    assert before.outputs is None

    outputs = engine.outputs(f"{put_out}/inputs.pb")
    await flyte2.event("a", engine.SUCCEEDED, outputs=outputs)
    await flyte2.tell("a", engine.SUCCEEDED)
    after = await flyte2.running.data(flyte2.id("a"))
    assert after.outputs is not None
    assert dict(after.outputs.literals) == {"x": {"scalar": {"primitive": {"integer": "8"}}}}
    assert dict(after.outputs.types) == {"x": INTEGER}


async def test_run_that_succeeded_without_outputs_has_none(flyte2: Played2) -> None:
    await flyte2.record("a")
    await flyte2.tell("a", engine.SUCCEEDED)

    found = await flyte2.running.data(flyte2.id("a"))
    assert (found.inputs, found.outputs) == (None, None)
    with pytest.raises(BackendError, match="step a0: is not there; describe the run"):
        await flyte2.running.data(flyte2.id("z"))


async def test_data_that_is_too_large_says_where_it_is(flyte2: Played2) -> None:
    stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(flyte2.wire)
    inputs = make.inputs()
    one = inputs.literals.add(name="text")
    one.value.scalar.primitive.string_value = "x" * (3 << 20)
    request = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(flyte2.project), task_spec=make.spec(), inputs=inputs
    )
    stored = (await stub.UploadInputs(request)).offloaded_input_data.uri
    await flyte2.record("a", input_uri=f"{stored}/inputs.pb")

    with pytest.raises(BackendError, match="its data is larger than the server hands") as caught:
        await flyte2.running.data(flyte2.id("a"))
    assert f"read it from {stored}/inputs.pb, or raise" in str(caught.value)


async def test_report_of_the_last_attempt_that_has_one_is_fetched(flyte2: Played2) -> None:
    report = await flyte2.store(x=7)
    await flyte2.record("a")
    with pytest.raises(BackendError, match="step a0: has no report; enable reports in its task"):
        await flyte2.running.report(flyte2.id("a"))

    await flyte2.event("a", engine.FAILED, outputs=engine.outputs(report=f"{report}/inputs.pb"))
    await flyte2.event("a", engine.RUNNING, attempt=2)

    content = await flyte2.running.report(flyte2.id("a"))
    assert content == make.inputs(x=7).SerializeToString()
    (root,) = await flyte2.running.steps(flyte2.id("a"))
    assert root.has_report


async def test_files_of_the_store_are_not_handed_out(flyte2: Played2) -> None:
    with pytest.raises(UnsupportedError, match="s3://b/k: Flyte 2 hands no files out; read it"):
        flyte2.running.content("s3://b/k")


@pytest.mark.parametrize("console", ["https://flyte.example.com", "https://flyte.example.com/v2/"])
def test_address_of_a_run_is_that_of_the_sdk(flyte2: Played2, console: str) -> None:
    flyte2.channel.settings = replace(flyte2.channel.settings, console=console)
    place = f"domain/development/project/{flyte2.project}"
    base = f"https://flyte.example.com/v2/{place}/runs/{flyte2.project}a"

    assert flyte2.running.url(flyte2.id("a")) == base
    assert flyte2.running.url(flyte2.id("a"), "a0") == base
    assert flyte2.running.url(flyte2.id("a"), "b1") == f"{base}?i=b1"
