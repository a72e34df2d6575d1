"""Inputs as people give them: `NAME=VALUE` on the command line, or a file that maps names to them.

They are read by the type that each is to have: `2026` is a number for an int and a text for a str.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import SpecError, UsageError
from reconciler.model.document import show_path
from reconciler.model.origin import Origin, Problem
from reconciler.sources import yaml
from reconciler.values import read
from reconciler.values.encode import encode
from reconciler.values.interface import TASK, Owner, bind
from reconciler.values.types import fields

if TYPE_CHECKING:
    from reconciler.model.document import Document, Json
    from reconciler.model.run import Values

RUN = Owner("run", is_cast=TASK.is_cast)


def pairs(texts: Iterable[str], option: str = "--input") -> dict[str, str]:
    """Read `NAME=VALUE`; raises UsageError for what is none, and for a name given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, is_pair, value = text.partition("=")
        if not is_pair or not name:
            raise UsageError(f"{option}: {text}: is not NAME=VALUE; write it so")
        if name in found:
            raise UsageError(f"{option}: {name}: is given twice; give it once")
        found[name] = value
    return found


def value(text: str, type_: Json) -> Json:
    """Read a value of a type: as it stands where the type is a text, else as YAML has it.

    Where neither fits, it is what says best what is wrong: the YAML value.
    """
    parsed = _yaml(text)
    if not isinstance(parsed, str) and not encode(parsed, type_)[1]:
        return parsed
    return text if not encode(text, type_)[1] else parsed


def literals(texts: Iterable[str], file: str, variables: Mapping[str, Json]) -> Mapping[str, Json]:
    """Type inputs by the variables of what takes them; those of the command line go first.

    Raises SpecError with every fault, at its place in the file or under its option.
    """
    written, document = pairs(texts), _read(file) if file else None
    in_file = {name: one for name, one in _inputs(document).items() if name not in written}
    here = {
        name: value(text, fields(variables[name]).get("type")) if name in variables else text
        for name, text in written.items()
    }
    problems: list[Problem] = []
    made = bind(here, variables, owner=RUN)
    for one in made.problems:
        origin = Origin(f"--input {one.path[0]}")
        problems.append(Problem(origin, one.message, fix=one.fix))
    filed = bind(in_file, variables, owner=RUN)
    for one in filed.problems:
        assert document is not None
        origin = document.at(one.path)
        problems.append(Problem(origin, f"{one.path[0]}: {one.message}", fix=one.fix))
    if problems:
        raise SpecError(problems)
    return {**filed.literals, **made.literals}


def variables(values: Values) -> dict[str, Json]:
    """Give the variables that values were made by; a literal without a type tells its own."""
    names = dict.fromkeys([*values.types, *values.literals])
    return {name: {"type": read.type_json(values, name)} for name in names}


def types_of(variables: Mapping[str, Json]) -> dict[str, Json]:
    """Give the types of variables."""
    return {name: fields(one).get("type") for name, one in variables.items()}


def bound(inputs: Mapping[str, Json], variables: Mapping[str, Json]) -> Mapping[str, Json]:
    """Type values by variables; raises SpecError with every fault."""
    made = bind(inputs, variables, owner=RUN)
    if made.problems:
        origin = Origin("inputs")
        raise SpecError(
            [Problem(origin, one.message, show_path(one.path), one.fix) for one in made.problems]
        )
    return made.literals


def inputs(texts: Iterable[str], file: str, types: Mapping[str, Json]) -> dict[str, Json]:
    """Read inputs as values, for a document whose resolution types them.

    `types` are those that are known already; what is not among them is read as YAML has it.
    """
    document = _read(file) if file else None
    found = _inputs(document)
    for name, text in pairs(texts).items():
        found[name] = value(text, types[name]) if name in types else _yaml(text)
    return found


def _inputs(document: Document | None) -> dict[str, Json]:
    return dict(document.value) if document is not None else {}


def _read(file: str) -> Document:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"--inputs: {file}: {why}; correct the path") from None
    documents, problems = yaml.parse(data, file=file)
    if problems:
        raise SpecError(problems)
    if len(documents) != 1:
        raise UsageError(f"--inputs: {file}: holds {len(documents)} documents; write one map")
    return documents[0]


def _yaml(text: str) -> Json:
    """Read one value in YAML; a text that is none stands for itself."""
    documents, problems = yaml.parse(b"value: " + text.encode(), file="--input")
    if problems or len(documents) != 1 or documents[0].value.keys() != {"value"}:
        return text
    return documents[0].value["value"]
