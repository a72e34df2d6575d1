"""The port for looking, on a Flyte 2; see `backends.reading` for the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

from reconciler.backends.flyte2 import console
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.reading import projects, secrets, tasks, triggers
from reconciler.backends.wire import looking
from reconciler.errors import UnsupportedError
from reconciler.model.asked import NAME, NEWEST, Asked, Told
from reconciler.model.entity import ACTIVE, INACTIVE, Details, Entity, What
from reconciler.model.key import Place


class Flyte2Reading:
    """Looks at a Flyte 2 over one channel and its routes."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def console(self) -> str:
        """The address of the console that the connection names."""
        return self._link.channel.settings.console

    @property
    def console_guess(self) -> str:
        """The address at which the console of Flyte 2 would be."""
        return console.guess(self._link.channel.settings)

    def tells(self, asked: Asked) -> Told:
        """Name the fields of rows, and their states."""
        match asked.what:
            case What.PROJECTS | What.DOMAINS | What.SECRETS:
                return looking.TOLD[asked.what]
            case What.TRIGGERS:
                fields = frozenset({"name", "state", "created", "updated"})
                return Told(fields, frozenset({ACTIVE, INACTIVE}))
            case What.TASKS:
                return Told(frozenset({"name", "version", "created"}))
            case What.WORKFLOWS:
                raise UnsupportedError(
                    "workflows: Flyte 2 has none, a task calls others; list tasks instead"
                )
            case _:
                raise UnsupportedError("launchplans: Flyte 2 has none; list triggers instead")

    def order(self, asked: Asked) -> str:
        """Versions of one name come by age, everything else by name."""
        if not asked.is_history:
            return NAME
        is_one = asked.place is not None and len(asked.exact_names) == 1
        return NEWEST if is_one else ""

    def entities(self, asked: Asked) -> AsyncIterator[Entity]:
        """Yield the rows of a list."""
        match asked.what:
            case What.PROJECTS:
                return projects.projects(self._link.channel)
            case What.DOMAINS:
                return projects.domains(self._link.channel)
            case What.SECRETS:
                return secrets.secrets(self._link, asked)
            case What.TRIGGERS:
                return triggers.triggers(self._link.channel, asked)
            case _:
                return tasks.tasks(self._link.channel, asked)

    async def details(self, what: What, place: Place, name: str, version: str) -> Details | None:
        """Read one entity."""
        match what:
            case What.PROJECTS:
                return await projects.details(self._link.channel, name)
            case What.DOMAINS:
                return await projects.domain_details(self._link.channel, name)
            case What.SECRETS:
                return await secrets.details(self._link, place, name)
            case What.TRIGGERS:
                return await triggers.details(self._link.channel, place, name)
            case _:
                return await tasks.details(self._link.channel, place, name, version)
