"""Finds the line of a document that a change comes from.

A plan names fields in the words of the language, so that most are found where they are written.
What is not written there has its cause elsewhere: a version that the set chooses, the archive of a
package, a field that was removed from the block that still stands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from reconciler.model.document import Document, Path
from reconciler.plan.plan import Change, Effect, FieldChange

if TYPE_CHECKING:
    from reconciler.model.origin import Origin
    from reconciler.specs.validate import Declared

_SPEC: Path = ("spec",)
_NAME: Path = ("metadata", "name")
_PACKAGE = "FlytePackage"
_OF_OPTIONS = frozenset({"labels", "annotations", "serviceAccount", "rawOutputPrefix"})
_RENAMED: Mapping[tuple[str, str], Path] = {
    ("FlyteSecret", "value"): ("valueFrom",),
    ("FlyteTrigger", "other"): (),
    ("FlyteLaunchPlan", "other"): (),
}


class Causes:
    """The documents of one set, by place and by package."""

    def __init__(self, declared: Iterable[Declared] = (), sync: Declared | None = None) -> None:
        self._sync = sync
        self._in_file: dict[str, list[Declared]] = defaultdict(list)
        self._packages: dict[str, Declared] = {}
        self._read: tuple[Document, Document] | None = None
        for item in declared:
            self._in_file[item.document.origin.file].append(item)
            if item.kind == _PACKAGE:
                self._packages[item.name] = item
        for items in self._in_file.values():
            items.sort(key=lambda item: item.document.origin)

    def of(self, change: Change) -> dict[Origin, tuple[FieldChange, ...]]:
        """Tell the places that a change comes from, each with the fields that come from there.

        At least one place is told for everything that is declared, and for what is not where the
        set is.
        """
        item = self._at(change.origin)
        if item is None:
            place = change.origin or self._of_set()
            return {place: change.fields} if place else {}
        document = self._document(item)
        if not change.fields or change.effect in _WHOLE or change.effect in _BY_KEY:
            return {_of_object(document, change): change.fields}
        found: dict[Origin, list[FieldChange]] = defaultdict(list)
        for one in change.fields:
            found[self._of_field(document, item, change, one)].append(one)
        return {place: tuple(fields) for place, fields in found.items()}

    def field_of(self, change_origin: Origin | None, steps: Path) -> Origin | None:
        """Find a field of the document at a place, or what of it is written there."""
        item = self._at(change_origin)
        if item is None:
            return change_origin or self._of_set()
        document = self._document(item)
        return _written(document, (*_prefix(document, change_origin), *steps))

    def _of_field(
        self, document: Document, item: Declared, change: Change, one: FieldChange
    ) -> Origin:
        steps = parse_path(one.path)
        spec = cast("dict[str, Any]", document.value.get("spec") or {})
        if item.kind == _PACKAGE:
            return _of_package(document, spec, steps)
        elsewhere = self._chosen_elsewhere(spec, steps)
        if elsewhere is not None:
            return elsewhere
        prefix = _prefix(document, change.origin)
        renamed = _RENAMED.get((change.key.kind, str(steps[0]) if steps else ""))
        if renamed is not None:
            steps = renamed
        if steps[:2] == ("inputs", "inline"):
            steps = ("inputs", *steps[2:])
        if steps == ("archived",):
            return _of_object(document, change)
        return _written(document, (*prefix, *steps))

    def _chosen_elsewhere(self, spec: Mapping[str, Any], steps: Path) -> Origin | None:
        """Find what decides on a field that the document leaves to the set or to a package."""
        for word in ("workflow", "task"):
            target = spec.get(word)
            if not isinstance(target, dict):
                continue
            is_version = steps[:2] == (word, "version") or steps == (word,)
            chosen = self._version_of_set(str(target.get("name", ""))) if is_version else None
            if chosen is not None and word == "workflow" and "package" not in target:
                return chosen
            package = self._packages.get(str(target.get("package", "")))
            is_written = bool(steps) and steps[0] in spec and steps[0] != word
            if package is not None and not is_written and steps[:2] != (word, "name"):
                return _archive(self._document(package))
        return None

    def _version_of_set(self, workflow: str) -> Origin | None:
        if self._sync is None:
            return None
        given = cast("dict[str, Any]", self._sync.document.value.get("spec") or {})
        versions = given.get("versions")
        globs = (
            [glob for glob in versions if fnmatchcase(workflow, glob)]
            if isinstance(versions, dict)
            else []
        )
        if not globs:
            return None
        return _written(self._sync.document, (*_SPEC, "versions", max(globs, key=len)))

    def _at(self, place: Origin | None) -> Declared | None:
        """Find the document that a place is in."""
        if place is None:
            return None
        items = self._in_file.get(place.file, [])
        index = bisect_right(items, place, key=lambda item: item.document.origin)
        return items[index - 1] if index else None

    def _document(self, item: Declared) -> Document:
        """Read a document once, however many of its fields are asked for."""
        if self._read is None or self._read[0] is not item.document:
            document = item.document
            self._read = (document, Document(document.content, document.origin))
        return self._read[1]

    def _of_set(self) -> Origin | None:
        return self._sync.document.key_at(_NAME) if self._sync else None


_WHOLE = frozenset(
    {Effect.CREATE, Effect.REGISTER, Effect.ADOPT, Effect.REMOVE, Effect.START, Effect.ANSWER}
)
"""Effects on an object as a whole."""

_BY_KEY: Mapping[Effect, Path] = {
    Effect.DEACTIVATE: (*_SPEC, "state"),
    Effect.STOP: (*_SPEC, "state"),
    Effect.PROTECT: (*_SPEC, "protect"),
    Effect.ADOPT: (*_SPEC, "adopt"),
}


def _of_object(document: Document, change: Change) -> Origin:
    """Find the line that stands for an object: its own field for the effect, else its name."""
    prefix = _prefix(document, change.origin)
    if prefix != _SPEC:
        return _written(document, prefix)
    for path in (_BY_KEY.get(change.effect), _NAME):
        found = document.keys.get(path) if path else None
        if found is not None:
            return found
    return document.origin


def _of_package(document: Document, spec: Mapping[str, Any], steps: Path) -> Origin:
    """Find what in a package's document decides on a field of one of its members."""
    options = spec.get("options")
    if steps and steps[0] in _OF_OPTIONS and isinstance(options, dict) and steps[0] in options:
        return _written(document, (*_SPEC, "options", *steps))
    if steps == ("state",) and "launchPlans" in spec:
        return _written(document, (*_SPEC, "launchPlans"))
    return _archive(document)


def _archive(document: Document) -> Origin:
    """Find what says which content a package has: its hash, else where it is."""
    spec = document.value.get("spec")
    word = "sha256" if isinstance(spec, dict) and spec.get("sha256") else "archive"
    return _written(document, (*_SPEC, word))


def _prefix(document: Document, place: Origin | None) -> Path:
    """Find which part of a document declares what begins at a place; its spec for all of it."""
    if place is None or place == document.origin:
        return _SPEC
    paths = [path for path, there in document.values.items() if there == place and path]
    return min(paths, key=len, default=_SPEC)


def _written(document: Document, path: Path) -> Origin:
    """Find a field, or the innermost block around it that is still written."""
    for end in range(len(path), 0, -1):
        key, value = document.keys.get(path[:end]), document.values.get(path[:end])
        if value is not None and (isinstance(path[end - 1], int) or _is_given(key, value)):
            return value
        if key is not None:
            return key
    return document.origin


def _is_given(key: Origin | None, value: Origin) -> bool:
    """Say whether a template has the key alone, and a file of values has what it says."""
    return key is not None and key.file != value.file


def parse_path(text: str) -> Path:
    """Read the form that `show_path` writes."""
    steps: list[str | int] = []
    rest = text
    while rest:
        if rest.startswith('["'):
            end = _end_of_quoted(rest)
            steps.append(rest[2:end])
            rest = rest[end + 2 :]
        elif rest.startswith("[") and rest[1 : rest.find("]")].isdigit():
            end = rest.find("]")
            steps.append(int(rest[1:end]))
            rest = rest[end + 1 :]
        else:
            rest = rest.removeprefix(".")
            end = min((at for at in (rest.find("."), rest.find("[")) if at > 0), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return tuple(steps)


def _end_of_quoted(text: str) -> int:
    """Find where a quoted step ends: a name may hold quotes and brackets itself."""
    end = text.find('"]', 2)
    while end >= 0:
        after = text[end + 2 : end + 3]
        if after in {"", ".", "["}:
            return end
        end = text.find('"]', end + 1)
    return len(text)
