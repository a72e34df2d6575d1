"""Recordings of a real Flyte 2 manager, played to the embedded Flyte."""

from __future__ import annotations

import pathlib

import grpc.aio
import pytest
from contract_kit import OPTIONS, replay
from flyte2_client import FLYTE2

from reconciler.server.embedded import open_server

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "flyte2"
FILES = sorted(RECORDINGS.glob("*.json"))


def test_there_are_recordings_of_flyte2() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
async def test_embedded_flyte2_answers_as_recorded(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    async with (
        open_server(tmp_path / "embedded") as server,
        grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
    ):
        await replay(FLYTE2, channel, path, project="creplay00000")
