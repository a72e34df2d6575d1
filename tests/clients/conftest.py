"""Real Flyte clients: flytekit and flyte, each in its own environment, as a user runs them.

They drive the embedded Flyte; with `RECONCILER_FLYTE1_ENDPOINT` or `RECONCILER_FLYTE2_ENDPOINT`
(HOST:PORT of a real flyteadmin or manager without TLS) the same tests drive that one instead, which
shows that both answer alike.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from client_kit import Kit, open_kit
from flyte_kit import Sdk, open_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT = os.environ.get("RECONCILER_FLYTE1_ENDPOINT", "")
ENDPOINT2 = os.environ.get("RECONCILER_FLYTE2_ENDPOINT", "")


@pytest.fixture(scope="session")
def flyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """One Flyte for all tests of a worker."""
    with open_kit(ENDPOINT, tmp_path_factory.mktemp("flyte")) as kit:
        yield kit


@pytest.fixture
def kit(flyte: Kit, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Flytekit on a fresh copy of the project, with a project of Flyte that nobody uses."""
    return flyte.within(f"k{secrets.token_hex(5)}", tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="session")
def flyte2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """One Flyte 2 for all tests of a worker."""
    with open_sdk(ENDPOINT2, tmp_path_factory.mktemp("flyte2")) as sdk:
        yield sdk


@pytest.fixture
def sdk(flyte2: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    """Flyte 2's client on a fresh copy of the project, with a project that nobody uses."""
    return flyte2.within(f"k{secrets.token_hex(5)}", tmp_path_factory.mktemp("sdk"))
