"""What the planner must know of a project's fields on Flyte 2.

Everything but the name and the state can be cleared, and an archived project takes whatever it took
before.
"""

from __future__ import annotations

from reconciler.backends.wire.project import ACTIVE, ARCHIVED, CLOSED, LABELS, initial, is_default
from reconciler.model.document import Json, Path
from reconciler.model.traits import Fields

_GOES_ON = (
    "archiving stops nothing on Flyte 2: active triggers in it go on starting runs, and it only "
    "leaves the lists that do not ask for it"
)


def steps(path: str) -> Path:
    """Return the steps to a field in the spec."""
    return ("labels", path.removeprefix(LABELS)) if path.startswith(LABELS) else (path,)


def consequences(before: dict[str, Json] | None, after: dict[str, Json] | None) -> tuple[str, ...]:
    """Say what a change of the project's state does not do to what runs in it."""
    was = (before or {}).get("state", ACTIVE)
    becomes = (after or {}).get("state", ACTIVE)
    return (_GOES_ON,) if was != becomes and becomes == ARCHIVED else ()


FIELDS = Fields(
    unclearable=frozenset({"displayName", "state"}),
    ended_by=("state", CLOSED),
    steps=steps,
    is_default=is_default,
    initial=initial,
)
