"""Recordings of a real flyteadmin, played to the embedded Flyte."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import grpc.aio
import pytest
from contract_client import OPTIONS, PLACEHOLDER, call, parse_request, step

from reconciler.server.embedded import open_server

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "flyte1"
FILES = sorted(RECORDINGS.glob("*.json"))
PROJECT = "creplay00000"


def test_there_are_recordings() -> None:
    assert len(FILES) > 200


def _steps(path: pathlib.Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text().replace(PLACEHOLDER, PROJECT))["steps"]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
async def test_embedded_flyte_answers_as_recorded(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    async with (
        open_server(tmp_path / "embedded") as server,
        grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
    ):
        for number, recorded in enumerate(_steps(path)):
            method, sent = recorded["method"], recorded["request"]
            answer = await call(channel, method, parse_request(method, sent))
            seen = json.dumps(step(method, sent, answer, project=PROJECT)).replace(
                PLACEHOLDER, PROJECT
            )
            assert json.loads(seen) == recorded, f"step {number} ({method}) of {path.name}"
