"""FlyteRemote on executions: starts, waits, reads, answers, ends them; a test is the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from client_kit import Kit

pytestmark = pytest.mark.clients


def test_flyte_remote_executes_waits_syncs_signals_and_terminates(kit: Kit) -> None:
    said = kit.script("remote_runs.py")

    assert said["again is the same"] is True
    assert said["waits"] is False
    assert said["phase"] == "SUCCEEDED"
    assert (said["inputs"], said["outputs"]) == (5, 5)
    assert said["node"] == ["SUCCEEDED", 5]
    assert said["attempt"] == ["SUCCEEDED", 5]
    assert said["signals"] == ["go"]
    assert said["approved"] == [True]
    assert said["terminated"] == ["ABORTED", "enough"]
    assert said["listed"] == ["first", "gated"]
