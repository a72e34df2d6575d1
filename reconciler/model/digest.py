"""Content digests, and the versions made of them.

A digest is one letter for its format and fifteen characters of lower-case base32 (RFC 4648) of the
SHA-256 over the canonical JSON (RFC 8785) of a normal form. A version is `<set>.<digest>`.
Golden digests in tests/golden/digests.json only grow: a format, once released, never changes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, cast

import rfc8785

if TYPE_CHECKING:
    from reconciler.model.document import Json

FORMAT = "a"
"""The letter of the digest format in use."""

_LENGTH = 15
_DIGEST = re.compile(r"[a-z][a-z2-7]{15}")
SET_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{1,18})[a-z0-9]")
"""Names a set may have: 3 to 20 characters, so that a version stays within 40."""

UNCLAIMED = "unclaimed"
"""The set of documents that have no FlyteSync: planned and applied, never pruned."""


_PLAIN = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_PARTICULAR = re.compile(r"[:,\[]-?\d+(?:\.0(?!\d)|(?:\.\d+)?e)|[:,\[]-?\d{16}|[\ud800-\U0010ffff]")
"""What RFC 8785 may write otherwise than `_PLAIN`: floats that are whole, very large or very small,
large integers, and the order of keys with characters from U+D800 on. It also matches some text
inside strings, which costs time only."""


def canonical(value: Json) -> bytes:
    """Encode as RFC 8785 JSON; raises ValueError for NaN, infinities and integers past 2^53."""
    if isinstance(value, dict):
        text = _PLAIN.encode(value)
        if _PARTICULAR.search(text) is None:
            return text.encode("utf-8")
    return rfc8785.dumps(cast("dict[str, Json]", value))


def digest(value: Json) -> str:
    """Digest of a normal form, for example `amx3w5b2m7qd4ztr`."""
    return FORMAT + encode_hash(hashlib.sha256(canonical(value)).digest())


def encode_hash(raw: bytes) -> str:
    """Shorten a SHA-256 to the fifteen base32 characters that digests use."""
    return base64.b32encode(raw).decode("ascii").lower()[:_LENGTH]


def version_of(set_name: str, content: str) -> str:
    """Version under which a set registers content with this digest."""
    return f"{set_name}.{content}"


def split_version(version: str) -> tuple[str, str] | None:
    """Split a version of ours into set name and digest; None when it is not one of ours."""
    set_name, dot, content = version.rpartition(".")
    if not dot or not _DIGEST.fullmatch(content) or not SET_NAME.fullmatch(set_name):
        return None
    return set_name, content
