"""Inputs, outputs, decks, logs and spans of executions of Flyte 1."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import task_pb2
from flyteidl.core import (
    execution_pb2,
    identifier_pb2,
    interface_pb2,
    literals_pb2,
    tasks_pb2,
    types_pb2,
)
from running_kit import NodePhase, Phase, Played, TaskPhase, when

from reconciler.errors import BackendError, UnsupportedError
from reconciler.model.run import Span, Values

LARGE = "x" * (3 << 20)
STRING = types_pb2.LiteralType(simple=types_pb2.STRING)


def integer(value: int) -> Any:
    return {"scalar": {"primitive": {"integer": str(value)}}}


def string(value: str) -> Any:
    return {"scalar": {"primitive": {"stringValue": value}}}


def texts(**values: str) -> literals_pb2.LiteralMap:
    found = literals_pb2.LiteralMap()
    for name, value in values.items():
        found.literals[name].scalar.primitive.string_value = value
    return found


async def typed_task(flyte: Played) -> None:
    """Register the task `typed`, which gives one text."""
    identifier = flyte.identifier(identifier_pb2.TASK, "typed")
    interface = interface_pb2.TypedInterface(
        inputs=interface_pb2.VariableMap(variables={"a": interface_pb2.Variable(type=STRING)}),
        outputs=interface_pb2.VariableMap(variables={"o0": interface_pb2.Variable(type=STRING)}),
    )
    template = tasks_pb2.TaskTemplate(
        id=identifier,
        type="python-task",
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(type=1, version="1", flavor="python")
        ),
        interface=interface,
        container=tasks_pb2.Container(image="example/image:v1", args=["run"]),
    )
    await flyte.admin.CreateTask(
        task_pb2.TaskCreateRequest(id=identifier, spec=task_pb2.TaskSpec(template=template))
    )


async def task_run(flyte: Played, **outputs: Any) -> None:
    """Start the task `typed` and play its success."""
    await typed_task(flyte)
    await flyte.start("run", kind=identifier_pb2.TASK, plan="typed", inputs=texts(a="given"))
    await flyte.tell("run", Phase.RUNNING, 0)
    await flyte.tell("run", Phase.SUCCEEDED, 9, **outputs)


def of(values: Values | None) -> dict[str, Any]:
    assert values is not None
    return dict(values.literals)


async def test_inputs_of_a_run_have_the_plans_defaults_and_types(flyte: Played) -> None:
    given = literals_pb2.LiteralMap()
    given.literals["count"].scalar.primitive.integer = 7
    await flyte.start("one", inputs=given)

    data = await flyte.running.data(flyte.id("one"))

    assert of(data.inputs)["count"] == integer(7)
    assert of(data.inputs)["day"] == {"scalar": {"primitive": {"datetime": "2026-05-01T06:00:00Z"}}}
    assert data.inputs is not None
    assert data.inputs.types == {"count": {"simple": "INTEGER"}, "day": {"simple": "DATETIME"}}
    assert data.outputs is None


async def test_outputs_come_inline_with_their_types(flyte: Played) -> None:
    await task_run(flyte, output_data=texts(o0="done"))

    data = await flyte.running.data(flyte.id("run"))

    assert of(data.inputs) == {"a": string("given")}
    assert of(data.outputs) == {"o0": string("done")}
    assert data.outputs is not None
    assert data.outputs.types == {"o0": {"simple": "STRING"}}


async def test_large_outputs_are_downloaded(flyte: Played) -> None:
    """The server reads no more than two megabytes, and says nothing of the rest."""
    uri = await flyte.upload(texts(o0=LARGE).SerializeToString())
    await task_run(flyte, output_uri=uri)

    data = await flyte.running.data(flyte.id("run"))

    assert of(data.outputs) == {"o0": string(LARGE)}
    assert data.outputs is not None
    assert data.outputs.uri == uri


async def test_outputs_that_are_gone_are_an_error_and_not_nothing(flyte: Played) -> None:
    uri = await flyte.upload(b"x")
    await task_run(flyte, output_uri=uri.replace("literals.pb", "gone.pb"))

    with pytest.raises(BackendError):
        await flyte.running.data(flyte.id("run"))


async def test_outputs_that_are_no_literals_are_an_error(flyte: Played) -> None:
    await task_run(flyte, output_uri=await flyte.upload(b"\xff\xff no literals"))

    with pytest.raises(BackendError, match=r"literals\.pb: holds no literals of Flyte; see what"):
        await flyte.running.data(flyte.id("run"))


async def test_literal_that_is_kept_elsewhere_is_put_in_its_place(flyte: Played) -> None:
    literal = texts(a="far away").literals["a"]
    uri = await flyte.upload(literal.SerializeToString(), "literal.pb")
    outputs = texts(o0="near")
    for place in (
        outputs.literals["whole"],
        outputs.literals["list"].collection.literals.add(),
        outputs.literals["map"].map.literals["key"],
    ):
        place.offloaded_metadata.uri = uri
        place.offloaded_metadata.inferred_type.CopyFrom(STRING)
    await task_run(flyte, output_data=outputs)

    data = await flyte.running.data(flyte.id("run"))

    assert of(data.outputs) == {
        "o0": string("near"),
        "whole": string("far away"),
        "list": {"collection": {"literals": [string("far away")]}},
        "map": {"map": {"literals": {"key": string("far away")}}},
    }


async def test_run_without_outputs_has_none_and_no_error(flyte: Played) -> None:
    await flyte.start("one")
    await flyte.tell("one", Phase.SUCCEEDED, 9)

    data = await flyte.running.data(flyte.id("one"))

    assert of(data.outputs) == {}


async def test_inputs_and_outputs_of_a_step_are_typed_by_its_task(flyte: Played) -> None:
    await typed_task(flyte)
    await flyte.start("one")
    await flyte.tell("one", Phase.RUNNING, 0)
    uri = await flyte.upload(texts(a="in").SerializeToString(), "inputs.pb")
    await flyte.node("one", "n0", NodePhase.RUNNING, 1, input_uri=uri)
    before = await flyte.running.data(flyte.id("one"), "n0")
    await flyte.task("one", "n0", TaskPhase.SUCCEEDED, 2, task="typed", input_uri=uri)
    await flyte.node("one", "n0", NodePhase.SUCCEEDED, 3, output_data=texts(o0="out"))

    after = await flyte.running.data(flyte.id("one"), "n0")

    assert (of(before.inputs), before.outputs) == ({"a": string("in")}, None)
    assert of(after.outputs) == {"o0": string("out")}
    assert after.inputs is not None
    assert (after.inputs.types, after.inputs.uri) == ({"a": {"simple": "STRING"}}, uri)


async def test_data_of_what_is_not_there_is_an_error(flyte: Played) -> None:
    await flyte.start("one")

    with pytest.raises(BackendError, match="none: is not there; list those that are"):
        await flyte.running.data(flyte.id("none"))
    with pytest.raises(BackendError, match="it does not exist"):
        await flyte.running.data(flyte.id("one"), "n9")


async def with_decks(flyte: Played, *steps: str) -> None:
    await flyte.start("one")
    await flyte.tell("one", Phase.RUNNING, 0)
    for step in ("n0", "n1"):
        await flyte.node("one", step, NodePhase.RUNNING, 1)
        deck = ""
        if step in steps:
            deck = await flyte.upload(f"<p>{step}</p>".encode(), "deck.html")
        await flyte.node("one", step, NodePhase.SUCCEEDED, 2, deck_uri=deck)


async def test_deck_of_a_step_is_fetched(flyte: Played) -> None:
    await with_decks(flyte, "n0", "n1")

    assert await flyte.running.report(flyte.id("one"), "n1") == b"<p>n1</p>"
    with pytest.raises(BackendError, match=r"deck: several steps have one; name one of n0, n1"):
        await flyte.running.report(flyte.id("one"))


async def test_only_deck_of_a_run_needs_no_name(flyte: Played) -> None:
    await with_decks(flyte, "n1")

    assert await flyte.running.report(flyte.id("one")) == b"<p>n1</p>"
    with pytest.raises(BackendError, match=r"step n0: has no deck; enable decks in its task"):
        await flyte.running.report(flyte.id("one"), "n0")


async def test_run_without_decks_says_so(flyte: Played) -> None:
    await with_decks(flyte)

    with pytest.raises(BackendError, match=r"deck: no step has one; enable decks in a task"):
        await flyte.running.report(flyte.id("one"))


async def test_logs_are_links_that_the_refusal_names(flyte: Played) -> None:
    await flyte.start("one")
    await flyte.tell("one", Phase.RUNNING, 0)
    await flyte.node("one", "n0", NodePhase.RUNNING, 1)
    for attempt in range(2):
        log = execution_pb2.TaskLog(name="log", uri=f"https://logs.example.com/{attempt}")
        await flyte.task("one", "n0", TaskPhase.RUNNING, 2, attempt=attempt, logs=[log])

    with pytest.raises(
        UnsupportedError,
        match=r"step n0: logs: Flyte 1 has only links to them; open https://logs\.example\.com/1$",
    ):
        await anext(flyte.running.logs(flyte.id("one"), "n0"))
    with pytest.raises(UnsupportedError, match=r"open https://logs\.example\.com/0$"):
        await anext(flyte.running.logs(flyte.id("one"), attempt=1))
    with pytest.raises(UnsupportedError, match=r"and this step has none \(yet\); read"):
        await anext(flyte.running.logs(flyte.id("one"), "n9"))


def names(span: Span) -> Any:
    inside = [names(one) for one in span.inside]
    return (span.name, inside) if inside else span.name


async def timed(flyte: Played, node: str) -> None:
    await flyte.start("one")
    await flyte.tell("one", Phase.RUNNING, 0)
    await flyte.node("one", "start-node", NodePhase.SUCCEEDED, 1)
    await flyte.node("one", node, NodePhase.RUNNING, 2)
    await flyte.task("one", node, TaskPhase.RUNNING, 3)
    await flyte.task("one", node, TaskPhase.SUCCEEDED, 8)
    await flyte.node("one", node, NodePhase.SUCCEEDED, 9)


async def test_spans_tell_where_the_time_went(flyte: Played) -> None:
    await timed(flyte, "n0")

    span = await flyte.running.spans(flyte.id("one"))

    attempt = ("attempt 1", ["TASK_SETUP", "TASK_RUNTIME", "TASK_TEARDOWN"])
    node = ("step n0", ["NODE_TRANSITION", "NODE_SETUP", attempt, "NODE_TEARDOWN"])
    assert names(span)[0] == "run one"
    assert names(span)[1][:2] == ["WORKFLOW_SETUP", node]
    runtime = span.inside[1].inside[2].inside[1]
    assert (runtime.started_at, runtime.ended_at) == (when(3), when(8))


async def test_spans_are_those_of_the_steps_where_the_server_fails(flyte: Played) -> None:
    """It knows no node `n9` of the workflow, and gives up on the whole."""
    await timed(flyte, "n9")

    span = await flyte.running.spans(flyte.id("one"))

    assert names(span) == ("run one", ["step start-node", ("step n9", ["attempt 1"])])
    step = span.inside[1]
    assert (step.started_at, step.ended_at) == (when(2), when(9))
    assert (step.inside[0].started_at, step.inside[0].ended_at) == (when(3), when(8))


async def test_spans_of_what_is_not_there_are_an_error(flyte: Played) -> None:
    with pytest.raises(BackendError, match="it does not exist"):
        await flyte.running.spans(flyte.id("none"))
