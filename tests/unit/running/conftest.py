"""The fixture of the tests of executions on Flyte 1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from running_kit import Played, open_played


@pytest.fixture
async def flyte(tmp_path: Path) -> AsyncIterator[Played]:
    async with open_played(tmp_path) as played:
        yield played
