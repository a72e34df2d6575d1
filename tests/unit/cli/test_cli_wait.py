"""`reconcile wait` and `terminate`: exit codes, and what is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fake_runs_kit import FakeRunning, a_run
from run_cli_kit import Command

from reconciler.engine import waiting
from reconciler.errors import UnavailableError
from reconciler.model.run import Phase

PATH = "flytesnacks/development"


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    fake.all = [a_run("good"), a_run("bad"), a_run("done", Phase.SUCCEEDED)]
    fake.told = {
        "good": [a_run("good", Phase.QUEUED), a_run("good"), a_run("good", Phase.SUCCEEDED)],
        "bad": [a_run("bad"), a_run("bad", Phase.FAILED, cause="it broke")],
    }


def test_success_is_0_and_phases_are_told_on_stderr(call: Command) -> None:
    said = call("wait", "good")
    assert (said.code, said.out) == (0, f"{PATH}/good: succeeded\n")
    assert said.err == f"{PATH}/good: queued\n{PATH}/good: running\n"


def test_quiet_says_nothing_before_the_end(call: Command) -> None:
    said = call("wait", "good", "--quiet")
    assert (said.code, said.out, said.err) == (0, f"{PATH}/good: succeeded\n", "")


def test_one_failure_among_many_is_1(call: Command) -> None:
    said = call("wait", "good", "bad", "done", "-q")
    assert said.code == 1
    assert sorted(said.out.splitlines()) == [
        f"{PATH}/bad: failed: it broke",
        f"{PATH}/done: succeeded",
        f"{PATH}/good: succeeded",
    ]


def test_start_is_waited_for_no_longer_than_it_takes(call: Command) -> None:
    assert call("wait", "good", "--for", "started").out == f"{PATH}/good: running\n"
    assert call("wait", "bad", "--for", "started").code == 0


def test_start_of_one_that_failed_at_once_is_1(call: Command, fake: FakeRunning) -> None:
    fake.told["bad"] = [a_run("bad", Phase.QUEUED), a_run("bad", Phase.FAILED)]
    assert call("wait", "bad", "--for", "started").code == 1


def test_time_that_is_up_is_1(call: Command, fake: FakeRunning) -> None:
    fake.told["good"] = [a_run("good")]
    fake.hangs = True
    said = call("wait", "good", "--timeout", "50ms")
    assert (said.code, said.out) == (1, f"{PATH}/good: still running after 50ms\n")


def test_end_at_the_last_moment_is_an_end(call: Command, fake: FakeRunning) -> None:
    fake.told["good"] = [a_run("good")]
    fake.hangs = True

    async def ended(run_id: Any) -> Any:
        return a_run("good", Phase.SUCCEEDED)

    fake.run = ended  # type: ignore[method-assign]
    said = call("wait", "good", "--timeout", "50ms")
    assert (said.code, said.out) == (0, f"{PATH}/good: succeeded\n")


def test_interval_asks_instead_of_following(call: Command, fake: FakeRunning) -> None:
    states = iter([a_run("good"), a_run("good"), a_run("good", Phase.ABORTED, cause="enough")])

    async def run(run_id: Any) -> Any:
        return next(states)

    fake.run = run  # type: ignore[method-assign]
    said = call("wait", "good", "--interval", "1ms")
    assert (said.code, said.out) == (1, f"{PATH}/good: aborted: enough\n")


def test_interval_outlives_a_restart_of_the_server(
    call: Command, fake: FakeRunning, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = UnavailableError("flyte:81: does not answer")
    states: list[Any] = [a_run("good"), a_run("good"), down, down, a_run("good", Phase.SUCCEEDED)]

    async def run(run_id: Any) -> Any:
        found = states.pop(0)
        if isinstance(found, UnavailableError):
            raise found
        return found

    fake.run = run  # type: ignore[method-assign]
    said = call("wait", "good", "--interval", "1ms")
    assert (said.code, said.out, states) == (0, f"{PATH}/good: succeeded\n", [])
    states += [a_run("good"), a_run("good"), down, a_run("good", Phase.SUCCEEDED)]
    monkeypatch.setattr(waiting, "PATIENCE", timedelta())
    said = call("wait", "good", "--interval", "1ms")
    assert said.code == 4
    assert "flyte:81: does not answer" in said.err


def test_documents_hold_all_runs(call: Command) -> None:
    said = call("wait", "good", "bad", "-q", "-o", "json")
    assert said.code == 1
    assert [(run["name"], run["phase"]) for run in said.json()["runs"]] == [
        ("good", "succeeded"),
        ("bad", "failed"),
    ]


def test_unreachable_is_4_and_unknown_is_1(
    call: Command, fake: FakeRunning, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("wait", "other").code == 1

    async def gone(*_: Any) -> Any:
        raise UnavailableError("flyte:81: does not answer")

    monkeypatch.setattr(fake, "run", gone)
    assert call("wait", "good").code == 4


@pytest.mark.parametrize("word", ["soon", "0s", "-1s", ""])
def test_length_of_time_is_checked(call: Command, word: str) -> None:
    said = call("wait", "good", f"--timeout={word}")
    if word:
        assert said.code == 1
        assert f"--timeout: {word}: is no length of time; write one such as 90s" in said.err
    else:
        assert said.code == 0


def test_waiting_cannot_write(call: Command, fake: FakeRunning) -> None:
    call("wait", "done")
    assert fake.done == [("open", "read only")]


def test_terminated_with_a_cause(call: Command, fake: FakeRunning) -> None:
    said = call("terminate", "good", "done", "--cause", "wrong day")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"{PATH}/good: terminated\n{PATH}/done: had ended before\n"
    assert fake.done == [
        ("open", "writing"),
        ("terminate", "good", "wrong day", ""),
        ("terminate", "done", "wrong day", ""),
    ]


def test_one_that_is_being_terminated_says_so_with_its_first_cause(
    call: Command, fake: FakeRunning
) -> None:
    fake.all.append(a_run("going", Phase.ABORTING, cause="wrong day"))
    said = call("terminate", "going", "--cause", "twice")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"{PATH}/going: is being terminated already: wrong day\n"


def test_one_action_is_terminated(call: Command, fake: FakeRunning) -> None:
    assert call("terminate", "good/a1", "--cause", "x").out == f"{PATH}/good/a1: terminated\n"
    call("terminate", "bad", "--step", "a2", "--cause", "x")
    assert fake.done[1] == ("terminate", "good", "x", "a1")
    assert fake.done[3] == ("terminate", "bad", "x", "a2")


def test_one_that_is_not_there_keeps_none_of_the_others(call: Command, fake: FakeRunning) -> None:
    said = call("terminate", "nobody", "good", "--cause", "x")
    assert said.code == 1
    assert said.out == f"{PATH}/good: terminated\n"
    assert said.err.startswith(f"error: run nobody: is not there in {PATH}; ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("good",), "missing option '--cause'"),
        (("good", "--cause", " "), "--cause: is empty; say why"),
        (("good", "bad", "--step", "a", "--cause", "x"), "--step: is one of one run"),
    ],
)
def test_cause_is_asked_for(call: Command, arguments: tuple[str, ...], message: str) -> None:
    said = call("terminate", *arguments)
    assert said.code == 1
    assert message in said.err
