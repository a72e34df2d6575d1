"""`reconcile download` and `metrics`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_runs_kit import NOON, FakeRunning, a_run, integer, integers
from run_cli_kit import Command

from reconciler.model.run import Data, Phase, Span, Step, Values

FILE = "s3://bucket/model.bin"
BLOB = {"scalar": {"blob": {"uri": FILE, "metadata": {"type": {}}}}}


@pytest.fixture(autouse=True)
def filled(fake: FakeRunning) -> None:
    fake.all = [a_run("r", Phase.SUCCEEDED), a_run("going")]
    values = Values(literals={"model": BLOB, "copy": BLOB, "n": integer(5)})
    fake.datas["r", ""] = Data(inputs=Values(literals={"seed": BLOB}), outputs=values)
    fake.datas["r", "n0"] = Data(outputs=Values(literals={"o0": BLOB}))
    fake.datas["going", ""] = Data(inputs=integers(n=1))
    fake.trees["r"] = (Step(id="n0", name="train", phase=Phase.SUCCEEDED),)
    fake.files[FILE] = [b"model"]


def test_outputs_are_brought_here(call: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = call("download", "r", "--out", str(out))
    assert said.code == 0, said.err
    assert said.out == f"{out}/model/model.bin\n{out}/copy/model.bin\n"
    assert said.err == "n: left out: it is a value that `describe run` shows\n"
    assert (out / "model" / "model.bin").read_bytes() == b"model"


def test_inputs_steps_and_names_are_chosen(call: Command, tmp_path: Path) -> None:
    out = str(tmp_path)
    assert call("download", "r", "--inputs", "--out", out).out == f"{out}/seed/model.bin\n"
    assert call("download", "r", "train", "--out", out).out == f"{out}/o0/model.bin\n"
    assert call("download", "r/n0", "--out", out).out == f"{out}/o0/model.bin\n"
    assert call("download", "r", "--name", "copy", "--out", out).out == f"{out}/copy/model.bin\n"
    wrong = call("download", "r", "--name", "modell", "--out", out)
    assert wrong.code == 1
    assert "modell: there is no value of this name; did you mean model?" in wrong.err


def test_outputs_that_are_not_there_are_an_error_and_inputs_are(
    call: Command, tmp_path: Path
) -> None:
    early = call("download", "going", "--out", str(tmp_path))
    assert early.code == 1
    assert "has no outputs yet: it is running; wait for its end" in early.err
    none = call("download", "going", "--inputs", "--out", str(tmp_path))
    assert (none.code, none.out) == (0, "")
    assert none.err.endswith("nothing to download\n")


def span(name: str, start: int, end: int, *inside: Span) -> Span:
    return Span(
        name=name,
        started_at=NOON + timedelta(seconds=start),
        ended_at=NOON + timedelta(seconds=end),
        inside=inside,
    )


def test_time_is_told_as_a_tree(call: Command, fake: FakeRunning) -> None:
    fake.span = span(
        "r", 0, 90, span("n0", 1, 31, span("TASK_RUNTIME", 2, 30)), span("end", 88, 90)
    )
    said = call("metrics", "r")
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "SECONDS  WHAT              STARTED",
        "90.0     r                 12:00:00",
        "30.0       n0              12:00:01",
        "28.0         TASK_RUNTIME  12:00:02",
        "2.0        end             12:01:28",
    ]
    assert len(call("metrics", "r", "--depth", "1").out.splitlines()) == 4
    found: Any = call("metrics", "r", "-o", "json").json()
    assert (found["seconds"], found["inside"][0]["inside"][0]["name"]) == (90.0, "TASK_RUNTIME")
    shallow = call("metrics", "r", "--depth", "0", "-o", "json").json()
    assert "inside" not in shallow
