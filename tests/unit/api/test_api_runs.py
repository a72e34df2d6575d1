"""The library for runs: find, wait, read, end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fake_runs_kit import NOON, PLACE, FakeRunning, a_run, integers, library

from reconciler.api.run_handle import NO_CAUSE
from reconciler.engine.waiting import ABSENT
from reconciler.errors import BackendError, UsageError
from reconciler.model.key import Place
from reconciler.model.run import Data, Gate, Phase, Step


def filled() -> FakeRunning:
    fake = FakeRunning(all=[a_run("b", minutes=1), a_run("a", Phase.SUCCEEDED)])
    fake.told["b"] = [a_run("b"), a_run("b", Phase.SUCCEEDED)]
    fake.datas["b", ""] = Data(inputs=integers(x=5), outputs=integers(o0=6))
    fake.datas["b", "n0"] = Data(outputs=integers(o0=7))
    fake.trees["b"] = (
        Step(
            id="n0",
            name="load",
            phase=Phase.SUCCEEDED,
            inside=(Step(id="n0-0", phase=Phase.FAILED, cause="broke"),),
        ),
    )
    return fake


async def test_one_object_finds_waits_and_reads() -> None:
    flyte = library(filled())

    run = await flyte.run("b")
    assert (run.name, run.phase, run.is_done) == ("b", Phase.RUNNING, False)
    assert list((await run.inputs()).keys()) == ["x"]
    await run.wait()
    assert (run.phase, run.is_done) == (Phase.SUCCEEDED, True)
    outputs = await run.outputs()
    assert (outputs["o0"], outputs.named(0)) == (6, 6)
    assert run.url == "https://console/flytesnacks/development/b"


async def test_outputs_are_not_there_too_early_nor_of_a_failed_run() -> None:
    fake = filled()
    fake.all = [a_run("b"), a_run("bad", Phase.FAILED, cause="it broke")]
    flyte = library(fake)

    with pytest.raises(UsageError, match="b: has no outputs yet: it is running; wait for its end"):
        await (await flyte.run("b")).outputs()
    assert (await (await flyte.run("b")).inputs())["x"] == 5
    with pytest.raises(UsageError, match="bad: has no outputs: it failed: it broke; look at its"):
        await (await flyte.run("bad")).outputs()


async def test_outputs_of_one_node_by_id_or_name() -> None:
    run = await library(filled()).run("b")
    assert (await run.outputs("n0"))["o0"] == 7
    assert (await run.step("load")).id == "n0"
    with pytest.raises(UsageError, match="b/n0-0: has no outputs: it failed: broke"):
        await run.outputs("n0-0")
    with pytest.raises(BackendError, match="step n9: is not in run") as caught:
        await run.outputs("n9")
    assert caught.value.code == ABSENT


async def test_name_that_several_steps_have_is_refused() -> None:
    fake = filled()
    same = [Step(id=f"n{n}", name="load", phase=Phase.RUNNING) for n in (1, 2)]
    fake.trees["b"] = tuple(same)
    with pytest.raises(UsageError, match="2 have that name; name one: n1, n2"):
        await (await library(fake).run("b")).step("load")


async def test_wait_takes_seconds_or_lengths_and_ends_in_time() -> None:
    fake = filled()
    fake.told["b"], fake.hangs = [a_run("b")], True
    run = await library(fake).run("b")
    assert (await run.wait("started")).phase is Phase.RUNNING
    for timeout in (0.05, timedelta(seconds=0.05)):
        with pytest.raises(TimeoutError, match=r"run .*b: is still running; wait longer"):
            await run.wait(timeout=timeout)
    with pytest.raises(ValueError, match="soon"):
        await run.wait("soon")


async def test_run_is_refreshed_and_watched() -> None:
    fake = filled()
    run = await library(fake).run("b")
    assert [state.phase async for state in run.watch()] == [Phase.RUNNING, Phase.SUCCEEDED]
    assert run.is_done
    fake.all = []
    with pytest.raises(BackendError, match="is not there; see `reconcile get runs`"):
        await run.refresh()


async def test_data_that_is_kept_at_the_end_is_not_read_again() -> None:
    fake = filled()
    run = await library(fake).run("b")
    assert [state.phase async for state in run.watch(keep_data=True)][-1] is Phase.SUCCEEDED
    fake.datas.clear()
    assert ((await run.inputs())["x"], (await run.outputs())["o0"]) == (5, 6)
    other = await library(fake).run("b")
    assert [state async for state in other.watch()]
    assert list(await other.outputs()) == []


async def test_runs_are_listed_with_filters() -> None:
    flyte = library(filled())
    assert [run.id.name async for run in flyte.recent()] == ["b", "a"]
    assert [run.id.name async for run in flyte.runs(phases="succeeded")] == ["a"]
    assert [run.id.name async for run in flyte.runs(created_after=NOON, limit=1)] == ["b"]
    assert [run.id.name async for run in flyte.runs(sort="created")] == ["a", "b"]
    with pytest.raises(UsageError, match=r"created_after: .* has no time zone"):
        flyte.runs(created_after=NOON.replace(tzinfo=None))


async def test_another_place_is_named_by_the_address() -> None:
    fake = filled()
    fake.all.append(a_run("z", place=Place("team-a", "production")))
    flyte = library(fake)
    assert (await flyte.run("team-a/production/z")).name == "z"
    assert (await flyte.run("z", project="team-a", domain="production")).name == "z"
    assert [r.id.name async for r in flyte.runs(project="team-a", domain="production")] == ["z"]
    with pytest.raises(BackendError, match="run z: is not there in flytesnacks/development") as no:
        await flyte.run("z")
    assert no.value.code == ABSENT
    with pytest.raises(UsageError, match="names a step; leave it out"):
        await flyte.run("b/n0")


async def test_run_is_ended_with_a_cause_and_once() -> None:
    fake = filled()
    run = await library(fake).run("b")
    assert await run.terminate("wrong day") is True
    assert await run.terminate() is False
    assert fake.done == [
        ("terminate", "b", "wrong day", ""),
        ("terminate", "b", NO_CAUSE, ""),
    ]
    assert (await run.refresh()).cause == "wrong day"


async def test_gates_of_a_run_and_of_the_place() -> None:
    fake = filled()
    gate = Gate(run=a_run("b").id, signal="go", type="bool")
    fake.gates_of = [gate]
    flyte = library(fake)
    assert await (await flyte.run("b")).gates() == (gate,)
    assert await flyte.gates() == (gate,)
    assert await flyte.gates(Place("other", "development")) == ()
    nowhere: Any = library(fake, Place(PLACE.project))
    with pytest.raises(UsageError, match="signals: no domain is named"):
        await nowhere.gates()
