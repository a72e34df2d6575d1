"""Locations as Go's URL library writes them, which the manager makes all of its places with."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from reconciler.server.flyte2.go_text import quoted

_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What a path may hold as it is, and what stays as it is where something else cannot.
_VALID = re.compile(r"[-A-Za-z0-9._~$&+,/:;=@!'()*\[\]%]*")
_UNESCAPED = "$&+,/:;=@"


class PathError(ValueError):
    """A text is no URL; in the words of Go's library."""


def resolved(base: str, path: str) -> str:
    """The path below a base, which has none itself."""
    whole, hash_, fragment = path.partition("#")
    if _CONTROL.search(whole):
        raise PathError(f"parse {quoted(whole)}: net/url: invalid control character in URL")
    rest, mark, query = whole.partition("?")
    if found := _ESCAPE.search(rest):
        raise PathError(f"parse {quoted(whole)}: invalid URL escape {quoted(found[0])}")
    if not _VALID.fullmatch(rest):
        rest = quote(unquote(rest), safe=_UNESCAPED)
    return f"{base}/{_without_dots(rest)}{mark}{query}{hash_}{fragment}"


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
