"""Data of nodes and of attempts by short address: `flyte://v1/PROJECT/DOMAIN/RUN/NODE/o/NAME`.

Facts from flyteadmin 1.16.8: `i`, `o` and `d` stand for inputs, outputs and the deck, a number
before them for an attempt, counted from 0. What it finds too large to read it gives as empty, so
that it is asked only for what no other call tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from flyteidl.core import literals_pb2
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1 import faults
from reconciler.backends.flyte1.run import data, methods
from reconciler.backends.flyte1.run.stored import Stored
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError, UsageError
from reconciler.model.key import Place
from reconciler.model.run import RunId, Values

_PART = "[a-zA-Z0-9_-]+"
_ADDRESS = re.compile(
    rf"flyte://v1/({_PART})/({_PART})/({_PART})/({_PART})(?:/([0-9]+))?/([iod])(?:/({_PART}))?"
)
_SIDES = {"i": "inputs", "o": "outputs"}


@dataclass(frozen=True, slots=True)
class _Short:
    text: str
    run_id: RunId
    node: str
    attempt: str
    side: str
    name: str

    @property
    def whole(self) -> str:
        return self.text.removesuffix(f"/{self.name}") if self.name else self.text

    @staticmethod
    def read(text: str) -> _Short:
        found = _ADDRESS.fullmatch(text)
        if found is None or (found[6] == "d" and (found[5] or found[7])):
            raise UsageError(
                f"{text}: is no address of data; write "
                "flyte://v1/PROJECT/DOMAIN/RUN/NODE[/ATTEMPT]/i or /o[/NAME], or NODE/d for a deck"
            )
        project, domain, run, node, attempt, side, name = (part or "" for part in found.groups())
        return _Short(text, RunId(Place(project, domain), run), node, attempt, side, name)


async def addressed(channel: Channel, text: str) -> Values | bytes | None:
    """Read what an address names; None where there is none (yet). Raises UsageError."""
    short = _Short.read(text)
    values: Values | None
    try:
        if short.side == "d":
            return await data.report(channel, short.run_id, short.node)
        if short.attempt:
            values = await _of_attempt(channel, short)
        else:
            found = await data.of_step(channel, short.run_id, short.node)
            values = found.inputs if short.side == "i" else found.outputs
    except BackendError as error:
        if error.code == "NOT_FOUND" or faults.is_not_found(error):
            return None
        raise
    if values is None or not short.name:
        return values
    if short.name not in values.literals:
        known = ", ".join(values.literals) or "none at all"
        raise BackendError(
            f"{text}: there is no {_SIDES[short.side][:-1]} {short.name}; there is {known}"
        )
    types = {name: one for name, one in values.types.items() if name == short.name}
    return replace(values, literals={short.name: values.literals[short.name]}, types=types)


async def _of_attempt(channel: Channel, short: _Short) -> Values:
    request = dataproxy_pb2.GetDataRequest(flyte_url=short.whole)
    answer = await channel.call(methods.GET_DATA, request)
    whole: literals_pb2.LiteralMap = await Stored(channel).whole(answer.literal_map)
    return Values(literals={name: to_json(one) for name, one in sorted(whole.literals.items())})
