"""`reconcile watch` and `logs`: what is shown while a run goes."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from fake_runs_kit import NOON, FakeRunning, a_run, connected, library
from run_cli_kit import Command

from reconciler.api import runs
from reconciler.cli import logs, watch
from reconciler.errors import UnavailableError
from reconciler.model.run import Attempt, Line, Link, Phase, Step

PATH = "flytesnacks/development"


def step(phase: Phase, **rest: Any) -> Step:
    return Step(id="n0", name="load", phase=phase, does="task", **rest)


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    fake.all, fake.pause = [a_run("r")], 0.05
    fake.told["r"] = [a_run("r"), a_run("r", Phase.FAILED, cause="n0 failed")]
    trees = iter([(step(Phase.RUNNING),), (step(Phase.FAILED, cause="broke"),)])

    async def steps(run_id: Any) -> Any:
        return next(trees, (step(Phase.FAILED, cause="broke"),))

    fake.steps = steps  # type: ignore[method-assign]


def lines(text: str) -> list[str]:
    """The lines without their times."""
    found = [re.fullmatch(r"\d\d:\d\d:\d\dZ (.*)", line) for line in text.splitlines()]
    assert all(found), text
    return [one[1] for one in found if one]


def test_lines_without_a_terminal(call: Command) -> None:
    said = call("watch", "r", "--interval", "10ms")
    assert (said.code, said.err) == (1, "")
    shown = lines(said.out)
    assert shown[-2:] == ["n0 load: failed: broke", f"{PATH}/r: failed: n0 failed"]
    assert "n0 load: running" in shown


def test_success_is_0(call: Command, fake: FakeRunning) -> None:
    fake.told["r"] = [a_run("r", Phase.SUCCEEDED)]
    assert call("watch", "r").code == 0


def test_json_is_a_line_for_each_change(call: Command) -> None:
    said = call("watch", "r", "-o", "json", "--interval", "10ms")
    states = [json.loads(line) for line in said.out.splitlines()]
    assert states[-1]["phase"] == "failed"
    assert states[-1]["steps"][0]["cause"] == "broke"


def test_terminal_is_drawn_in_place(fake: FakeRunning, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(watch.sys.stdout, "isatty", lambda: True)
    code = asyncio.run(
        watch.watched(library(fake), fake.all[0].id, timedelta(milliseconds=10), "text")
    )
    shown = capsys.readouterr().out
    assert code == 1
    assert f"{PATH}/r: running, " in shown
    last = re.split(r"\x1b\[\dA\r\x1b\[J", shown)[-1]
    assert last.splitlines() == [
        f"{PATH}/r: failed",
        "  n0 load (task): failed",
        "    cause:        broke",
        "  n0 failed",
    ]


def test_nodes_that_cannot_be_read_for_a_while_stay(call: Command, fake: FakeRunning) -> None:
    answers: list[Any] = [(step(Phase.RUNNING),), UnavailableError("gone")]

    async def steps(run_id: Any) -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    fake.steps = steps  # type: ignore[method-assign]
    assert lines(call("watch", "r", "--interval", "10ms").out)[-1] == f"{PATH}/r: failed: n0 failed"


def test_watching_cannot_write(call: Command, fake: FakeRunning) -> None:
    call("watch", "r")
    assert fake.done == [("open", "read only")]


LOG = [
    Line(text="hello\n", at=NOON, origin="user"),
    Line(text="[flyte] starting", origin="user"),
    Line(text="pulled", origin="SYSTEM"),
    Line(text="bye"),
]


def test_log_is_printed_whole_or_its_end(call: Command, fake: FakeRunning) -> None:
    fake.lines = LOG
    assert call("logs", "r").out == "hello\n[flyte] starting\npulled\nbye\n"
    assert call("logs", "r", "--tail", "2").out == "pulled\nbye\n"
    assert call("logs", "r", "--tail", "0").out == ""
    assert call("logs", "r", "--filter-system").out == "hello\nbye\n"
    assert call("logs", "r", "--timestamps", "--tail", "4").out.splitlines()[0] == (
        "2026-05-01T12:00:00Z hello"
    )
    first = call("logs", "r", "-o", "json").out.splitlines()[0]
    assert json.loads(first) == {"at": "2026-05-01T12:00:00Z", "origin": "user", "text": "hello\n"}


def test_last_lines_of_a_long_log(call: Command, fake: FakeRunning) -> None:
    fake.lines = [Line(text=str(number)) for number in range(1000)]
    assert call("logs", "r", "--tail", "50").out.splitlines() == [
        str(number) for number in range(950, 1000)
    ]


def test_step_and_attempt_are_chosen(call: Command, fake: FakeRunning) -> None:
    call("logs", "r", "load", "--attempt", "2")
    call("logs", "r/n0")
    assert [one for one in fake.done if one[0] == "logs"] == [
        ("logs", "r", "n0", 2),
        ("logs", "r", "n0", 0),
    ]
    assert call("logs", "r", "--attempt", "0").code == 1
    assert "name one step" in call("logs", "r/n0", "n1").err
    assert call("logs", "r", "zz").err.startswith(f"error: step zz: is not in run {PATH}/r; ")


def test_log_that_goes_on_is_left_unless_it_is_followed(
    call: Command, fake: FakeRunning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_NEXT", 0.05)
    fake.lines, fake.hangs = LOG[:1], True
    assert call("logs", "r").out == "hello\n"

    async def late(*_: Any) -> Any:
        yield LOG[0]
        await asyncio.sleep(0.2)
        yield LOG[3]

    monkeypatch.setattr(fake, "logs", late)
    assert call("logs", "r").out == "hello\n"
    assert call("logs", "r", "--follow").out == "hello\nbye\n"


def test_links_stand_for_logs_that_a_flyte_does_not_keep(call: Command, fake: FakeRunning) -> None:
    tries = tuple(
        Attempt(number=n, phase=Phase.FAILED, links=(Link(name="Pod", url=f"https://logs/{n}"),))
        for n in (1, 2)
    )

    async def steps(run_id: Any) -> Any:
        return (step(Phase.FAILED, attempts=tries),)

    fake.steps, fake.has_logs = steps, False  # type: ignore[method-assign]
    said = call("logs", "r")
    assert said.code == 0
    assert said.out == ("n0 attempt 1: Pod: https://logs/1\nn0 attempt 2: Pod: https://logs/2\n")
    assert said.err == "logs: Flyte 1 keeps none; these pages have them\n"
    assert call("logs", "r", "n0", "--attempt", "2").out == "n0 attempt 2: Pod: https://logs/2\n"
    none = call("logs", "r", "--attempt", "3")
    assert (none.code, none.out) == (1, "")
    assert none.err == (
        f"error: {PATH}/r: this Flyte has only links to logs, and there are none, or none yet; "
        "see `reconcile describe run`, or read them in the cluster of its tasks\n"
    )
    linked = json.loads(call("logs", "r", "--attempt", "1", "-o", "json").out)
    assert linked == {"link": {"step": "n0", "attempt": 1, "name": "Pod", "url": "https://logs/1"}}


async def test_interrupted_log_is_closed_in_order(fake: FakeRunning, monkeypatch: Any) -> None:
    closed: list[str] = []

    async def endless(*_: Any) -> Any:
        try:
            yield LOG[0]
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    monkeypatch.setattr(fake, "logs", endless)
    monkeypatch.setattr(runs, "client", connected(fake))
    given: dict[str, Any] = {"run": "r", "step": None, "tail": None, "follow": True}
    given |= dict.fromkeys(("attempt", "project", "domain", "connection", "endpoint", "flyte"))
    given |= {"timestamps": False, "filter_system": False, "format_": "text"}
    task = asyncio.create_task(logs._logs({**given, "insecure": False, "deadline": None}))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == ["closed"]


def test_failure_while_watching_is_told_as_it_is(call: Command, fake: FakeRunning) -> None:
    async def broken(_run_id: Any) -> Any:
        yield a_run("r")
        raise UnavailableError("flyte:81: went away for good")

    fake.follow = broken  # type: ignore[method-assign]
    said = call("watch", "r", "--interval", "10ms")
    assert (said.code, said.err) == (4, "error: flyte:81: went away for good\n")
