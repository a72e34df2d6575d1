"""Broken documents through the whole program: placed errors, exit 1, nothing sent to Flyte."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell, run
from world import SYNC, World, open_world

from reconciler.cli.main import main

CORPUS = Path(__file__).parents[1] / "corpus"
PLACED = re.compile(r"^bad\.yaml:[1-9]\d*:[1-9]\d*: ", re.MULTILINE)


def cases() -> Iterator[Any]:
    for line in (CORPUS / "bad.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        data = base64.b64decode(case["data_base64"]) * case.get("repeat", 1)
        yield pytest.param(data, case["expect"], id=case["name"])
    for line in (CORPUS / "bad_specs.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        yield pytest.param(case["text"].encode(), case["expect"], id=case["name"])


CASES = list(cases())


@contextmanager
def working_directory(path: Path) -> Iterator[None]:
    former = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(former)


@pytest.mark.parametrize(("data", "expected"), CASES)
def test_broken_document_is_a_placed_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, expected: str
) -> None:
    (tmp_path / "bad.yaml").write_bytes(data)
    with working_directory(tmp_path):
        assert main(["validate", "bad.yaml"]) == 1
        told = capsys.readouterr()
        assert main(["validate", "bad.yaml", "-o", "json"]) == 1
        problems = json.loads(capsys.readouterr().out)["problems"]
        assert main(["--dry-run", "bad.yaml", "--endpoint", "127.0.0.1:1"]) == 1
        refused = capsys.readouterr()
    assert PLACED.search(told.err), told.err
    assert expected in told.err
    assert "Traceback" not in told.err + refused.err
    assert PLACED.search(refused.err), "the documents are looked at before the connection"
    assert refused.err.endswith("nothing was written\n")
    assert refused.out == ""
    assert {item["file"] for item in problems} == {"bad.yaml"}
    assert all(item["line"] > 0 and item["column"] > 0 for item in problems)
    assert all(item["message"] for item in problems)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml"], "nothing was left"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


async def test_broken_documents_in_a_set_send_nothing(world: World) -> None:
    """One bad file among good ones: the whole set stays as it is."""
    shell = Shell(world)
    chosen = CASES[:: len(CASES) // 20]
    before = world.calls()
    slots = asyncio.Semaphore(2)

    async def try_one(index: int, data: bytes, expected: str) -> None:
        root = world.root.parent / f"bad{index}"
        root.mkdir()
        (root / "reconcile.yaml").write_text(SYNC, encoding="utf-8")
        (root / "bad.yaml").write_bytes(data)
        async with slots:
            ended = await shell("--yes", cwd=root)
        assert ended.code == 1
        assert ended.out == ""
        assert PLACED.search(ended.err)
        assert expected in ended.err

    tries = (try_one(index, *case.values) for index, case in enumerate(chosen))
    await asyncio.gather(*tries)
    assert len(chosen) >= 20
    assert world.calls() == before, "not one call reached the server"


async def test_standard_input_is_named_in_errors(world: World) -> None:
    ended = await Shell(world)("-f", "-", stdin=b"kind: [\n")
    assert ended.code == 1
    assert re.match(r"(<stdin>|-|stdin):\d+:\d+: ", ended.err), ended.err


async def test_many_faults_are_told_at_once(tmp_path: Path) -> None:
    text = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: %s}
spec:
  project: p
  domain: d
  workflow: {name: etl, version: v1}
  schedul: {cron: "0 6 * * *"}
  state: Activ
---"""
    (tmp_path / "bad.yaml").write_text("".join(text % f"p{n}" for n in range(50)))
    ended = await run("validate", "bad.yaml", cwd=tmp_path)
    assert ended.code == 1
    assert len(PLACED.findall(ended.err)) == 100
    assert 'did you mean "schedule"' in ended.err
    assert "100 errors" in ended.out
