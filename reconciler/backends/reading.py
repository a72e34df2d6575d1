"""The port for looking at what is registered; apart from the one that plans and writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from reconciler.model.asked import Asked, Told
from reconciler.model.entity import Details, Entity, What
from reconciler.model.key import Place


class Reading(Protocol):
    """What is registered on one Flyte installation; nothing here writes.

    Every method raises BackendError where the backend does not answer: a list that could not be
    read whole is an error, never a shorter list.
    """

    @property
    def console(self) -> str:
        """The address of the console that the connection names, else empty."""
        ...

    @property
    def console_guess(self) -> str:
        """The address at which the endpoint's own console would be."""
        ...

    def tells(self, asked: Asked) -> Told:
        """Say what the rows of a list can be filtered and sorted by.

        Raises UnsupportedError for what this Flyte does not have.
        """
        ...

    def order(self, asked: Asked) -> str:
        """Name the order in which `entities` gives its rows, empty where it is none."""
        ...

    def entities(self, asked: Asked) -> AsyncIterator[Entity]:
        """Yield at least the rows that match, page by page, each once."""
        ...

    async def details(self, what: What, place: Place, name: str, version: str) -> Details | None:
        """Read one entity with all that is told of it; None when there is none.

        Without a version it is the active one, else the newest.
        """
        ...
