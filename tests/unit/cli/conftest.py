"""The commands about runs on a fake Flyte."""

from __future__ import annotations

import pytest
from fake_runs_kit import FakeRunning
from run_cli_kit import Command, command


@pytest.fixture
def fake() -> FakeRunning:
    return FakeRunning()


@pytest.fixture
def call(
    fake: FakeRunning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return command(fake, monkeypatch, capsys)
