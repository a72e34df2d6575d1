"""One Flyte 2 installation behind the port."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from functools import partial

from flyteidl2.auth import identity_pb2
from flyteidl2.project import project_service_pb2

from reconciler.backends import pursuing
from reconciler.backends.auth import secret
from reconciler.backends.flyte2 import adapters, calls, catalog, methods, paging
from reconciler.backends.flyte2 import capabilities as capability
from reconciler.backends.flyte2 import ledger as ledgers
from reconciler.backends.flyte2 import probe as probes
from reconciler.backends.flyte2.capabilities import Capability
from reconciler.backends.flyte2.declared.starting import prepared
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.package.export import export
from reconciler.backends.flyte2.reading import Flyte2Reading
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.flyte2.run.running import Flyte2Running
from reconciler.backends.flyte2.trigger import fetch
from reconciler.backends.running import Running
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.probe import who
from reconciler.errors import UnsupportedError
from reconciler.model.attachment import Attachment
from reconciler.model.health import Check
from reconciler.model.interface import Catalog, Want
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger, Written
from reconciler.model.live import Live, Object, Query, Versions
from reconciler.model.origin import Problem
from reconciler.model.packaged import Packaged, Wanted
from reconciler.model.resource import Resource
from reconciler.model.secret import Content, Secret
from reconciler.model.traits import ON_RUNS, Traits
from reconciler.plan.plan import Action
from reconciler.resolve.context import Adapter

NO_VERSION = "(tells no version)"


class Flyte2:
    """Speaks to a Flyte 2 over one channel and its routes; see backends.port for the contract.

    `label` is how plans call the endpoint where its address says nothing, as for an embedded Flyte
    whose port changes.
    """

    def __init__(self, channel: Channel, routes: Routes, *, label: str = "") -> None:
        self.channel = channel
        self.link = Link(channel, routes)
        self.label = label or channel.endpoint
        self._served: Mapping[Capability, bool] = {}

    @property
    def traits(self) -> Mapping[str, Traits]:
        """The kinds of Flyte 2."""
        return adapters.TRAITS

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """How documents become resources of Flyte 2."""
        return adapters.ADAPTERS

    @property
    def reading(self) -> Flyte2Reading:
        """Look at what is registered."""
        return Flyte2Reading(self.link)

    @property
    def running(self) -> Running:
        """Look at runs, and act on them."""
        return Flyte2Running(self.link)

    def offer(self, attachments: Mapping[str, Attachment]) -> None:
        """Take what resolved packages attach, for tasks that are going to be registered."""
        self.link.uploads.contents.update(attachments)

    def offer_contents(self, contents: Mapping[Key, Content]) -> None:
        """Take what declared secrets are to hold, for those that are going to be written."""
        self.link.contents.update(contents)

    def hmac_key(self) -> Secret[str] | None:
        """Return the key for hashes of secret values, if there is one."""
        return secret.hmac_key(self.channel.settings.hmac_key)

    async def identity(self) -> Mapping[str, str]:
        """Ask who we are; raises UnavailableError when nothing answers."""
        await confirm(self.channel)
        asked = self.channel.call(methods.USER_INFO, identity_pb2.UserInfoRequest())
        return {
            "endpoint": self.label,
            "identity": await who(asked),
            "flyte": "Flyte2",
            "version": NO_VERSION,
            "chosenBy": self.channel.settings.chosen_by,
        }

    async def probe(self) -> tuple[Check, ...]:
        """Check the connection from the socket up."""
        return await probes.probe(self.channel)

    async def capabilities(self) -> Mapping[Capability, bool]:
        """Say what the server serves; asked once."""
        if not self._served:
            self._served = await capability.served(self.channel)
        return self._served

    async def catalog(self, wants: Collection[Want]) -> Catalog:
        """Look up tasks that triggers refer to."""
        return await catalog.look_up(self.channel, wants)

    async def observe(self, query: Query) -> Live:
        """Read the live side of a query."""
        readers = {kind: partial(read, self.link) for kind, read in calls.READ_RUNS_WITH.items()}
        answers = await asyncio.gather(
            *(observe(self.link, query) for observe in calls.OBSERVE),
            pursuing.observe(lambda: self.running, {**calls.READ_RUNS, **readers}, query),
        )
        found = Live()
        for answer in answers:
            found = Live(
                {**found.objects, **answer.objects}, {**found.unreadable, **answer.unreadable}
            )
        return found

    async def unmet(self, resources: Mapping[Key, Resource]) -> tuple[Problem, ...]:
        """Warn of nothing: what tasks of Flyte 2 need is on the server."""
        del resources
        return ()

    async def places(self) -> frozenset[Place]:
        """List the project-domains of all projects, archived ones included."""
        return frozenset(
            [
                Place(project.id, domain.id)
                async for project in paging.projects(self.channel)
                for domain in project.domains
            ]
        )

    async def inventory(self, place: Place, kind: str) -> Mapping[Key, Versions]:
        """List all names of a kind in a place."""
        raise UnsupportedError(f"{kind}: has no active versions to list on Flyte 2 ({place})")

    async def fetch(self, keys: Collection[Key]) -> Mapping[Key, Object]:
        """Read triggers with all that can be told of their inputs."""
        return await fetch.fetch(self.link, keys)

    async def package(self, place: Place, wanted: Wanted) -> Packaged:
        """Make a package of the tasks that are registered in a place."""
        return await export(self.link, place, wanted)

    async def perform(self, action: Action) -> str:
        """Carry out one action."""
        if action.verb in ON_RUNS:
            return await pursuing.perform(self.running, await prepared(self.link, action))
        return await calls.PERFORM[action.key.kind, action.verb](self.link, action)

    async def read_ledger(self, set_name: str, home: Place | None) -> Ledger:
        """Read a set's ledger at home, else wherever it is."""
        found = None if home is None else await ledgers.read(self.channel, set_name, home)
        return found or await ledgers.search(self.channel, set_name) or Ledger(set_name)

    async def ledgers(self, places: Collection[Place]) -> Mapping[str, Ledger]:
        """Read the ledgers of all sets in these places."""
        return await ledgers.read_all(self.channel, places)

    async def audit(self, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
        """Read the versions of a set's ledger, the newest first."""
        return await ledgers.audit(self.channel, ledger, after=after, most=most)

    async def write_ledger(self, ledger: Ledger, home: Place) -> Ledger:
        """Write a set's ledger."""
        return await ledgers.write(self.channel, ledger, home)


async def confirm(channel: Channel) -> None:
    """Raise UnsupportedError when this is no Flyte 2."""
    request = project_service_pb2.ListProjectsRequest(limit=1)
    try:
        await channel.call(methods.LIST_PROJECTS, request)
    except UnsupportedError as error:
        raise UnsupportedError(
            f"{channel.endpoint}: does not serve Flyte 2's ProjectService; if it is a Flyte 1, "
            "write flyte: Flyte1 or Auto in the FlyteConnection, or give --flyte Flyte1",
            method=error.method,
            code=error.code,
        ) from error
