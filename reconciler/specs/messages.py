"""Turns pydantic's findings into problems in our words, at the place in the file.

One table has the words for each type of finding. What was given is shown, except in maps where a
user may keep secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from reconciler.model.document import Document, Json, Path, show_path
from reconciler.model.origin import Problem
from reconciler.specs import walk
from reconciler.specs.fields import WORDS
from reconciler.specs.shape import FAULT, Shape, written_names
from reconciler.specs.suggest import suggest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, PydanticCustomError

_KEY = "[key]"
_REFERENCES = frozenset({"token", "clientSecret", "hmacKey"})
_PRIVATE = _REFERENCES | {"valueFrom", "inputs", "fixedInputs", "envs", "context", "headers"}
_SHOWN = 60
_LARGE = 2**64
_ABSENT = object()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


_MUST: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_type": lambda _: "must be text",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "must be a smaller number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "dict_type": lambda _: "must be a map",
    "model_type": lambda _: "must be a map",
    "tuple_type": lambda _: "must be a list",
    "enum": lambda context: f"must be {str(context['expected']).replace(chr(39), '')}",
    "literal_error": lambda context: f"must be {str(context['expected']).lower()}",
    "string_pattern_mismatch": lambda context: f"is not {WORDS[str(context['pattern'])]}",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "too_short": lambda context: f"must have at least {context['min_length']} entry",
    "too_long": lambda context: f"must have at most {context['max_length']} entries",
    "greater_than_equal": lambda context: f"must be at least {_number(context['ge'])}",
    "less_than_equal": lambda context: f"must be at most {_number(context['le'])}",
    "invalid-json-value": lambda _: "must be a JSON value",
}
"""What a value must be, by the type of pydantic's finding and its context."""

COVERED = frozenset({*_MUST, FAULT, "missing", "extra_forbidden"})
"""The types of findings that have words."""


def problems_of(
    lines: Iterable[ErrorDetails], *, model: type[Shape], document: Document
) -> list[Problem]:
    """Turn findings about the `spec` of a document into problems."""
    return [_problem(line, model, document) for line in lines if not _is_echo(line)]


def _is_echo(line: ErrorDetails) -> bool:
    """Tell whether a list is called too short only because some of its entries are wrong."""
    given = line["input"]
    return (
        line["type"] == "too_short"
        and isinstance(given, list)
        and len(given) >= line["ctx"]["min_length"]
    )


def problem_at(document: Document, path: Path, message: str, *, fix: str = "") -> Problem:
    """Make a problem about a field, placed at its key; about an entry of a list, at the entry."""
    return Problem(document.key_at(path), message, path=show_path(path), fix=fix)


def fault_at(document: Document, found: PydanticCustomError) -> Problem:
    """Turn a finding of ours, seen from the document, into a problem."""
    return _fault(document, (), cast("Mapping[str, object]", found.context))


def _fault(document: Document, below: Path, context: Mapping[str, object]) -> Problem:
    path: Path = (*below, *cast("Path", context["path"]))
    place = document.at(path) if context["is_in_value"] else document.key_at(path)
    return Problem(place, str(context["what"]), path=show_path(path), fix=str(context["fix"]))


def describe(value: object) -> str:
    """Say what a value is, short enough for one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() if abs(value) > _LARGE:
            return "a very large number"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value}"' if len(value) <= _SHOWN else f"text of {len(value)} characters"
        case list():
            return "a list"
        case _:
            return "a map"


def unknown(written: str, allowed: Iterable[str], *, other: str = "") -> tuple[str, str]:
    """Say that a name is none of ours: message and fix."""
    names = sorted(allowed)
    guess = suggest(written, names)
    if other or guess is None:
        return "is not a known field here", other or f"known are {', '.join(names)}"
    return "is not a known field", f'did you mean "{guess}"?'


def _problem(line: ErrorDetails, model: type[Shape], document: Document) -> Problem:
    loc = tuple(part for part in line["loc"] if not (isinstance(part, str) and part[:1] == "\0"))
    kind = line["type"]
    context = cast("Mapping[str, object]", line.get("ctx", {}))
    if kind == FAULT:
        return _fault(document, ("spec", *loc), context)
    if kind == "extra_forbidden":
        return _unknown_field(loc, model, document)
    if kind == "missing":
        return _missing(loc, document)
    if loc[-1:] == (_KEY,):
        path = ("spec", *loc[:-1])
        message = f"the key {_MUST[kind](context)}"
        return Problem(document.key_at(path), message, path=show_path(path))
    path = ("spec", *loc)
    given = _value_at(document.value, path)
    message, fix = _wrong(kind, context, given, path)
    word = document.words.get(path)
    if word is not None and kind in {"string_type", "enum"}:
        message, fix = quoted(word)
    return Problem(document.at(path), message, path=show_path(path), fix=fix)


def quoted(word: str, *, key: bool = False) -> tuple[str, str]:
    """Say that an unquoted word is not the text that it looks like: message and fix."""
    role = "the key" if key else "the value"
    return f"{role} {word} without quotes is a boolean in YAML 1.1", f'quote it: "{word}"'


def _unknown_field(loc: Path, model: type[Shape], document: Document) -> Problem:
    path: Path = ("spec", *loc)
    word = document.key_words.get(path)
    if word is not None:
        message, fix = quoted(word, key=True)
        return Problem(document.key_at(path), message, path=show_path(path), fix=fix)
    parent = walk.shape_of(walk.at(model, loc[:-1]) or model) or model
    name = str(loc[-1])
    below = walk.parents_of(parent, name)
    elsewhere = f"it belongs in {below[0]}" if below else ""
    if parent is not model and name in written_names(model):
        elsewhere = f"it belongs directly in spec, not in {loc[-2]}"
    message, fix = unknown(name, written_names(parent), other=elsewhere)
    return Problem(document.key_at(path), message, path=show_path(path), fix=fix)


def _missing(loc: Path, document: Document) -> Problem:
    path: Path = ("spec", *loc)
    if _value_at(document.value, path) is None:
        return Problem(
            document.key_at(path), "is empty", path=show_path(path), fix="give it a value"
        )
    return Problem(document.key_at(path[:-1]), "is missing", path=show_path(path), fix="add it")


def _wrong(kind: str, context: Mapping[str, object], given: object, path: Path) -> tuple[str, str]:
    must = _MUST[kind](context) if kind in _MUST else "is not valid"
    private = not _PRIVATE.isdisjoint(path)
    shown = f", not {_type_name(given) if private else describe(given)}"
    if kind == "string_pattern_mismatch":
        return f"{'' if private else f'{describe(given)} '}{must}", ""
    if kind in {"too_short", "string_too_short"}:
        shown = ""
    elif kind in {"too_long", "string_too_long"} and isinstance(given, list | dict | str):
        shown = f", not {len(given)}"
    return f"{must}{shown}", _fix(kind, context, given, path)


def _fix(kind: str, context: Mapping[str, object], given: object, path: Path) -> str:
    match kind, given:
        case "string_type", bool() | int() | float():
            return "put quotes around it"
        case (("int_type" | "float_type" | "bool_type"), str()) if _reads_as_scalar(given):
            return "remove the quotes"
        case "tuple_type", str() | int() | float():
            return "write it as a list: [...]"
        case "model_type", str() if path[-1] in _REFERENCES:
            return (
                "name where the secret is: {env: NAME}, {file: PATH} or {secretKeyRef: {name, key}}"
            )
        case "enum", str():
            words = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            guess = suggest(given, words)
            return f"did you mean {guess}?" if guess else ""
        case _:
            return ""


def _reads_as_scalar(text: str) -> bool:
    return text in {"true", "false"} or text.replace(".", "", 1).lstrip("-").isdigit()


def _type_name(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case _:
            return describe(value)


def _value_at(value: Json, path: Path) -> object:
    found: object = value
    for key in path:
        match found, key:
            case dict(), _ if key in found:
                found = found[key]
            case list(), int() if key < len(found):
                found = found[key]
            case _:
                return _ABSENT
    return found
