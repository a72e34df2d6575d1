"""Runs and steps as people name them, and the words of both Flytes for phases and modes."""

from __future__ import annotations

import pytest

from reconciler.api.addresses import address, modes, phases
from reconciler.errors import UsageError
from reconciler.model.key import Place
from reconciler.model.run import Mode, Phase, RunId

RUN = RunId(Place("p", "d"), "r")


@pytest.mark.parametrize(
    ("text", "step"), [("r", ""), ("r/n0", "n0"), ("p/d/r", ""), ("p/d/r/a0", "a0")]
)
def test_address_is_filled_in(text: str, step: str) -> None:
    found = address(text, project="p", domain="d")
    assert (found.run, found.step) == (RUN, step)
    assert str(found) == ("p/d/r" + (f"/{step}" if step else ""))


def test_place_that_is_named_goes_before_the_default() -> None:
    assert address("x/y/r", project="p", domain="d").run == RunId(Place("x", "y"), "r")


@pytest.mark.parametrize("text", ["", "/r", "r/", "a/b/c/d/e", "p//r"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no address; write RUN, RUN/STEP, or PROJECT/DOMAIN"):
        address(text, project="p", domain="d")


def test_missing_place_and_long_names_are_refused() -> None:
    with pytest.raises(UsageError, match="run r: no project is named; give --project"):
        address("r")
    with pytest.raises(UsageError, match="run r: no domain is named; give --domain"):
        address("r", project="p")
    with pytest.raises(UsageError, match="longer than 63 characters"):
        address("r" * 64, project="p", domain="d")


def test_phases_are_read_in_the_words_of_either_flyte() -> None:
    assert phases("SUCCEEDED,failed") == {Phase.SUCCEEDED, Phase.FAILED}
    assert phases("waiting_for_resources, TIMED_OUT") == {Phase.WAITING, Phase.TIMED_OUT}
    assert phases("ACTION_PHASE_PAUSED") == {Phase.PAUSED}
    assert phases("ended") == {phase for phase in Phase if phase.is_terminal}
    assert phases("ended,open") == set(Phase)
    with pytest.raises(UsageError, match="--phase: done: is no phase; write one of undefined, "):
        phases("done")


def test_phases_that_end() -> None:
    assert phases("ended") == {
        *(Phase.SUCCEEDED, Phase.FAILED, Phase.ABORTED),
        *(Phase.TIMED_OUT, Phase.SKIPPED, Phase.RECOVERED),
    }


def test_modes_are_read() -> None:
    assert modes("scheduled,RELAUNCH") == {Mode.SCHEDULED, Mode.RELAUNCHED}
    assert modes("child_workflow") == {Mode.CHILD}
    with pytest.raises(UsageError, match="--mode: x: is no mode; write one of manual, "):
        modes("x")
