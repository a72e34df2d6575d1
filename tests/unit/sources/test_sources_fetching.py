"""Addresses of packages: nothing is sent to where a machine of a cloud gets its own credentials."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest
from https_kit import AUTHORITY, serving

from reconciler.model.interface import Unread
from reconciler.sources.archive import load

CREDENTIALS = "is an address that machines get their own credentials from"
SHA256 = "0" * 64


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was connected to; nothing is, in truth."""
    found: list[object] = []

    def connect(_: socket.socket, address: Any) -> None:
        found.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return found


def cause(location: str, tmp_path: Path, sha256: str = SHA256) -> str:
    found = load(location, base=tmp_path, sha256=sha256)
    assert isinstance(found, Unread), found
    return found.cause


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1:8080",
        "2852039166",
        "0xa9fea9fe",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "user:word@169.254.169.254",
    ],
)
@pytest.mark.parametrize("proxy", ["", "http://192.0.2.9:3128"])
def test_link_local_addresses_in_any_spelling_are_errors(
    host: str,
    proxy: str,
    tmp_path: Path,
    opened: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    assert CREDENTIALS in cause(f"https://{host}/latest/meta-data", tmp_path)
    assert opened == []


def test_a_name_that_leads_to_one_is_an_error(
    tmp_path: Path, opened: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: int | None, **flags: Any) -> list[Any]:
        if flags.get("flags"):
            raise socket.gaierror
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("192.0.2.1", "169.254.169.254")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = cause("https://metadata.example.com/a.tgz", tmp_path)
    assert "169.254.169.254, which metadata.example.com leads to, is an address" in said
    assert opened == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("https://169.254.169.254/latest", CREDENTIALS),
        ("http://127.0.0.1/a.tgz", "leads elsewhere: http://127.0.0.1/a.tgz is not https"),
        ("file:///etc/passwd", "is not allowed"),
    ],
)
def test_a_redirect_leads_to_none(
    target: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, {}, {"/a.tgz": target}) as (address, asked):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / AUTHORITY))
        assert said in cause(f"{address}/a.tgz", tmp_path)
        assert asked == ["/a.tgz"]


def test_others_are_fetched_and_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"no archive"
    sha256 = hashlib.sha256(content).hexdigest()
    with serving(tmp_path, {"/b.tgz": content}, {"/a.tgz": "/b.tgz"}) as (address, asked):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / AUTHORITY))
        assert "is neither a tgz nor a complete tar" in cause(f"{address}/a.tgz", tmp_path, sha256)
        assert asked == ["/a.tgz", "/b.tgz"]
        assert "404" in cause(f"{address}/c.tgz", tmp_path)
