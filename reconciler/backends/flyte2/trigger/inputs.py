"""The inputs of a trigger, and what a live trigger tells about its own.

They are always offloaded: the open-source manager (2.0.43) drops inline ones when the trigger
fires. Offloaded ones cannot be read back, but two things prove what they are. We write them below a
folder named after their digest (and the input that takes the scheduled time, for people), which
stands in the URI. And the hash that the server returns is
FNV-1a over Go's deterministic encoding, as everybody who uploads the same inputs gets it, unless
the task ignores some of them for its cache: those are not in the hash.

In a normal form, inputs are one of

    {literals: {name: literal}, context: {key: text}, ignored?: [name]}   known
    {digest, kickoff?, hash}  ours, content not at hand
    {uri, hash}            somebody else's
    {inline: {...}}        not offloaded
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote, unquote

from flyteidl2.common import run_pb2
from flyteidl2.task import common_pb2
from flyteidl2.trigger import trigger_definition_pb2

from reconciler.backends.wire import go_bytes
from reconciler.backends.wire.message import from_json, to_json
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.specs.trigger import KICKOFF_KEY
from reconciler.values.canonical import canonical

FOLDER = "flyte-reconciler.inputs"
"""The folder below which we write inputs; the one below it is named after their digest."""

_OURS = re.compile(rf"/{re.escape(FOLDER)}/([a-z][a-z2-7]{{15}})(?:\.([^/]+))?/")
_OFFSET_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = (1 << 64) - 1


def known(
    literals: Mapping[str, Json], context: Mapping[str, str], ignored: Iterable[str] = ()
) -> dict[str, Json]:
    """Put inputs together whose content is known; empty when there are none."""
    if not literals and not context:
        return {}
    found: dict[str, Json] = {
        "literals": {name: canonical(literal) for name, literal in literals.items()},
        "context": dict(context),
    }
    left_out: list[Json] = [name for name in ignored if name in literals]
    if left_out:
        found["ignored"] = left_out
    return found


def fingerprint(inputs: Json) -> Json:
    """Reduce inputs to what a live trigger tells of them, for digests and comparison."""
    match inputs:
        case {"literals": literals, "context": dict(context)}:
            found: dict[str, Json] = {"digest": digest({"literals": literals, "context": context})}
            if KICKOFF_KEY in context:
                found["kickoff"] = context[KICKOFF_KEY]
            return found
        case dict() if "digest" in inputs:
            return {name: part for name, part in inputs.items() if name != "hash"}
        case _:
            return inputs


def folder_of(known_inputs: Mapping[str, Any]) -> str:
    """Name the folder of known inputs."""
    found = cast("dict[str, str]", fingerprint(dict(known_inputs)))
    parts = [found["digest"], *([quote(found["kickoff"], safe="")] if "kickoff" in found else [])]
    return f"{FOLDER}/{'.'.join(parts)}"


def from_wire(spec: trigger_definition_pb2.TriggerSpec) -> dict[str, Json]:
    """Read what a live trigger tells of its inputs; empty when it has none."""
    match spec.WhichOneof("input_wrapper"):
        case "offloaded_input_data":
            data = spec.offloaded_input_data
            ours = _OURS.search(data.uri)
            if ours is not None:
                kickoff = {"kickoff": unquote(ours[2])} if ours[2] else {}
                return {"digest": ours[1], **kickoff, "hash": data.inputs_hash}
            return {"uri": data.uri, "hash": data.inputs_hash}
        case "inputs" if spec.inputs.literals or _say_something(spec.inputs):
            return {"inline": to_json(spec.inputs)}
        case _:
            return {}


def base_of(uri: str) -> str:
    """Return the folder below which uploads are, of which one of ours is at a URI."""
    return uri.partition(f"/{FOLDER}/")[0]


def _say_something(inline: common_pb2.Inputs) -> bool:
    """Say whether a context tells more than what the schedule's own argument tells."""
    return any(pair.key != KICKOFF_KEY for pair in inline.context)


def recognised(live: Json, expected: Json) -> Json:
    """Return the expected inputs where the live ones are proven to be the same, else the live."""
    if fingerprint(live) == fingerprint(expected):
        return expected
    match live, expected:
        case {"hash": str(hash_)}, {"literals": dict(literals), "context": dict()}:
            known_inputs = cast("dict[str, Any]", expected)
            if "ignored" in known_inputs:
                return live
            orders = (list(literals), sorted(literals))
            is_same = any(
                hash_ == hash_of(to_message(known_inputs, order=order)) for order in orders
            )
            return expected if is_same else live
        case _:
            return live


def to_message(inputs: Mapping[str, Any], order: Iterable[str] | None = None) -> common_pb2.Inputs:
    """Write known inputs as the message to upload, by name as interfaces have them."""
    message = common_pb2.Inputs()
    for name in sorted(inputs["literals"]) if order is None else order:
        literal = message.literals.add(name=name)
        from_json(inputs["literals"][name], literal.value)
    for key, value in inputs["context"].items():
        message.context.add(key=key, value=value)
    return message


def hash_of(message: common_pb2.Inputs) -> str:
    """Hash inputs as the server does."""
    value = _OFFSET_BASIS
    for byte in go_bytes.encode(message):
        value = (value ^ byte) * _PRIME & _MASK
    return base64.urlsafe_b64encode(value.to_bytes(8, "big")).rstrip(b"=").decode("ascii")


def offloaded(uri: str, hash_: str) -> run_pb2.OffloadedInputData:
    """Point to uploaded inputs."""
    return run_pb2.OffloadedInputData(uri=uri, inputs_hash=hash_)
