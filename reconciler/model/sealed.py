"""Files of ours that somebody may edit or cut off before they are read again: a seal tells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reconciler.model.digest import encode_hash
from reconciler.model.document import Json


def seal(parts: Mapping[str, Json]) -> dict[str, Json]:
    """Add the checksum of all parts."""
    return {**parts, "checksum": _checksum(parts)}


def check(value: Mapping[str, Any], *, what: str, version: str, again: str) -> None:
    """Raise ValueError for another major format than `version`, and for what was edited since.

    `what` names the file and `again` says what to do, in messages.
    """
    found = str(value.get("formatVersion", ""))
    if found.partition(".")[0] != version.partition(".")[0]:
        raise ValueError(f"{what} format {found or 'unknown'} is not {version}; {again}")
    parts = {name: part for name, part in value.items() if name != "checksum"}
    if _checksum(parts) != value.get("checksum"):
        raise ValueError(f"this is not a whole {what}, or it was edited; {again}")


def _checksum(parts: Mapping[str, Json]) -> str:
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return encode_hash(hashlib.sha256(text.encode()).digest())
