"""Fetches by https from where a document says, but never from where a cloud hands out credentials.

Whoever opens a pull request writes addresses too. A machine of a cloud answers to its own programs
at link-local addresses, so that nothing is sent to one: neither where it is written, in whatever
spelling, nor where a name or a redirect leads there.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPSConnection
from typing import IO, Any
from urllib.parse import urlsplit

_SILENCE_SECONDS = 60
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200")))
"""Where clouds tell a machine its own credentials, besides link-local addresses."""

WhyNot = Callable[[str], str]
"""Says why an address may not be fetched from; empty when it may."""


class RefusedAddressError(OSError):
    """An address that nothing is sent to."""


@contextmanager
def fetching(location: str, why_not: WhyNot | None) -> Iterator[IO[bytes]]:
    """Open an address; `why_not` is asked of each that a redirect leads to.

    Raises RefusedAddressError before anything is sent to what is not allowed, OSError for the rest.
    """

    class Redirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
            target = arguments[-1]
            refused = why_not(target) if why_not is not None else ""
            if not refused and not target.startswith("https://"):
                refused = f"{target} is not https"
            if refused:
                raise RefusedAddressError(f"leads elsewhere: {refused}")
            _check_written(target)
            return super().redirect_request(*arguments)

    _check_written(location)
    opener = urllib.request.build_opener(Redirects, _Handler)
    with opener.open(location, timeout=_SILENCE_SECONDS) as answer:
        yield answer


class _Connection(HTTPSConnection):
    """Connects to what a name leads to once that was looked at."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._create_connection = _connect  # resolved once, so that no second answer differs


class _Handler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_Connection, req)


def _check_written(location: str) -> None:
    """Refuse an address that is written as such, which a proxy would resolve for us."""
    host = urlsplit(location).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    _check(host, found)


def _connect(address: tuple[str, int], *settings: Any) -> socket.socket:
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    _check(host, found)
    *first, last = [str(entry[4][0]) for entry in found]
    for one in first:
        with suppress(OSError):
            return socket.create_connection((one, port), *settings)
    return socket.create_connection((last, port), *settings)


def _check(host: str, found: list[Any]) -> None:
    for entry in found:
        address = ipaddress.ip_address(str(entry[4][0]).partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None) or address
        if inner.is_link_local or inner.is_multicast or inner in _METADATA:
            leads = "" if host == str(address) else f", which {host} leads to,"
            raise RefusedAddressError(
                f"{address}{leads} is an address that machines get their own credentials from"
            )
