"""JSON values as YAML that a person would write and that every parser reads back the same.

Block style, two spaces, no folded lines. Text that YAML 1.1 or 1.2 could take for something else
(`on`, `1e3`, `08`, `12:30`, dates) is quoted.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from reconciler.sources.scalars import resolve

if TYPE_CHECKING:
    from reconciler.model.document import Json

_WORD = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@+=~^;$()-]|:(?=[^\s])|[ ](?=[^\s#]))*", re.ASCII)
_QUANTITY = re.compile(r"[1-9][0-9]*(?:[a-df-zA-DF-Z][A-Za-z]*)", re.ASCII)
_UNQUOTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_NOT_LITERAL = re.compile(
    "[^\t\n\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LONGEST_SIMPLE_KEY = 1000


def dump(value: Json) -> str:
    """Write a value as one YAML document, ending in a line break.

    Raises ValueError for what `parse` could not read back: numbers that are not finite, integers
    beyond 64 bits, and halves of surrogate pairs.
    """
    return "\n".join(_lines(value)) + "\n"


def scalar(value: Json) -> str:
    """Write a scalar on one line, quoted where it must be; raises ValueError as `dump` does."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value if _is_plain(value) else _quote(value)
        case dict() | list():
            raise TypeError("a mapping or list is no scalar")
        case _:
            return _number(value)


def _lines(value: Json) -> list[str]:
    """Lines of a value, not indented."""
    match value:
        case dict() if value:
            lines: list[str] = []
            for key, item in value.items():
                lines += _entry(key, item)
            return lines
        case list() if value:
            lines = []
            for item in value:
                first, *rest = _lines(item)
                lines += (f"- {first}", *_indent(rest))
            return lines
        case dict():
            return ["{}"]
        case list():
            return ["[]"]
        case str() if _is_literal(value):
            return _literal(value)
        case _:
            return [scalar(value)]


def _entry(key: str, value: Json) -> list[str]:
    name = scalar(key)
    if len(name) > _LONGEST_SIMPLE_KEY:
        first, *rest = _lines(value)
        return [f"? {name}", f": {first}", *_indent(rest)]
    if isinstance(value, dict | list) and value:
        return [f"{name}:", *_indent(_lines(value))]
    first, *rest = _lines(value)
    # A literal's lines are indented already.
    return [f"{name}: {first}", *rest]


def _indent(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else line for line in lines]


def _number(value: float) -> str:
    text = repr(value)
    is_wide = isinstance(value, int) and not -(2**63) <= value < 2**64
    if is_wide or not math.isfinite(value):
        raise ValueError(f"YAML has no form for the number {text} that is read back the same")
    return text


def _is_plain(text: str) -> bool:
    if not (_WORD.fullmatch(text) or _QUANTITY.fullmatch(text)):
        return False
    return resolve(text) == text and text[-1] != ":"


def _quote(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("the text holds half of a surrogate pair")
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNQUOTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _is_literal(text: str) -> bool:
    """Tell whether `|` can hold the text: its first line must show the indentation."""
    is_text = "\n" in text and not text[0].isspace() and bool(text.strip())
    return is_text and _NOT_LITERAL.search(text) is None


def _literal(text: str) -> list[str]:
    body = text.removesuffix("\n")
    if body == text:
        chomp = "-"
    elif body.endswith("\n"):
        chomp = "+"
    else:
        chomp = ""
    return [f"|{chomp}", *_indent(body.split("\n"))]
