"""The fixtures of the tests of executions: a Flyte 1 and a Flyte 2 whose engines are played."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from running2_kit import Played2, open_played2
from running_kit import Played, open_played


@pytest.fixture
async def flyte(tmp_path: Path) -> AsyncIterator[Played]:
    async with open_played(tmp_path) as played:
        yield played


@pytest.fixture
async def flyte2(tmp_path: Path) -> AsyncIterator[Played2]:
    async with open_played2(tmp_path) as played:
        yield played
