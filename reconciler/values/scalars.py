"""Values of the simple types become literals, one function a type.

Bounds and spellings are those of protobuf's JSON for flyteidl/core/literals.proto.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.values import freeform, moments
from reconciler.values.problem import ValueProblem, describe, mismatch
from reconciler.values.types import fields

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

Problems = list[ValueProblem]

_WHOLE_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
_NOT_FINITE = {"NaN", "Infinity", "-Infinity"}


def primitive(field: str, value: Json) -> Json:
    """Wrap a value as the literal of a primitive; `field` is its name in protobuf's JSON."""
    return {"scalar": {"primitive": {field: value}}}


def _none(value: Json, path: Path, problems: Problems) -> Json:
    if value is not None:
        problems.append(mismatch(value, path, "null", "write null"))
    return {"scalar": {"noneType": {}}}


def _integer(value: Json, path: Path, problems: Problems) -> Json:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(whole, bool) or not isinstance(whole, int):
        is_quoted = isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value)
        fix = "write it without quotes" if is_quoted else ""
        if isinstance(value, float):
            fix = "write a whole number"
        problems.append(mismatch(value, path, "int", fix))
        return None
    if not -(2**63) <= whole < 2**63:
        fix = "write one from -9223372036854775808 to 9223372036854775807"
        problems.append(ValueProblem(path, f"{describe(value)} does not fit into 64 bits", fix))
        return None
    return primitive("integer", str(whole))


def _float(value: Json, path: Path, problems: Problems) -> Json:
    if isinstance(value, str) and value in _NOT_FINITE:
        return primitive("floatValue", value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        fix = "write it without quotes" if isinstance(value, str) and _is_number(value) else ""
        problems.append(mismatch(value, path, "float", fix))
        return None
    try:
        number = float(value)
    except OverflowError:
        problems.append(ValueProblem(path, f"{describe(value)} is too large for a float"))
        return None
    if math.isfinite(number):
        return primitive("floatValue", number)
    spelled = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return primitive("floatValue", spelled)


def _string(value: Json, path: Path, problems: Problems) -> Json:
    if not isinstance(value, str):
        is_scalar = isinstance(value, bool | int | float)
        problems.append(mismatch(value, path, "str", "quote it" if is_scalar else ""))
        return None
    freeform.check_text(value, path, problems)
    return primitive("stringValue", value)


def _boolean(value: Json, path: Path, problems: Problems) -> Json:
    if not isinstance(value, bool):
        problems.append(mismatch(value, path, "bool", "write true or false, without quotes"))
    return primitive("boolean", value)


def _datetime(value: Json, path: Path, problems: Problems) -> Json:
    if not isinstance(value, str):
        fix = 'write it as a text, for example "2024-05-01T06:00:00Z"'
        problems.append(mismatch(value, path, "datetime", fix))
        return None
    try:
        return primitive("datetime", moments.parse_datetime(value))
    except moments.MomentError as error:
        problems.append(ValueProblem(path, f"{describe(value)} {error}", error.fix))
        return None


def _duration(value: Json, path: Path, problems: Problems) -> Json:
    if not isinstance(value, str):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fix = f'write it with its unit, for example "{value}s"' if is_number else 'write "1h30m"'
        if isinstance(value, int) and value.bit_length() > 64:
            fix = 'write "1h30m"'
        problems.append(mismatch(value, path, "duration", fix))
        return None
    try:
        return primitive("duration", moments.parse_duration(value))
    except moments.MomentError as error:
        problems.append(ValueProblem(path, f"{describe(value)} {error}", error.fix))
        return None


def _binary(value: Json, path: Path, problems: Problems) -> Json:
    """Bytes are written `{base64: aGk=}`, with a `tag` beside it where the task expects one."""
    known = fields(value)
    encoded, label = known.get("base64"), known.get("tag", "")
    if (
        not isinstance(encoded, str)
        or not isinstance(label, str)
        or known.keys() - {"base64", "tag"}
    ):
        problems.append(mismatch(value, path, "bytes", "write {base64: ...}"))
        return None
    freeform.check_text(label, (*path, "tag"), problems)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        problems.append(ValueProblem((*path, "base64"), f"{describe(encoded)} is not base64"))
        return None
    content: dict[str, Json] = {"value": base64.b64encode(raw).decode("ascii")} if raw else {}
    if label:
        content["tag"] = label
    return {"scalar": {"binary": content}}


def _is_number(written: str) -> bool:
    try:
        float(written)
    except ValueError:
        return False
    return True


SCALARS: dict[str, Callable[[Json, Path, Problems], Json]] = {
    "NONE": _none,
    "INTEGER": _integer,
    "FLOAT": _float,
    "STRING": _string,
    "BOOLEAN": _boolean,
    "DATETIME": _datetime,
    "DURATION": _duration,
    "BINARY": _binary,
}
"""How a value of each simple type becomes a literal; problems are added to the list."""
