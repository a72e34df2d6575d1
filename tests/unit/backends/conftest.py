"""Fixtures of the backend tests; the servers behind them are in `backends_servers`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from backends_servers import Certificates, FlyteServer, TokenEndpoint, http_serving, serving
from flyteidl.service import auth_pb2

from reconciler.backends.flyte1 import methods


@pytest.fixture
async def flyte() -> AsyncIterator[FlyteServer]:
    async with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path, trustme.CA())


@pytest.fixture
def foreign_certificates(tmp_path: Path) -> Certificates:
    folder = tmp_path / "foreign"
    folder.mkdir()
    return Certificates(folder, trustme.CA())


@pytest.fixture
async def token_endpoint() -> AsyncIterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    async with http_serving(endpoint.answer) as base:
        endpoint.url = f"{base}/oauth2/token"
        yield endpoint


@pytest.fixture
def announce(flyte: FlyteServer, token_endpoint: TokenEndpoint) -> None:
    """Make the server say where tokens come from, as flyteadmin does with auth on."""

    async def metadata(_request: Any, _context: Any) -> Any:
        return auth_pb2.OAuth2MetadataResponse(token_endpoint=token_endpoint.url)

    async def client(_request: Any, _context: Any) -> Any:
        return auth_pb2.PublicClientAuthConfigResponse(
            scopes=["all"], authorization_metadata_key="flyte-authorization", audience="flyte"
        )

    flyte.on(methods.GET_OAUTH2_METADATA, metadata)
    flyte.on(methods.GET_PUBLIC_CLIENT_CONFIG, client)
