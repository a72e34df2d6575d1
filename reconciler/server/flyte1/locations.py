"""Locations of files as flyteadmin reads and makes them: with Go's rules for URLs, and its words.

A location's host is the container, its path the key. What is put together from parts is cleaned as
a link on a page is: `..` goes up, and what a URL cannot hold is escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from reconciler.server.objects import BUCKET, SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})(.{0,2})", re.DOTALL)
_PORT = re.compile(r"(?::[0-9]*)?")
# What a path may hold as it is sent, and what is left alone when all of it is escaped.
_PATH = re.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:@\[\]/%]*")
_UNESCAPED = "$&+,/:;=@-_.~"
_FRAGMENT = "!$&'()*+,/:;=?@-_.~"


def parse(url: str) -> tuple[str, str]:
    """Container and key of a location; ValueError with Go's reason when it is no URL."""
    problem = _problem(url)
    if problem:
        raise ValueError(f'parse "{_quoted(url)}": {problem}')
    rest = url.split("#", 1)[0].split("?", 1)[0]
    if scheme := _SCHEME.match(rest):
        rest = rest[scheme.end() :]
        if not rest.startswith("/"):
            return "", ""
    if not rest.startswith("//"):
        return "", unquote(rest).strip("/")
    authority, _, path = rest[2:].partition("/")
    return unquote(authority.rpartition("@")[2]), unquote(path).strip("/")


def _problem(url: str) -> str:
    if _CONTROL.search(url):
        return "net/url: invalid control character in URL"
    rest = url.split("#", 1)[0].split("?", 1)[0]
    if rest.startswith(":"):
        return "missing protocol scheme"
    if scheme := _SCHEME.match(rest):
        rest = rest[scheme.end() :]
        if not rest.startswith("/"):
            return ""
    elif ":" in rest.split("/", 1)[0]:
        return "first path segment in URL cannot contain colon"
    authority = ""
    if rest.startswith("//"):
        authority, _, rest = rest[2:].partition("/")
    return _authority_problem(authority) or _escape_problem(rest)


def _authority_problem(authority: str) -> str:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        _, bracket, port = host.rpartition("]")
        if not bracket:
            return "missing ']' in host"
    else:
        _, colon, port = host.rpartition(":")
        port = colon + port if colon else ""
    if not _PORT.fullmatch(port):
        return f'invalid port "{port}" after host'
    if found := re.search(r'[ "<>\\^`{|}]', host):
        return f'invalid character "{_quoted(found[0])}" in host name'
    return _escape_problem(host)


def _escape_problem(text: str) -> str:
    found = _ESCAPE.search(text)
    return "" if found is None else f'invalid URL escape "{_quoted(found[0])}"'


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def reference(parts: Iterable[str]) -> str:
    """The location of a key with these parts; ValueError when they make no URL."""
    joined = "/".join(part.strip("/") for part in parts)
    problem = _problem(joined)
    if problem:
        raise ValueError(
            f"Reference is of an invalid format [{SCHEME}://{BUCKET}]: "
            f'parse "{_quoted(joined)}": {problem}'
        )
    rest, hash_, fragment = joined.partition("#")
    path, mark, query = rest.partition("?")
    if not _PATH.fullmatch(path):
        path = quote(unquote(path), safe=_UNESCAPED)
    shown = quote(unquote(fragment), safe=_FRAGMENT)
    return f"{SCHEME}://{BUCKET}{_cleaned('/' + path.removeprefix('/'))}{mark}{query}{hash_}{shown}"


def _cleaned(path: str) -> str:
    """A path from which `.` and `..` are gone."""
    kept: list[str] = []
    pieces = path[1:].split("/")
    for piece in pieces:
        if piece == "..":
            del kept[-1:]
        elif piece != ".":
            kept.append(piece)
    if pieces[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
