"""Places of what kustomizations patch: a field that a patch gave its value was written there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.document import Document, Json
from reconciler.model.document import Path as Steps
from reconciler.model.origin import Origin
from reconciler.sources.regular import NotRegularError, open_regular
from reconciler.sources.yaml import parse

_MAX_BYTES = 1 << 20
_LITERAL = ("|", "|-", "|+")


@dataclass(frozen=True, slots=True)
class Place:
    """A value that a patch gives, and where its key and it are."""

    value: Json
    key_at: Origin
    at: Origin


@dataclass(frozen=True, slots=True)
class Patch:
    """What one patch gives to documents of a kind and a name; None stands for any."""

    kind: Json
    name: Json
    places: Mapping[Steps, Place]

    def is_of(self, value: Mapping[str, Json]) -> bool:
        """Say whether it is about a document."""
        metadata = value.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return self.kind in {None, value.get("kind")} and self.name in {None, name}


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a patch: its file, and how much further down and right it is there."""

    content: bytes
    file: str
    lines: int = 0
    columns: int = 0
    origin: Origin | None = None

    def place(self, found: Origin) -> Origin:
        if self.origin is not None:  # it is on one line, or folded
            return self.origin
        return Origin(self.file, found.line + self.lines, found.column + self.columns)


def patches_of(kustomization: Document, path: Path, *, root: Path, shown: str) -> Iterator[Patch]:
    """Read the patches of one kustomization, in their order; what cannot be read has no places."""
    for steps, entry, target in _entries(kustomization.value):
        if isinstance(entry, str) and (steps[-1] == "patch" or "\n" in entry):
            text: _Text | None = _inline(entry, kustomization.at(steps), path)
        else:
            text = _file(path.parent / str(entry), root, Path(shown).parent / str(entry))
        if text is not None:
            yield from _read(text, target)


def _entries(value: Mapping[str, Json]) -> Iterator[tuple[Steps, Json, Mapping[str, Json]]]:
    listed = value.get("patches")
    for index, entry in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(entry, dict):
            target = entry.get("target")
            for name in ("patch", "path"):
                if isinstance(entry.get(name), str):
                    known = target if isinstance(target, dict) else {}
                    yield ("patches", index, name), entry[name], known
    listed = value.get("patchesStrategicMerge")
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        yield ("patchesStrategicMerge", index), item, {}


def _inline(text: str, origin: Origin, path: Path) -> _Text:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    head = lines[origin.line - 1].split(" #")[0].rstrip() if origin.line <= len(lines) else ""
    if not head.endswith(_LITERAL) or origin.line >= len(lines):
        return _Text(text.encode(), origin.file, origin=origin)
    first = lines[origin.line]
    return _Text(text.encode(), origin.file, origin.line, len(first) - len(first.lstrip()))


def _file(path: Path, root: Path, shown: Path) -> _Text | None:
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        return None
    try:
        with open_regular(path) as file:
            content = file.read(_MAX_BYTES)
    except (OSError, NotRegularError):
        return None
    return _Text(content, os.path.normpath(shown))


def _read(text: _Text, target: Mapping[str, Json]) -> Iterator[Patch]:
    documents, _ = parse(text.content, file=text.file)
    merged = [one for one in documents if one.value.get("kind")]
    for one in merged:
        metadata = one.value.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        places = {
            steps: Place(at(one.value, steps), text.place(one.key_at(steps)), text.place(place))
            for steps, place in one.values.items()
        }
        yield Patch(target.get("kind", one.value.get("kind")), target.get("name", name), places)
    if not merged:
        yield from _operations(text, target)


def _operations(text: _Text, target: Mapping[str, Json]) -> Iterator[Patch]:
    """Read a list of operations (RFC 6902); a line before it makes it a document."""
    documents, _ = parse(b"operations:\n" + text.content, file=text.file)
    for document in documents:
        places: dict[Steps, Place] = {}
        listed = document.value.get("operations")
        for index, one in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(one, dict) or "value" not in one:
                continue
            start: Steps = ("operations", index, "value")
            base = _pointer(str(one.get("path", "")))
            for steps, found in document.values.items():
                if steps[: len(start)] == start:
                    place = text.place(Origin(text.file, found.line - 1, found.column))
                    rest = steps[len(start) :]
                    places[base + rest] = Place(at(one["value"], rest), place, place)
        yield Patch(target.get("kind"), target.get("name"), places)


def _pointer(text: str) -> Steps:
    parts = text.split("/")[1:]
    return tuple(
        int(part) if part.isdigit() else part.replace("~1", "/").replace("~0", "~")
        for part in parts
    )


def at(value: Json, steps: Steps) -> Json:
    """Return the value at a path; None where there is none."""
    for step in steps:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
