"""One Flyte 1 installation behind the port."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Self

from flyteidl.admin import common_pb2, project_pb2, version_pb2
from flyteidl.service import identity_pb2

from reconciler.backends import pursuing
from reconciler.backends.auth import secret
from reconciler.backends.flyte1 import adapters, calls, catalog, methods
from reconciler.backends.flyte1 import ledger as ledgers
from reconciler.backends.flyte1 import probe as probes
from reconciler.backends.flyte1.attachments import Attachments
from reconciler.backends.flyte1.declared.uploads import with_uploads
from reconciler.backends.flyte1.inventory import inventory
from reconciler.backends.flyte1.observe import ReadBefore, observe_versions
from reconciler.backends.flyte1.package.export import export
from reconciler.backends.flyte1.project.observe import observe_projects
from reconciler.backends.flyte1.project.spec import KIND as PROJECT
from reconciler.backends.flyte1.reading import Flyte1Reading
from reconciler.backends.flyte1.run.running import Flyte1Running
from reconciler.backends.flyte1.secret import needed
from reconciler.backends.flyte1.secret.calls import Writer
from reconciler.backends.flyte1.secret.observe import observe as observe_secrets
from reconciler.backends.flyte1.secret.spec import KIND as SECRET
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.kubernetes.client import DEADLINE_SECONDS
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.probe import who
from reconciler.errors import BackendError, UnsupportedError
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

Asked = version_pb2.GetVersionResponse | BackendError | None


async def ask_version(channel: Channel) -> version_pb2.GetVersionResponse:
    """Ask for the version; UNIMPLEMENTED is the answer of what is no Flyte 1."""
    return await channel.call(methods.GET_VERSION, version_pb2.GetVersionRequest())


class Flyte1:
    """Speaks to flyteadmin over one channel; see backends.port for the contract.

    `label` is how plans call the endpoint where its address says nothing, as for an embedded Flyte
    whose port changes. `asked` is what the server said to the question for its version, where that
    was asked before.
    """

    def __init__(self, channel: Channel, *, label: str = "", asked: Asked = None) -> None:
        self.channel = channel
        self.label = label or channel.endpoint
        self._asked = asked
        self._attachments = Attachments()
        self._before = ReadBefore()
        settings = channel.settings
        self._vault = Vault(
            settings.data_plane,
            settings.permit,
            min(settings.deadline.total_seconds(), DEADLINE_SECONDS),
            is_read_only=channel.is_read_only,
        )
        self._writer = Writer(self._vault)
        # Values are compared in the cluster: this only tells that one changed before its write.
        self._passing_key = Secret(secrets.token_hex(32))

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the cluster, if secrets were looked at."""
        await self._vault.close()

    def offer(self, attachments: Mapping[str, Attachment]) -> None:
        """Take what objects that are going to be registered need beside their bodies."""
        self._attachments.add(attachments)

    def offer_contents(self, contents: Mapping[Key, Content]) -> None:
        """Take what declared secrets are to hold, to compare and to write them."""
        self._vault.contents.update(contents)

    def hmac_key(self) -> Secret[str] | None:
        """Return the key for hashes of secret values; one is made up where none is named."""
        return secret.hmac_key(self.channel.settings.hmac_key) or self._passing_key

    @property
    def traits(self) -> Mapping[str, Traits]:
        """The kinds of Flyte 1."""
        return adapters.TRAITS

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """How documents become resources of Flyte 1."""
        return adapters.ADAPTERS if self._vault.is_known else adapters.WITHOUT_CLUSTER

    @property
    def reading(self) -> Flyte1Reading:
        """Look at what is registered."""
        return Flyte1Reading(self.channel, self._vault)

    @property
    def running(self) -> Flyte1Running:
        """Look at executions, and act on them."""
        return Flyte1Running(self.channel)

    async def identity(self) -> Mapping[str, str]:
        """Ask for version and identity; raises UnavailableError when nothing answers."""
        try:
            version = await self._version()
        except UnsupportedError as error:
            raise UnsupportedError(
                f"{self.label}: does not serve Flyte 1's AdminService; if it is a Flyte 2, write "
                "flyte: Flyte2 or Auto in the FlyteConnection, or give --flyte Flyte2",
                method=error.method,
                code=error.code,
            ) from error
        asked = self.channel.call(methods.USER_INFO, identity_pb2.UserInfoRequest())
        return {
            "endpoint": self.label,
            "identity": await who(asked),
            "flyte": "Flyte1",
            "version": version.control_plane_version.Version,
            "chosenBy": self.channel.settings.chosen_by,
        }

    async def _version(self) -> version_pb2.GetVersionResponse:
        asked, self._asked = self._asked, None
        if isinstance(asked, BackendError):
            raise asked
        return asked or await ask_version(self.channel)

    async def probe(self) -> tuple[Check, ...]:
        """Check the connection from the socket up, and the cluster of the tasks if it is known."""
        found = await probes.probe(self.channel)
        return (*found, await self._vault.check()) if self._vault.is_known else found

    async def catalog(self, wants: Collection[Want]) -> Catalog:
        """Look up workflows that plans refer to."""
        return await catalog.look_up(self.channel, wants)

    async def observe(self, query: Query) -> Live:
        """Read the live side of a query."""
        found, failed = await observe_versions(self.channel, query, self._attachments, self._before)
        projects = frozenset(key for key in query.records if key.kind == PROJECT)
        records, unread = await observe_projects(self.channel, projects)
        kept = await observe_secrets(self._vault, query)
        readers = {kind: made(self.channel, query) for kind, made in calls.READ_RUNS_WITH.items()}
        runs = await pursuing.observe(lambda: self.running, {**calls.READ_RUNS, **readers}, query)
        return Live(
            {**found, **records, **kept.objects, **runs.objects},
            {**failed, **unread, **kept.unreadable, **runs.unreadable},
        )

    async def unmet(self, resources: Mapping[Key, Resource]) -> tuple[Problem, ...]:
        """Warn of secrets that tasks ask for, where the cluster that runs them is known."""
        return await needed.unmet(self._vault, resources) if self._vault.is_known else ()

    async def places(self) -> frozenset[Place]:
        """List the project-domains of all projects, archived ones included."""
        request = project_pb2.ProjectListRequest(
            limit=0, filters="gte(state,0)", sort_by=common_pb2.Sort(key="identifier")
        )
        answer = await self.channel.call(methods.LIST_PROJECTS, request)
        return frozenset(
            Place(project.id, domain.id)
            for project in answer.projects
            for domain in project.domains
        )

    async def inventory(self, place: Place, kind: str) -> Mapping[Key, Versions]:
        """List all names of a kind in a place."""
        return await inventory(self.channel, place, kind)

    async def fetch(self, keys: Collection[Key]) -> Mapping[Key, Object]:
        """Read mutable objects with their content, which no secret gives."""
        del keys
        return {}

    async def package(self, place: Place, wanted: Wanted) -> Packaged:
        """Make a package of what is registered in a place."""
        return await export(self.channel, place, wanted)

    async def perform(self, action: Action) -> str:
        """Carry out one action; only secrets have a revision."""
        what = action.key.kind, action.verb
        if action.verb in ON_RUNS:
            located = await with_uploads(self.channel, action, self._attachments)
            return await pursuing.perform(self.running, located)
        if action.key.kind == SECRET:
            return await self._writer.perform(action)
        if what in calls.PERFORM_WITH:
            await calls.PERFORM_WITH[what](self.channel, action, self._attachments)
        else:
            await calls.PERFORM[what](self.channel, action)
        return ""

    async def read_ledger(self, set_name: str, home: Place | None) -> Ledger:
        """Read a set's ledger at home, else wherever it is."""
        found = None if home is None else await ledgers.read(self.channel, set_name, home)
        if found is None:
            found = await ledgers.search(self.channel, set_name, sorted(await self.places()))
        return found or Ledger(set_name)

    async def ledgers(self, places: Collection[Place]) -> Mapping[str, Ledger]:
        """Read the ledgers of all sets in these places."""
        return await ledgers.read_all(self.channel, sorted(places))

    async def audit(self, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
        """Read the versions of a set's ledger, the newest first."""
        return await ledgers.audit(self.channel, ledger, after=after, most=most)

    async def write_ledger(self, ledger: Ledger, home: Place) -> Ledger:
        """Write a set's ledger."""
        return await ledgers.write(self.channel, ledger, home)
