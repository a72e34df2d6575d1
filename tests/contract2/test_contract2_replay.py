"""Recordings of a real Flyte 2 manager, played to the embedded Flyte."""

from __future__ import annotations

import json
import pathlib

import grpc.aio
import pytest
from contract_kit import OPTIONS, Wire, replay
from flyte2_client import FLYTE2, TOLD

from reconciler.server.embedded import open_server

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "flyte2"
FILES = sorted(RECORDINGS.glob("*.json"))


def test_there_are_recordings_of_flyte2() -> None:
    assert len(FILES) > 100


def _wire(path: pathlib.Path) -> Wire:
    return TOLD if json.loads(path.read_text()).get("wire") == TOLD.name else FLYTE2


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
async def test_embedded_flyte2_answers_as_recorded(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    async with (
        open_server(tmp_path / "embedded") as server,
        grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
    ):
        await replay(_wire(path), channel, path, project="creplay00000")
