"""Real Flyte clients: flytekit's programs, in their own environment, as a user runs them.

They drive the embedded Flyte; with `RECONCILER_FLYTE1_ENDPOINT` (HOST:PORT of a real flyteadmin
without TLS) the same tests drive that one instead, which shows that both answer alike.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from client_kit import Kit, open_kit

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT = os.environ.get("RECONCILER_FLYTE1_ENDPOINT", "")


@pytest.fixture(scope="session")
def flyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """One Flyte for all tests of a worker."""
    with open_kit(ENDPOINT, tmp_path_factory.mktemp("flyte")) as kit:
        yield kit


@pytest.fixture
def kit(flyte: Kit, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Flytekit on a fresh copy of the project, with a project of Flyte that nobody uses."""
    return flyte.within(f"k{secrets.token_hex(5)}", tmp_path_factory.mktemp("kit"))
