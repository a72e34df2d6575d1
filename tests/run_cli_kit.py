"""Runs the commands about runs on a fake Flyte, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fake_runs_kit import FakeRunning, connected

from reconciler.api import runs
from reconciler.cli.main import main


@dataclass
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


def command(
    fake: FakeRunning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Hand out the program, connected to the fake."""
    monkeypatch.setattr(runs, "client", connected(fake))

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(list(arguments))
        ended = capsys.readouterr()
        return Said(code, ended.out, ended.err)

    return call
