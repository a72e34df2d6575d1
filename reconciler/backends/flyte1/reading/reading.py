"""The port for looking, on flyteadmin; see `backends.reading` for the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

from reconciler.backends.flyte1.reading import describe, names, projects, secrets, versions
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.wire import console, looking
from reconciler.backends.wire.channel import Channel
from reconciler.errors import UnsupportedError
from reconciler.model.asked import NAME, NEWEST, Asked, Told
from reconciler.model.entity import ACTIVE, ARCHIVED, INACTIVE, Details, Entity, What
from reconciler.model.key import Place

_OLDEST = NEWEST.removeprefix("-")
_OF_NAMES = frozenset({ACTIVE, ARCHIVED, "system-generated"})
_OF_PLANS = frozenset({ACTIVE, INACTIVE})


class Flyte1Reading:
    """Looks at a Flyte 1 over one channel, and at its secrets in the cluster of its tasks."""

    def __init__(self, channel: Channel, vault: Vault) -> None:
        self._channel = channel
        self._vault = vault

    @property
    def console(self) -> str:
        """The address of the console that the connection names."""
        return self._channel.settings.console

    @property
    def console_guess(self) -> str:
        """The address at which flyteadmin's own console would be."""
        return console.guess(self._channel.settings)

    def tells(self, asked: Asked) -> Told:
        """Name the fields of rows, and their states."""
        match asked.what:
            case What.PROJECTS | What.DOMAINS | What.SECRETS:
                return looking.TOLD[asked.what]
            case What.TRIGGERS:
                raise UnsupportedError(
                    "triggers: Flyte 1 has none; list launchplans, or connect to a Flyte 2"
                )
            case What.LAUNCH_PLANS:
                more = frozenset() if asked.is_history else frozenset({ARCHIVED})
                fields = frozenset({"name", "version", "state", "created", "updated"})
                return Told(fields, _OF_PLANS | more)
            case _ if asked.is_history:
                return Told(frozenset({"name", "version", "created"}))
            case _:
                return Told(frozenset({"name", "version", "state", "created"}), _OF_NAMES)

    def order(self, asked: Asked) -> str:
        """Versions come by age where they are of one place, everything else by name."""
        if not asked.is_history:
            return NAME
        is_by_age = asked.place is not None and asked.order in {NEWEST, _OLDEST}
        return asked.order if is_by_age else ""

    def entities(self, asked: Asked) -> AsyncIterator[Entity]:
        """Yield the rows of a list."""
        match asked.what:
            case What.PROJECTS:
                return projects.projects(self._channel, asked)
            case What.DOMAINS:
                return projects.domains(self._channel)
            case What.SECRETS:
                return secrets.secrets(self._channel, self._vault, asked)
            case _ if asked.is_history:
                return versions.versions(self._channel, asked)
            case _:
                return names.names(self._channel, asked)

    async def details(self, what: What, place: Place, name: str, version: str) -> Details | None:
        """Read one entity."""
        match what:
            case What.PROJECTS:
                return await projects.details(self._channel, name)
            case What.DOMAINS:
                return await projects.domain_details(self._channel, name)
            case What.SECRETS:
                return await secrets.details(self._vault, place, name)
            case _:
                return await describe.details(self._channel, what, place, name, version)
