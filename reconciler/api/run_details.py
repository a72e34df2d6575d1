"""One run, or one of its steps, with all that its Flyte tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from reconciler.api.run_handle import find_step
from reconciler.errors import BackendError, DeniedError, UnavailableError
from reconciler.model.document import Json, filled
from reconciler.model.run import Data, Gate, Run, Step, Values
from reconciler.model.run_json import gate_json, run_json, step_json
from reconciler.values import read

if TYPE_CHECKING:
    from reconciler.api.run_handle import RunHandle

T = TypeVar("T")

_NO_DATA = Data()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A run with its steps, data and gates; of a step where `step` is one.

    `unread` names the parts that could not be read, with why.
    """

    run: Run
    step: Step | None = None
    steps: tuple[Step, ...] = ()
    data: Data = _NO_DATA
    gates: tuple[Gate, ...] = ()
    url: str = ""
    unread: tuple[str, ...] = ()

    def to_dict(self, *, is_raw: bool = False) -> dict[str, Json]:
        """Write it as JSON; what is empty is left out. `is_raw` gives the literals as well."""
        if self.step is None:
            found = run_json(self.run)
        else:
            found = {"run": run_json(self.run), **step_json(self.step)}
        parts: dict[str, Json] = {
            "inputs": values_json(self.data.inputs, is_raw=is_raw),
            "outputs": values_json(self.data.outputs, is_raw=is_raw),
            "steps": [step_json(one) for one in self.steps],
            "gates": [gate_json(one) for one in self.gates],
            "console": self.url,
            "unread": list[Json](self.unread),
        }
        return {**found, **filled(parts)}


async def details(run: RunHandle, step: str = "") -> RunDetails:
    """Read a run, or one of its steps, with what belongs to it.

    A part that this Flyte does not have, or keeps no more, is named in `unread`. Raises
    UnavailableError and DeniedError: what could not be asked for is not left out.
    """
    port, unread = run.flyte.running, list[str]()
    if step:
        steps = await run.steps()
        found = find_step(steps, step, run.id)
        data = await _part("data", port.data(run.id, found.id), _NO_DATA, unread)
        url = port.url(run.id, found.id)
        return RunDetails(run=run.state, step=found, data=data, url=url, unread=tuple(unread))
    none: tuple[Gate, ...] = ()
    nothing: tuple[Step, ...] = ()
    steps, data, gates = await asyncio.gather(
        _part("steps", port.steps(run.id), nothing, unread),
        _part("data", port.data(run.id), _NO_DATA, unread),
        _part("gates", port.gates(run.id), none, unread),
    )
    return RunDetails(
        run=run.state,
        steps=steps,
        data=data,
        gates=gates,
        url=run.url,
        unread=tuple(sorted(unread)),
    )


def values_json(values: Values | None, *, is_raw: bool = False) -> dict[str, Json]:
    """Write values with their types, by name."""
    if values is None:
        return {}
    types = read.types_of(values)
    return {
        name: {
            "type": types[name],
            "value": read.value(literal),
            **({"literal": literal} if is_raw else {}),
        }
        for name, literal in values.literals.items()
    }


async def _part(name: str, reading: Awaitable[T], instead: T, unread: list[str]) -> T:
    try:
        return await reading
    except (UnavailableError, DeniedError):
        raise
    except BackendError as error:
        unread.append(f"{name}: {error}")
        return instead
