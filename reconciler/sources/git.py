"""placeholder"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Revision:
    source: str
    commit: str
    is_dirty: bool
    path: str


def describe(path: Path) -> Revision | None:
    return None


def is_ancestor(path: Path, older: str, newer: str) -> bool | None:
    return None
