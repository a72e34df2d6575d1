"""Gives rendered documents the places of what they were made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.model.document import Document, Json
from reconciler.model.document import Path as Steps
from reconciler.model.origin import Origin
from reconciler.sources.rendering.patches import Patch, Place, at

_VALUE = re.compile(r"\.Values\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)")
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


def apart(documents: Iterable[Document]) -> Iterator[Document]:
    """Give each of the documents that were made of one source a place of its own.

    Documents are told apart by their places. The line stays, the column moves on.
    """
    taken: set[Origin] = set()
    for document in documents:
        origin = document.origin
        while origin in taken:
            origin = replace(origin, column=origin.column + 1)
        taken.add(origin)
        if origin == document.origin:
            yield document
        else:
            content = document.content
            yield Document(content.value, origin, values=content.values, keys=content.keys)


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


def of_template(
    rendered: Document,
    value: dict[str, Json],
    file: str,
    path: Path,
    given: Sequence[Document] = (),
) -> Document:
    """Take the line of a template that names a field, where only one does; else the file's first.

    A template is not YAML, so that its text is all there is to go by. Where that line names one of
    the `given` values and this is it, it is shown where it was given, the last time.
    """
    lines = _lines(path)
    start = Origin(file, 1, 1)
    find = _finder(lines, file, start)
    texts = _text(path).splitlines()

    def value_at(steps: Steps) -> Origin:
        found = find(steps)
        named = _VALUE.findall(texts[found.line - 1]) if found is not start else []
        if len(named) != 1:
            return found
        wanted = tuple(named[0].split("."))
        sources = (one for one in reversed(given) if wanted in one.values)
        source = next(sources, None)
        is_it = source is not None and at(source.value, wanted) == at(value, steps)
        return source.at(wanted) if source is not None and is_it else found

    values = {steps: value_at(steps) for steps in rendered.values}
    keys = {steps: find(steps) for steps in rendered.keys}
    return Document(value, start, values=values, keys=keys)


def _finder(
    lines: Mapping[str, list[tuple[int, int]]], file: str, start: Origin
) -> Callable[[Steps], Origin]:
    def find(steps: Steps) -> Origin:
        for step in reversed(steps):
            found = lines.get(step, []) if isinstance(step, str) else []
            if len(found) == 1:
                return Origin(file, *found[0])
        return start

    return find


def _lines(path: Path) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        match = _FIELD.match(line)
        if match:
            found.setdefault(match[1], []).append((number, match.start(1) + 1))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _name(value: Mapping[str, Json]) -> tuple[Json, Json]:
    metadata = value.get("metadata")
    return value.get("kind"), metadata.get("name") if isinstance(metadata, dict) else None
