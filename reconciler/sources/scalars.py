"""What a YAML 1.1 scalar means to kubectl.

kubectl reads YAML with go-yaml v2 behind sigs.k8s.io/yaml. Its rules differ from YAML 1.1 and from
PyYAML in many small ways: no base 60 numbers, `0o7` and `0b1` are integers, `08` and `1e3` are
floats, underscores are dropped, floats that overflow stay text, and timestamps stay text. Numbers
then pass through Go's JSON encoder, which writes a whole float below 1e21 as an integer.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.document import Json

Scalar = None | bool | int | float | str
"""A scalar before JSON encoding: whole floats are still floats."""

TAG = "tag:yaml.org,2002:"
"""What `!!` stands for."""

WORDS = frozenset(
    variant
    for word in ("y", "n", "yes", "no", "on", "off")
    for variant in (word, word.capitalize(), word.upper())
)
"""Plain words that become booleans although most people mean text."""

_INF = math.inf
_NAMED: dict[str, Scalar] = {
    **{v: True for w in ("y", "yes", "true", "on") for v in (w, w.capitalize(), w.upper())},
    **{v: False for w in ("n", "no", "false", "off") for v in (w, w.capitalize(), w.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), _INF),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -_INF),
}

_DOTTED = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?)?",
    re.ASCII,
)
_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_LONGEST_UINT64 = 20


def resolve(text: str) -> Scalar:
    """Read a plain scalar; text that is nothing else stays text."""
    first = text[:1]
    if not first or first in "yYnNtTfFoO~":
        return _NAMED.get(text, text)
    if first == ".":
        if text in _NAMED:
            return _NAMED[text]
        return _finite(text) if _DOTTED.fullmatch(text) else text
    if first in "+-0123456789":
        if text in _NAMED:
            return _NAMED[text]
        number = _number(text.replace("_", ""))
        return text if number is None else number
    return text


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Read a scalar that carries a tag (long form).

    Raises ValueError with the reason when the text does not fit the tag or the tag is unknown.
    """
    short = tag.removeprefix(TAG) if tag.startswith(TAG) else ""
    value = resolve(text)
    match short:
        case "str":
            return text
        case "null" if value is None:
            return None
        case "bool" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "float" if isinstance(value, float):
            return value
        case "float" if isinstance(value, int) and _INT64_MIN <= value <= _INT64_MAX:
            return float(value)
        case "timestamp" if _TIMESTAMP.fullmatch(text):
            return text
        case "binary":
            return _decode(text)
        case "null" | "bool" | "int" | "float" | "timestamp":
            raise ValueError(f"{_shorten(text)} is not of the type !!{short}")
        case _:
            raise ValueError(f"the tag {show_tag(tag)} is not known")


def show_tag(tag: str) -> str:
    """Write a tag as a person does: `!!set`, `!thing`."""
    shown = "!!" + tag.removeprefix(TAG) if tag.startswith(TAG) else tag
    return shown if len(shown) <= 80 else shown[:77] + "..."


def to_json(value: Scalar) -> Json:
    """Encode as Go's encoding/json does; raises ValueError for infinities and NaN."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if value.is_integer() and abs(value) < 1e21:
        return int(Decimal(repr(value)))
    return value


def to_key(value: Scalar) -> str | None:
    """Turn a key that is not text into text; None when kubectl has no text for it."""
    match value:
        case str():
            return value
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value <= _INT64_MAX else None
        case float():
            return _float_key(value)


def _number(plain: str) -> int | float | None:
    found = _INTEGER.fullmatch(plain)
    if found is not None:
        value = _integer(found)
        if value is not None:
            return value
    if _FLOAT.fullmatch(plain):
        number = _finite(plain)
        return number if isinstance(number, float) else None
    signed = _SIGNED_BINARY.fullmatch(plain)
    if signed is not None:
        value = int(signed[1], 2)
        return value if _INT64_MIN <= value <= _INT64_MAX else None
    return None


def _integer(found: re.Match[str]) -> int | None:
    sign, hexadecimal, binary, octal, decimal = found.groups()
    if decimal is not None:
        # Python refuses to convert thousands of digits; so many are never a 64-bit integer.
        magnitude = int(decimal) if len(decimal) <= _LONGEST_UINT64 else _UINT64_MAX + 1
    elif octal is not None:
        magnitude = int(octal, 8)
    elif hexadecimal is not None:
        magnitude = int(hexadecimal, 16)
    else:
        magnitude = int(binary, 2)
    value = -magnitude if sign == "-" else magnitude
    # Above the signed range Go tries an unsigned integer, and that takes no sign.
    upper = _INT64_MAX if sign else _UINT64_MAX
    return value if _INT64_MIN <= value <= upper else None


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _float_key(value: float) -> str:
    """Format as Go's FormatFloat(value, 'g', -1, 32): shortest text that is the same float32."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(_INF, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    for digits in range(9):
        text = f"{single:.{digits}e}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == single:
            break
    mantissa, _, exponent = text.partition("e")
    if -4 <= int(exponent) < 6:
        plain = format(Decimal(text), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return f"{mantissa}e{int(exponent):+03d}"


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("the !!binary text is not the base64 of UTF-8 text") from None


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= 40 else repr(text[:37] + "...")
