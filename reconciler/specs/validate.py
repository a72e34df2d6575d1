"""Validates documents: every problem of every document at once, each at its place.

Of a document with an error, the fields of its `spec` that are sound are kept, so that what else is
wrong with them can be said too.

Called with what the sources room read. Documents of other API groups are counted and left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from reconciler.model.document import Document, show_path
from reconciler.model.origin import Origin, Problem, Severity
from reconciler.specs import envelope, lists, messages, words
from reconciler.specs.registry import KINDS
from reconciler.specs.shape import Shape, written_name

S = TypeVar("S", bound=Shape)

_NAME = ("metadata", "name")


@dataclass(frozen=True, slots=True)
class Declared:
    """A valid document: its kind, its `metadata.name` and its `spec`.

    `namespace` is `metadata.namespace`, empty when it is not given.
    """

    kind: str
    name: str
    spec: Shape
    document: Document
    namespace: str = ""

    def at(self, *path: str | int) -> Origin:
        """Return the place of a value, by its path below `spec` in the names that users write."""
        return self.document.at(("spec", *path))

    def key_at(self, *path: str | int) -> Origin:
        """Return the place of a key, by its path below `spec` in the names that users write."""
        return self.document.key_at(("spec", *path))

    def problem(self, message: str, *path: str | int, fix: str = "") -> Problem:
        """Make a problem about the field at a path below `spec`."""
        return messages.problem_at(self.document, ("spec", *path), message, fix=fix)

    def warning(self, message: str, *path: str | int, fix: str = "") -> Problem:
        """Make a problem that stops nothing; its place is looked up when it is said."""
        whole = ("spec", *path)
        place = partial(self.document.key_at, whole)
        return Problem(place, message, show_path(whole), fix, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class Faulty:
    """A document with an error."""

    kind: str
    name: str
    document: Document

    @property
    def given(self) -> frozenset[str]:
        """The names of the fields that are given in its `spec`."""
        spec = self.document.value.get("spec")
        return frozenset(spec) if isinstance(spec, dict) else frozenset()

    @property
    def sound(self) -> Mapping[str, object]:
        """The fields that are sound by themselves; only who asks pays for it."""
        spec = self.document.value.get("spec")
        found: dict[str, object] = {}
        for attribute in KINDS[self.kind].model_fields if isinstance(spec, dict) else ():
            written = written_name(KINDS[self.kind], attribute)
            with suppress(ValidationError):
                if isinstance(spec, dict) and spec.get(written) is not None:
                    adapter = _alone(KINDS[self.kind], attribute)
                    found[written] = adapter.validate_python(spec[written], strict=True)
        return found

    def as_declared(self, spec: Shape) -> Declared:
        """Stand in for the document it was meant to be, to say what is wrong with a part of it."""
        return Declared(self.kind, self.name, spec, self.document)


@dataclass(frozen=True, slots=True)
class Validated:
    """What documents declare, in their order; everything that is wrong; how many are not ours."""

    declared: tuple[Declared, ...]
    problems: tuple[Problem, ...]
    skipped: int
    faulty: tuple[Faulty, ...] = ()

    def of(self, model: type[S]) -> Iterator[tuple[Declared, S]]:
        """Yield the documents of one kind, by its model, with their `spec` of that type."""
        for one in self.declared:
            if isinstance(one.spec, model):
                yield one, one.spec


def validate(documents: Iterable[Document]) -> Validated:
    """Validate documents. A document with an error is not declared; nothing is raised."""
    declared: list[Declared] = []
    faulty: list[Faulty] = []
    problems: list[Problem] = []
    first_of: dict[envelope.Identity, Document] = {}
    skipped = 0
    for entry in (part for document in documents for part in lists.unfold(document)):
        if isinstance(entry, Problem):
            problems.append(entry)
            continue
        if envelope.is_foreign(entry):
            skipped += 1
            continue
        spec, found = _validate_one(entry)
        identity = envelope.identity(entry)
        if identity is not None and identity.kind in KINDS:
            first = first_of.setdefault(identity, entry)
            if first is not entry:
                place = first.key_at(_NAME)
                message = f'{identity.kind} "{identity.name}" is declared at {place} too'
                found.append(
                    Problem(
                        entry.key_at(_NAME),
                        message,
                        path="metadata.name",
                        fix="remove one of the two",
                    )
                )
        problems += sorted(found, key=lambda one: (one.origin.line, one.origin.column))
        if spec is not None and identity is not None and not found:
            declared.append(
                Declared(identity.kind, identity.name, spec, entry, namespace=identity.namespace)
            )
        elif identity is not None and identity.kind in KINDS:
            faulty.append(Faulty(identity.kind, identity.name, entry))
        entry.shelve()
    return Validated(tuple(declared), tuple(problems), skipped, tuple(faulty))


@cache
def _alone(model: type[Shape], attribute: str) -> TypeAdapter[object]:
    return TypeAdapter(model.model_fields[attribute].rebuild_annotation())


def _validate_one(document: Document) -> tuple[Shape | None, list[Problem]]:
    problems = list(envelope.check(document))
    kind = envelope.served_kind(document)
    if kind is None:
        return None, problems
    model = KINDS[kind]
    if document.words or document.key_words:
        problems += words.check(document, model)
    identity = envelope.identity(document)
    given = document.value.get("spec")
    spec: Shape | None = None
    try:
        spec = model.model_validate({} if given is None else given)
    except ValidationError as error:
        lines = error.errors(include_url=False)
        said = {(one.path, one.origin) for one in problems}
        found = messages.problems_of(lines, model=model, document=document)
        problems += [one for one in found if (one.path, one.origin) not in said]
    if identity is not None:
        written = given if isinstance(given, dict) else {}
        faults = model.name_faults(identity.name, written)
        problems += [messages.fault_at(document, fault) for fault in faults]
    return spec, problems
