"""flytekit's settings as they travel in `_F_SS_C`: base64 of gzip of JSON (flytekit 1.16)."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from typing import Any

VARIABLE = "_F_SS_C"
"""The environment variable in which flytekit hands its settings to tasks that make tasks."""


def unpack(text: str) -> dict[str, Any] | None:
    """Read settings; None for what is no such text."""
    try:
        value = json.loads(gzip.decompress(base64.b64decode(text, validate=True)))
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
        return None
    return value if isinstance(value, dict) else None


def pack(value: dict[str, Any]) -> str:
    """Write settings; equal ones make equal texts."""
    packed = gzip.compress(plain(value).encode(), mtime=0)
    return base64.b64encode(packed).decode("ascii")


def plain(value: dict[str, Any]) -> str:
    """Write settings as JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
