"""Columns that a dataset is said to have, checked against those that the input needs.

The rule is Flyte's (flyteadmin 1.16.8, `structuredDatasetChecker`): where both sides list columns,
those of the input must all be there with types that cast; others are free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.values.cast import castable
from reconciler.values.problem import ValueProblem, mismatch, quote
from reconciler.values.types import fields, items, named_type, show_type, text

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

Problems = list[ValueProblem]


def typed(given: Json, declared: Json, path: Path, problems: Problems) -> list[Json]:
    """Type `{name: type}` as the columns of a dataset at `path`.

    Columns of the input come first and in its order, then others by name.
    """
    at = (*path, "columns")
    if not isinstance(given, dict) or not given:
        problems.append(mismatch(given, at, "a map of names to types", "write {name: type}"))
        return []
    wanted = {
        text(fields(column).get("name")): fields(column).get("literalType", {})
        for column in items(declared)
    }
    for name in wanted:
        if name not in given:
            message = f"the column {quote(name)}, which the input needs, is missing"
            problems.append(ValueProblem(at, message, "add it, or give a table that has it"))
    order = [name for name in wanted if name in given]
    order += sorted(given.keys() - wanted.keys())
    return [
        {"name": name, "literalType": _type(given[name], wanted.get(name), (*at, name), problems)}
        for name in order
    ]


def shown(columns: Json) -> dict[str, Json]:
    """Write the columns of a dataset as `typed` reads them."""
    known = [fields(column) for column in items(columns)]
    return {text(one.get("name")): show_type(one.get("literalType")) for one in known}


def _type(word: Json, wanted: Json, at: Path, problems: Problems) -> Json:
    if not isinstance(word, str):
        problems.append(mismatch(word, at, "the name of a type", "write int, float, str, ..."))
        return None
    if wanted is not None and word == show_type(wanted):
        return wanted
    found = named_type(word)
    if found is None:
        fix = "write one of int, float, str, bool, datetime, duration, bytes"
        problems.append(ValueProblem(at, f"{quote(word)} is not the type of a column", fix))
    elif wanted is not None and not castable(found, wanted):
        message = f"the column is {word}, and the input needs {show_type(wanted)}"
        problems.append(ValueProblem(at, message, "give a table that has it so"))
    return found
