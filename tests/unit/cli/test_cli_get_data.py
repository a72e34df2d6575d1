"""`reconcile get data`: what short addresses name."""

from __future__ import annotations

import pytest
from fake_runs_kit import FakeRunning, integers
from run_cli_kit import Command

NODE = "flyte://v1/flytesnacks/development/a/n0"


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    fake.addresses = {f"{NODE}/o": integers(a=1, b=2), f"{NODE}/d": b"<p>deck</p>"}


def test_values_are_shown_and_a_deck_as_it_is(call: Command) -> None:
    said = call("get", "data", f"{NODE}/o")
    assert (said.code, said.out) == (0, "a = 1\nb = 2\n")
    assert call("get", "data", f"{NODE}/o", "-o", "json").json() == {"a": 1, "b": 2}
    assert call("get", "data", f"{NODE}/o", "-o", "name").out == "a\nb\n"
    assert call("get", "data", f"{NODE}/d").out == "<p>deck</p>\n"


def test_nothing_there_is_1(call: Command) -> None:
    said = call("get", "data", f"{NODE}/i")

    assert (said.code, said.out) == (1, "")
    assert f"{NODE}/i: there is nothing there (yet)" in said.err


def test_address_is_needed_and_filters_are_not(call: Command) -> None:
    assert (
        "no address is named; write flyte://v1/PROJECT/DOMAIN/RUN/NODE/o" in call("get", "data").err
    )
    said = call("get", "data", f"{NODE}/o", "--phase", "failed")
    assert said.code == 1
    assert "--phase: data have no such thing; leave it out" in said.err
