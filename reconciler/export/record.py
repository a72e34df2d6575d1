"""A live record, such as a project, as a document: every field that the language can say.

A field that it cannot say is left out, so that it stays unmanaged, with the reason as a note. One
document may declare several records: settings of a project stand in the document of the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from reconciler.export.document import Exported, LeftOut, document
from reconciler.model.document import Document, Json, Path, show_path
from reconciler.model.key import Key
from reconciler.model.origin import Origin, Severity
from reconciler.model.traits import Fields
from reconciler.resolve.context import Adapter, Context
from reconciler.specs.validate import validate


@dataclass(frozen=True, slots=True)
class Part:
    """One record of a document: its fields, and where the document has them."""

    key: Key
    fields: Mapping[str, Json]
    shape: Fields
    above: Path = ()

    def steps(self, path: str) -> Path:
        """Return the steps to a field in the spec of the document."""
        return (*self.above, *self.shape.steps(path))

    def without(self, path: str) -> Part:
        """Leave a field out."""
        return replace(self, fields={one: self.fields[one] for one in self.fields if one != path})


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a document needs beside the records: its name, and how it will be read."""

    name: str
    context: Context
    adapter: Adapter


def grouped(
    records: Mapping[Key, Mapping[str, Json]], shapes: Mapping[str, Fields]
) -> list[tuple[Part, ...]]:
    """Put the records that one document declares together, the document's own one first.

    A record whose host is not among them has no document.
    """
    found: dict[Key, list[Part]] = {}
    for key in sorted(records, key=lambda one: (shapes[one.kind].host(one) is not None, one)):
        shape = shapes[key.kind]
        host = shape.host(key)
        if host is None:
            found[key] = [Part(key, records[key], shape)]
        elif host[0] in found:
            found[host[0]].append(Part(key, records[key], shape, host[1]))
    return [tuple(parts) for parts in found.values()]


def export(parts: Sequence[Part], writing: Writing) -> Exported | LeftOut:
    """Write records as a document that declares what is live, field by field."""
    key = parts[0].key
    wanted = [_chosen(part) for part in parts]
    fault = _fault([replace(parts[0], fields={})], writing)
    if fault:
        return LeftOut(key, f"it cannot be named in the language: {fault}")
    notes: list[str] = []
    if _fault(wanted, writing):
        for index, part in enumerate(wanted):
            for path in sorted(part.fields):
                one = replace(part, fields={path: part.fields[path]})
                alone = [one] if index == 0 else [replace(parts[0], fields={}), one]
                fault = _fault(alone, writing)
                if fault:
                    wanted[index] = wanted[index].without(path)
                    notes.append(f"not exported, so not managed: {fault}")
        fault = _fault(wanted, writing)
        if fault:
            return LeftOut(key, fault)
    return Exported(key, document(key.kind, writing.name, _spec(wanted, writing)), tuple(notes))


def _chosen(part: Part) -> Part:
    """Leave out what nobody chose."""
    fields = {
        path: value
        for path, value in part.fields.items()
        if not part.shape.is_default(part.key, path, value)
    }
    return replace(part, fields=fields)


def _spec(parts: Iterable[Part], writing: Writing) -> dict[str, Json]:
    own, *others = parts
    spec = dict(own.shape.identity(own.key, writing.name))
    for part in (own, *others):
        paths = sorted(part.fields, key=lambda path: (path.count("/"), path))
        for path in paths:
            listed = part.shape.listed(path, part.fields[path])
            if listed is None:
                inner, last = _within(spec, part.steps(path))
                inner[last] = part.fields[path]
            else:
                inner, last = _within(spec, (*part.above, *listed[0]))
                cast("list[Json]", inner.setdefault(last, [])).append(listed[1])
    return spec


def _within(spec: dict[str, Json], steps: Path) -> tuple[dict[str, Json], str]:
    """Return the map that holds a field, made where it is missing, and the field's name in it."""
    *above, last = (str(step) for step in steps)
    inner = spec
    for step in above:
        inner = cast("dict[str, Json]", inner.setdefault(step, {}))
    return inner, last


def _fault(parts: Sequence[Part], writing: Writing) -> str:
    """Say why a document would not give these fields back; empty when it does."""
    made = document(parts[0].key.kind, writing.name, _spec(parts, writing))
    checked = validate([Document(made, Origin("export"))])
    problems = list(checked.problems)
    known = {part.key: part for part in parts}
    for declared in checked.declared:
        found = writing.adapter.resolve(declared, writing.context)
        problems += found.problems
        for resource in found.resources:
            part = known.get(resource.key, parts[0])
            fields = part.fields if part.key == resource.key else {}
            changed = [
                path
                for path in sorted({*fields, *resource.body})
                if fields.get(path) != resource.body.get(path)
            ]
            if changed:
                return f"{show_path(part.steps(changed[0]))}: the language cannot say its value"
    for problem in problems:
        if problem.severity is Severity.ERROR:
            return f"{problem.path}: {problem.message}"
    return ""
