"""The port over a snapshot: the same planner runs, and there is nothing that could be written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

from reconciler.backends.reading import Reading
from reconciler.backends.running import Running
from reconciler.backends.snapshot.hiding import reveal
from reconciler.backends.snapshot.recorded import Content, Fields, Item, Name, Snapshot, Thing
from reconciler.errors import UnsupportedError, UsageError
from reconciler.model.attachment import Attachment
from reconciler.model.document import Json
from reconciler.model.health import Check
from reconciler.model.interface import Catalog, Unread, Want
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger, Written
from reconciler.model.live import About, Live, LiveVersion, Object, Query, Record, Versions
from reconciler.model.origin import Problem
from reconciler.model.packaged import Packaged, Wanted
from reconciler.model.resource import Resource
from reconciler.model.secret import Content as SecretContent
from reconciler.model.secret import Secret
from reconciler.model.traits import Describe, Traits
from reconciler.plan.plan import Action
from reconciler.resolve.context import Adapter

_SAID = "(hidden)"
"""Where a body that is not shown keeps its description."""

_ANEW = "make the snapshot anew, from a checkout that declares it"


@dataclass(frozen=True, slots=True)
class SnapshotBackend:
    """Answers as the Flyte did when the snapshot was made; see backends.port for the contract.

    `name` is what the user calls the file. `served` and `resolving` are the traits and adapters of
    the Flyte that it was made of.
    """

    snapshot: Snapshot
    name: str
    served: Mapping[str, Traits]
    resolving: Mapping[str, Adapter]
    _traits: dict[str, Traits] = field(default_factory=dict, init=False, repr=False)

    @property
    def traits(self) -> Mapping[str, Traits]:
        """The kinds of the Flyte, described without what is hidden."""
        if not self._traits:
            for kind, traits in self.served.items():
                self._traits[kind] = replace(traits, describe=partial(_describe, traits.describe))
        return self._traits

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """How documents become resources of the Flyte."""
        return self.resolving

    @property
    def reading(self) -> Reading:
        """Refuse: a snapshot is for plans."""
        self._refuse("list what is registered")

    @property
    def running(self) -> Running:
        """Refuse: a snapshot is for plans."""
        self._refuse("look at runs")

    def offer(self, attachments: Mapping[str, Attachment]) -> None:
        """Take what registering would need; nothing is registered."""

    def offer_contents(self, contents: Mapping[Key, SecretContent]) -> None:
        """Take what secrets would hold; no secret is written."""

    def hmac_key(self) -> Secret[str] | None:
        """Return no key: a snapshot knows nothing of secrets."""
        return None

    async def identity(self) -> Mapping[str, str]:
        """Say what the snapshot was made of, and when."""
        made = f"--against {self.name}, made {self.snapshot.made_at}"
        return {**self.snapshot.connection, "chosenBy": made}

    async def probe(self) -> tuple[Check, ...]:
        """Check nothing: there is no connection."""
        return ()

    async def catalog(self, wants: Collection[Want]) -> Catalog:
        """Look up workflows and tasks among those that were asked for then."""
        unknown = Unread(f"the snapshot {self.name} does not hold it; {_ANEW}")
        return {want: self.snapshot.catalog.get(want, unknown) for want in wants}

    async def observe(self, query: Query) -> Live:
        """Give what the Flyte would have answered to this query."""
        reading = _Reading(self.snapshot, query, self.served, self.name)
        return Live(dict(reading.objects()), dict(reading.unreadable()))

    async def unmet(self, resources: Mapping[Key, Resource]) -> tuple[Problem, ...]:
        """Warn of nothing: a snapshot knows no cluster."""
        del resources
        return ()

    async def places(self) -> frozenset[Place]:
        """List the project-domains that were read."""
        return self.snapshot.places

    async def inventory(self, place: Place, kind: str) -> Mapping[Key, Versions]:
        """Refuse: a snapshot is for plans."""
        self._refuse(f"list {kind} in {place}")

    async def fetch(self, keys: Collection[Key]) -> Mapping[Key, Object]:
        """Refuse: a snapshot is for plans."""
        self._refuse(f"read {len(keys)} objects")

    async def package(self, place: Place, wanted: Wanted) -> Packaged:
        """Refuse: a snapshot holds no code."""
        self._refuse(f"read the code {wanted} in {place}")

    async def perform(self, action: Action) -> str:
        """Refuse: nothing can be written."""
        self._refuse(action.id)

    async def read_ledger(self, set_name: str, home: Place | None) -> Ledger:
        """Give the ledger of the set; raises UsageError for another one."""
        del home
        found = self.snapshot.ledgers.get(set_name)
        if found is None:
            raise UsageError(
                f"{self.name}: is a snapshot for set {self.snapshot.set_name}, and {set_name} is "
                "declared here; make one for this set"
            )
        return found

    async def ledgers(self, places: Collection[Place]) -> Mapping[str, Ledger]:
        """Give what the ledgers of other sets say of the scope."""
        found: dict[str, dict[Key, str]] = {}
        for key, name in self.snapshot.elsewhere.items():
            if key.place in places:
                found.setdefault(name, {})[key] = ""
        return {name: Ledger(name, adopted=adopted) for name, adopted in found.items()}

    async def audit(self, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
        """Refuse: a snapshot holds the last version only."""
        del after, most
        self._refuse(f"read the history of the ledger of {ledger.set_name}")

    async def write_ledger(self, ledger: Ledger, home: Place) -> Ledger:
        """Refuse: nothing can be written."""
        self._refuse(f"write the ledger of {ledger.set_name} in {home}")

    def _refuse(self, what: str) -> NoReturn:
        raise UnsupportedError(
            f"{self.name}: cannot {what}: it is a snapshot, which only plans; connect to the Flyte"
        )


def _describe(describe: Describe, body: dict[str, Json]) -> dict[str, Json]:
    said = body.get(_SAID)
    return said if isinstance(said, dict) else describe(body)


class _Reading:
    """One query against a snapshot."""

    def __init__(
        self, snapshot: Snapshot, query: Query, traits: Mapping[str, Traits], name: str
    ) -> None:
        self._snapshot = snapshot
        self._query = query
        self._traits = traits
        self._name = name
        self._declared = {snapshot.hider.mark(body): body for body in query.expected.values()}

    def unreadable(self) -> dict[tuple[str, Place], str]:
        """Name what failed then, and what was not read then."""
        found: dict[tuple[str, Place], str] = {}
        asked = {
            place: {kind for kind, one in self._traits.items() if one.has_pointer}
            for place in self._query.places
        }
        for key in (*self._query.versions, *self._query.objects):
            asked.setdefault(key.place, set()).add(key.kind)
        for place, kinds in asked.items():
            for kind in kinds:
                cause = self._snapshot.unreadable.get((kind, place), "")
                if cause or not self._is_known(place):
                    found[kind, place] = cause or self._unknown(str(place))
        for key in self._query.records - self._snapshot.records:
            if self._exists(key.place):
                found[key.kind, key.place] = self._unknown(str(key))
        return found

    def objects(self) -> dict[Key, Versions | Record | Object]:
        """Give what was found, as far as the query asks for it."""
        found: dict[Key, Versions | Record | Object] = {}
        for key, item in self._snapshot.items.items():
            answer = self._answer(key, item)
            if answer is not None:
                found[key] = answer
        facts = next((one.facts for one in found.values() if isinstance(one, Record)), None)
        for key in self._query.records - found.keys():
            if facts is not None and not self._exists(key.place):
                found[key] = Record({}, facts=facts, exists=False)
        return found

    def _unknown(self, what: str) -> str:
        return f"the snapshot {self._name} does not hold {what}; {_ANEW}"

    def _is_known(self, place: Place) -> bool:
        return place in self._snapshot.places or not self._exists(place)

    def _exists(self, place: Place) -> bool:
        return self._snapshot.hider.mark(str(place)) in self._snapshot.existing

    def _answer(self, key: Key, item: Item) -> Versions | Record | Object | None:
        match item:
            case Fields() if key in self._query.records:
                return self._record(key, item)
            case Name() if key.place in self._query.places or key in self._query.versions:
                return self._versions(key, item)
            case Thing() if key.place in self._query.places or key in self._query.objects:
                return self._object(key, item)
            case _:
                return None

    def _record(self, key: Key, item: Fields) -> Record:
        known = self._snapshot.hider.marks(self._query.expected.get(key))
        fields = {path: reveal(value, known) for path, value in item.fields.items()}
        return Record(fields, facts=item.facts, exists=item.exists, revision=item.revision)

    def _versions(self, key: Key, item: Name) -> Versions | None:
        asked = self._query.versions.get(key, frozenset())
        active = item.active if key.place in self._query.places else ()
        running = tuple(LiveVersion(one.version, self._body(key, one.content)) for one in active)
        known = {one.version: one for one in running if one.version in asked}
        for one in item.registered:
            if one.version in asked:
                known.setdefault(
                    one.version, LiveVersion(one.version, self._body(key, one.content))
                )
        about = self._about(key, item) if key.place in self._query.described else None
        is_named = about is not None and key in self._query.versions
        return Versions(running, known, about) if running or known or is_named else None

    def _about(self, key: Key, item: Name) -> About | None:
        if item.description is None:
            return None
        known = self._snapshot.hider.marks("", self._query.texts.get(key, ""))
        text: Any = reveal(item.description, known)
        return About(text, item.is_archived)

    def _object(self, key: Key, item: Thing) -> Object:
        body: dict[str, Json] | None = None
        content = ""
        if key in self._query.objects:
            held = self._query.objects[key]
            content = item.digest
            if held is not None and held.digest and held.revision == item.revision:
                body, content = self._query.expected.get(key), held.digest
            elif item.content is not None:
                body = self._body(key, item.content)
        changed = item.changed if content or body is not None else ""
        return Object(item.revision, body, content, item.is_active, item.listed, changed)

    def _body(self, key: Key, content: Content | None) -> dict[str, Json] | None:
        """Give the declared body where it is the same, else what may be seen of it."""
        if content is None:
            return None
        same = self._declared.get(content.mark)
        if same is not None:
            return same
        expected = self._query.expected.get(key)
        known = {}
        if expected is not None:
            known = self._snapshot.hider.marks(self._traits[key.kind].describe(expected))
        body: dict[str, Json] = {_SAID: reveal(content.said or {}, known)}
        if content.schedule is not None:
            body["schedule"] = content.schedule
        return body
