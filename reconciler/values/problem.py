"""What is wrong with one value, and words that the messages share."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.model.document import Json, Path

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """One fault in a value.

    `path` leads to it from the root that the caller named; `fix` says what to do.
    """

    path: Path
    message: str
    fix: str = ""


class NotExpressibleError(ReconcilerError):
    """No YAML value gives this literal back; the text is the reason."""


def describe(value: Json) -> str:
    """Name a value in a message: `the text "3"`, `the number 3.5`, `a list`, `null`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {short(value)}"
        case str():
            return f"the text {quote(value)}"
        case list():
            return "a list"
        case _:
            return "a map"


def short(value: float) -> str:
    """Write a number as YAML does, cut when it is very long."""
    if isinstance(value, int):
        # str() refuses integers of more than 4300 digits
        return str(value) if value.bit_length() < 200 else f"of {value.bit_length()} bits"
    return repr(value)


def quote(text: str) -> str:
    """Quote a text as JSON does, cut when it is long, so that it always prints."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def suggest(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant, or list them all: a text for `fix`."""
    names = list(known)
    close = difflib.get_close_matches(word[:200], names, n=1) if len(names) <= 1000 else []
    if not close:
        close = [name for name in names if name.lower() == word.lower()][:1]
    if close:
        return f"did you mean {quote(close[0])}?"
    shown = ", ".join(quote(name) for name in names[:20])
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"write one of {shown}{more}" if names else ""


def choice(value: Json, allowed: Sequence[str]) -> str:
    """Say which of the allowed texts to write instead of the value: a text for `fix`."""
    if isinstance(value, str):
        return suggest(value, allowed)
    if isinstance(value, bool | int | float) and allowed:
        return f"quote it, or {suggest('', allowed)}"
    return suggest("", allowed)


def mismatch(value: Json, path: Path, expected: str, fix: str = "") -> ValueProblem:
    """Make the problem for a value of another type than the interface has."""
    return ValueProblem(path, f"expected {expected}, found {describe(value)}", fix)
