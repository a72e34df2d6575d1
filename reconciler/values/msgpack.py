"""Msgpack as flytekit writes it for dataclasses, pydantic models and dicts.

flytekit 1.16 packs with the msgpack library's defaults: text as str, bytes as bin, the shortest
integer, every float as float64, and reads maps by key, so their order carries no meaning.
`pack` keeps the order it is given; `sort_maps` is for comparing.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

import msgpack

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from reconciler.model.document import Json

TAG = "msgpack"
"""The tag of a `Binary` that holds msgpack."""

_DEEPEST = 200


class NotMsgpackError(ValueError):
    """Bytes that are not one msgpack value, or that hold what JSON cannot."""


def pack(value: Json) -> str:
    """Pack a JSON value, maps in the order given, into base64 as protobuf's JSON has it."""
    return base64.b64encode(cast("bytes", msgpack.packb(value))).decode("ascii")


def unpack(encoded: str) -> Json:
    """Unpack base64 of msgpack; raises NotMsgpackError, also for what JSON cannot hold."""
    return _as_json(_unpack(encoded), 0)


def sort_maps(encoded: str) -> str:
    """Pack anew with the keys of every map in order, so that equal maps are equal text.

    What is not msgpack comes back unchanged.
    """
    try:
        ordered = _sorted(_unpack(encoded), 0)
        return base64.b64encode(cast("bytes", msgpack.packb(ordered))).decode("ascii")
    except NotMsgpackError:
        return encoded


def _unpack(encoded: str) -> object:
    try:
        raw = base64.b64decode(encoded, validate=True)
        return cast("object", msgpack.unpackb(raw, strict_map_key=False, object_pairs_hook=_map))
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise NotMsgpackError("it is not msgpack") from error


def _map(pairs: Sequence[tuple[Hashable, object]]) -> dict[Hashable, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # 1 and true are one key to Python; to drop either would make different maps equal
        raise ValueError("a map holds a key twice")
    return found


def _sorted(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise NotMsgpackError("it is nested too deep")
    match value:
        case dict():
            ordered = sorted(value.items(), key=lambda pair: cast("bytes", msgpack.packb(pair[0])))
            return {key: _sorted(inner, depth + 1) for key, inner in ordered}
        case list():
            return [_sorted(inner, depth + 1) for inner in value]
        case _:
            return value


def _as_json(value: object, depth: int) -> Json:
    if depth > _DEEPEST:
        raise NotMsgpackError("it is nested too deep")
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_as_json(inner, depth + 1) for inner in value]
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise NotMsgpackError("it holds a map with keys that are not text")
            return {key: _as_json(inner, depth + 1) for key, inner in value.items()}
        case _:
            raise NotMsgpackError("it holds bytes or an extension type")
