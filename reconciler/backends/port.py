"""The port to one Flyte installation; everything above speaks to it and to nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from reconciler.backends.reading import Reading
from reconciler.backends.running import Running
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
from reconciler.model.traits import Traits
from reconciler.plan.plan import Action
from reconciler.resolve.context import Adapter


class Backend(Protocol):
    """One Flyte installation.

    Reading costs pages, never a call per entity. Every method raises BackendError (or one of its
    kinds) when the backend as a whole cannot answer; what fails in one project-domain only is
    reported in the result as unreadable.
    """

    @property
    def traits(self) -> Mapping[str, Traits]:
        """The kinds this backend serves."""
        ...

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """How the documents of each kind are resolved."""
        ...

    @property
    def reading(self) -> Reading:
        """The port for looking at what is registered."""
        ...

    @property
    def running(self) -> Running:
        """The port for executions; raises UnsupportedError where they are not served."""
        ...

    def offer(self, attachments: Mapping[str, Attachment]) -> None:
        """Take what registering needs beside bodies: code archives, local files, descriptions."""
        ...

    def offer_contents(self, contents: Mapping[Key, Content]) -> None:
        """Take what declared secrets are to hold; writing one needs it."""
        ...

    def hmac_key(self) -> Secret[str] | None:
        """Return the key for hashes of secret values, if the connection names one.

        Raises UsageError when it names one that is not to be had.
        """
        ...

    async def identity(self) -> Mapping[str, str]:
        """Say what we are connected to: endpoint, identity, flyte, version, chosenBy."""
        ...

    async def probe(self) -> tuple[Check, ...]:
        """Check the connection from the socket up, with reads only; failures are in the result."""
        ...

    async def catalog(self, wants: Collection[Want]) -> Catalog:
        """Look up workflows that plans refer to."""
        ...

    async def observe(self, query: Query) -> Live:
        """Read everything active in the places, and the versions and records asked for."""
        ...

    async def unmet(self, resources: Mapping[Key, Resource]) -> tuple[Problem, ...]:
        """Warn of what declared resources need besides Flyte and will not find when they run."""
        ...

    async def places(self) -> frozenset[Place]:
        """List every project-domain of the installation."""
        ...

    async def inventory(self, place: Place, kind: str) -> Mapping[Key, Versions]:
        """List all names of a kind in a place with their active versions, or the newest one."""
        ...

    async def fetch(self, keys: Collection[Key]) -> Mapping[Key, Object]:
        """Read mutable objects with all that can be told of their content, for some calls each.

        What is gone is left out.
        """
        ...

    async def package(self, place: Place, wanted: Wanted) -> Packaged:
        """Read the code that is registered in a place back as a package.

        Registering it in any place under a set gives the digests of what it was registered from.
        Raises UsageError where it cannot be one package.
        """
        ...

    async def perform(self, action: Action) -> str:
        """Carry out one action with one call, and return the revision of a mutable object.

        It is the one that this very write made: empty where somebody else may have written after
        it, where nothing is left, and for kinds without revisions. A deployment over another
        revision than the action's is a ConflictError.

        Of a run that this very call started it is its name, and empty where it was there before.

        Repeating it leaves the same state. "Already exists" is resolved by a read: equal content
        is success, other content is a ConflictError.
        """
        ...

    async def read_ledger(self, set_name: str, home: Place | None) -> Ledger:
        """Read the ledger of a set, looking in `home` first; an empty one when there is none."""
        ...

    async def ledgers(self, places: Collection[Place]) -> Mapping[str, Ledger]:
        """Read the ledgers of all sets that have theirs in these places, by set."""
        ...

    async def audit(self, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
        """Read what was written to a ledger that was read before, the newest first.

        Those are its versions after one, and at most so many; fewer where old ones are gone, or
        where they would be larger together than can be read at once. Costs pages where a list
        tells contents, else a call per version.
        """
        ...

    async def write_ledger(self, ledger: Ledger, home: Place) -> Ledger:
        """Write the ledger after the revision that it was read at, and return it as written.

        Raises ConflictError when somebody else wrote it in between.
        """
        ...
