"""A live record, such as a project, as a document: every field that the language can say.

A field that it cannot say is left out, so that it stays unmanaged, with the reason as a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from reconciler.export.document import Exported, LeftOut, document
from reconciler.model.document import Document, Json, show_path
from reconciler.model.key import Key
from reconciler.model.origin import Origin, Severity
from reconciler.model.traits import Fields
from reconciler.resolve.context import Adapter, Context
from reconciler.specs.validate import validate


def export(
    key: Key, fields: Mapping[str, Json], *, name: str, context: Context, adapter: Adapter
) -> Exported | LeftOut:
    """Write a record as a document named `name` that declares what is live, field by field."""
    shape = adapter.traits.fields
    wanted = {
        path: value for path, value in fields.items() if not shape.is_default(key, path, value)
    }
    own: dict[str, Json] = {} if key.project == name else {"name": key.project}
    fault = _fault(key, {}, name=name, own=own, context=context, adapter=adapter)
    if fault:
        return LeftOut(key, f"it cannot be named in the language: {fault}")
    notes: list[str] = []
    if _fault(key, wanted, name=name, own=own, context=context, adapter=adapter):
        for path in sorted(wanted):
            one = {path: wanted[path]}
            fault = _fault(key, one, name=name, own=own, context=context, adapter=adapter)
            if fault:
                del wanted[path]
                notes.append(f"not exported, so not managed: {fault}")
        fault = _fault(key, wanted, name=name, own=own, context=context, adapter=adapter)
        if fault:
            return LeftOut(key, fault)
    return Exported(key, document(key.kind, name, own | _nested(wanted, shape)), tuple(notes))


def _nested(fields: Mapping[str, Json], shape: Fields) -> dict[str, Json]:
    spec: dict[str, Json] = {}
    for path, value in sorted(fields.items(), key=lambda item: (item[0].count("/"), item[0])):
        *above, last = shape.steps(path)
        inner = spec
        for step in above:
            inner = cast("dict[str, Json]", inner.setdefault(str(step), {}))
        inner[str(last)] = value
    return spec


def _fault(
    key: Key,
    fields: Mapping[str, Json],
    *,
    name: str,
    own: Mapping[str, Json],
    context: Context,
    adapter: Adapter,
) -> str:
    """Say why a document would not give these fields back; empty when it does."""
    made = document(key.kind, name, {**own, **_nested(fields, adapter.traits.fields)})
    checked = validate([Document(made, Origin("export"))])
    problems = list(checked.problems)
    for declared in checked.declared:
        found = adapter.resolve(declared, context)
        problems += found.problems
        for resource in found.resources:
            changed = [
                path
                for path in sorted({*fields, *resource.body})
                if fields.get(path) != resource.body.get(path)
            ]
            if changed:
                steps = adapter.traits.fields.steps(changed[0])
                return f"{show_path(steps)}: the language cannot say its value"
    for problem in problems:
        if problem.severity is Severity.ERROR:
            return f"{problem.path}: {problem.message}"
    return ""
