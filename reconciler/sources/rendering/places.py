"""Gives rendered documents the places of what they were made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.model.document import Document, Json
from reconciler.model.document import Path as Steps
from reconciler.model.origin import Origin
from reconciler.sources.rendering.patches import Patch, Place, at

_FIELD = re.compile(r"^[\s-]*([A-Za-z0-9_.-]+):")


def same(rendered: Document, sources: Iterable[Document]) -> Document | None:
    """Find the document that a rendered one was made of: by kind and name, else the only one."""
    documents = tuple(sources)
    wanted = _name(rendered.value)
    for document in documents:
        if _name(document.value) == wanted:
            return document
    alike = [one for one in documents if one.value.get("kind") == rendered.value.get("kind")]
    return alike[0] if len(alike) == 1 else None


def of_document(
    rendered: Document, value: dict[str, Json], source: Document, patches: Sequence[Patch] = ()
) -> Document:
    """Take the places of a source for the fields that it has, and its own place for the others.

    What a patch gave another value is in the patch, the last one that did.
    """
    mine = [patch for patch in reversed(patches) if patch.is_of(source.value)]

    def patched(steps: Steps) -> Place | None:
        given = at(value, steps)
        if not mine or isinstance(given, dict | list) or at(source.value, steps) == given:
            return None
        found = (patch.places.get(steps) for patch in mine)
        return next((one for one in found if one is not None and one.value == given), None)

    values = {
        steps: found.at if (found := patched(steps)) else source.at(steps)
        for steps in rendered.values
    }
    keys = {
        steps: found.key_at if (found := patched(steps)) else source.key_at(steps)
        for steps in rendered.keys
    }
    return Document(value, source.origin, values=values, keys=keys)


def of_template(rendered: Document, value: dict[str, Json], file: str, path: Path) -> Document:
    """Take the line of a template that names a field, where only one does; else the file's first.

    A template is not YAML, so that its text is all there is to go by.
    """
    lines = _lines(path)
    start = Origin(file, 1, 1)
    at = _finder(lines, file, start)
    values = {steps: at(steps) for steps in rendered.values}
    keys = {steps: at(steps) for steps in rendered.keys}
    return Document(value, start, values=values, keys=keys)


def _finder(
    lines: Mapping[str, list[tuple[int, int]]], file: str, start: Origin
) -> Callable[[Steps], Origin]:
    def at(steps: Steps) -> Origin:
        for step in reversed(steps):
            found = lines.get(step, []) if isinstance(step, str) else []
            if len(found) == 1:
                return Origin(file, *found[0])
        return start

    return at


def _lines(path: Path) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for number, line in enumerate(text.splitlines(), start=1):
        match = _FIELD.match(line)
        if match:
            found.setdefault(match[1], []).append((number, match.start(1) + 1))
    return found


def _name(value: Mapping[str, Json]) -> tuple[Json, Json]:
    metadata = value.get("metadata")
    return value.get("kind"), metadata.get("name") if isinstance(metadata, dict) else None
