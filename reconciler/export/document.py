"""What an export gives: documents with a note where one is needed, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.specs.registry import API_VERSION


@dataclass(frozen=True, slots=True)
class Exported:
    """One live object as a document; `notes` say what a reader of the file must know."""

    key: Key
    document: dict[str, Json]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One live object that has no document, and why."""

    key: Key
    reason: str


def document(kind: str, name: str, spec: Mapping[str, Json]) -> dict[str, Json]:
    """Put a spec into the envelope of its kind."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": dict(spec),
    }
