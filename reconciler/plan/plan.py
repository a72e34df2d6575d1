"""The plan as a value: changes to objects, made of actions that are one call each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.model.ledger import about, mark_of
from reconciler.model.traits import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from reconciler.model.document import Json
    from reconciler.model.drive import Drive
    from reconciler.model.key import Key, Place
    from reconciler.model.ledger import Driven, Held
    from reconciler.model.origin import Origin
    from reconciler.model.policy import Prune
    from reconciler.model.resource import Reference, Resource
    from reconciler.plan.policies import Verdict

FORMAT_VERSION = "1.2"
"""Of the plan JSON: a new minor adds fields, a new major breaks."""


class Effect(StrEnum):
    """What happens to one object, in the order of severity."""

    ADOPT = "adopt"
    """It becomes ours by an entry in the ledger; nothing else is written."""
    PROTECT = "protect"
    """Its protection in the ledger changes; nothing else is written."""
    REGISTER = "register"
    """A version is added that nothing runs yet."""
    CREATE = "create"
    """The object comes into being, or runs for the first time."""
    UPDATE = "update"
    """Its content changes."""
    DEACTIVATE = "deactivate"
    """It is declared inactive, or paused."""
    HAND_OVER = "hand-over"
    """Somebody else's active version, or object, is replaced by ours."""
    REMOVE = "remove"
    """It is ours and no longer declared."""
    START = "start"
    """Runs of it are started."""
    STOP = "stop"
    """Runs of it are stopped, as declared."""
    ANSWER = "answer"
    """A gate at which a run waits gets its value."""


REMOVALS = frozenset({Effect.HAND_OVER, Effect.REMOVE})
"""Effects that stop something which runs; guards and prompts look at these."""

_STOPS = REMOVALS | {Effect.DEACTIVATE, Effect.STOP}


class Reason(StrEnum):
    """Why an object changes."""

    SPEC = "spec"
    """The declaration changed."""
    DRIFT = "drift"
    """The declaration did not change since the last apply; the live side did."""
    FOREIGN = "foreign"
    """Somebody else activated or deactivated it since the last apply."""
    UNDECLARED = "undeclared"
    """It is no longer declared."""
    HOLD = "hold"
    """A pause is in force."""
    IDENTICAL = "identical"
    """It already equals what is declared."""


class Block(StrEnum):
    """Why a change is shown and not done."""

    GUARD = "guard"
    """A prune guard: it would remove too much."""
    PROTECTED = "protected"
    """The ledger protects the object."""
    ADOPTION = "adoption"
    """Somebody else's object differs and `adopt: true` is not set."""
    CONTESTED = "contested"
    """It was put back three times and changed again each time."""
    REPORT = "report"
    """The policy says to report only."""
    UNREADABLE = "unreadable"
    """Something near it could not be read."""
    CONFLICT = "conflict"
    """Its version exists with other content."""
    POLICY = "policy"
    """A policy of the set fails, and the change does more than stop something."""
    FAILED = "failed"
    """A run of it did not end well, and nothing follows."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, in the words of the language; None stands for absent."""

    path: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One call.

    `waits` are ids of actions or names of barriers that must have succeeded before; `opens` are the
    barriers that stay shut until this action has succeeded. `refs` are the versions that the body
    refers to by digest. `revision` is the one that a mutable object was read at, empty where it
    must not exist; `active` says that a deployed object is switched on. `field` is the path of a
    record's field, or the name of a run.
    """

    id: str
    key: Key
    verb: Verb
    call: str
    version: str = ""
    field: str = ""
    revision: str = ""
    active: bool = False
    refs: tuple[Reference, ...] = ()
    body: dict[str, Json] | None = dataclasses.field(default=None, repr=False)
    waits: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that happens to one object.

    `fingerprint` is a digest of what was read of it, `asked` being the versions that were asked
    for: a plan is refused for an object whose fingerprint moved. A change with `block` is shown and
    not done. `owns` is the version that the ledger lists as adopted once the change is done.
    `digest` is that of the desired content, empty for a removal. `renamed_to` is the name that
    goes on with the same content, when something is removed under its old one.
    """

    key: Key
    effect: Effect
    reason: Reason
    fingerprint: str
    origin: Origin | None = None
    group: str = ""
    awaits: str = ""
    fields: tuple[FieldChange, ...] = ()
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    owns: str = ""
    digest: str = ""
    asked: tuple[str, ...] = ()
    renamed_to: str = ""
    block: Block | None = None
    block_detail: str = ""

    @property
    def is_removal(self) -> bool:
        """Say whether something that runs is stopped or taken over."""
        return self.effect in REMOVALS


def change_of(resource: Resource, *, effect: Effect, reason: Reason, fingerprint: str) -> Change:
    """Begin the change of a declared object, with all that its declaration says of it."""
    return Change(
        key=resource.key,
        effect=effect,
        reason=reason,
        fingerprint=fingerprint,
        origin=resource.origin,
        group=resource.group,
        awaits=resource.awaits,
        notes=resource.notes,
        digest=resource.digest,
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts for the last lines of a plan."""

    add: int = 0
    change: int = 0
    remove: int = 0
    adopt: int = 0
    blocked: int = 0
    unchanged: int = 0
    start: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Keeps:
    """What the ledger holds of declared objects whether they change or not.

    `protect` gives the declared protection, `on_removal` what is to happen once they are no longer
    declared, `rows` the record fields that are ours, `places` where
    anything is declared, `applied` the marks of what is as declared once the plan is done,
    `released` the objects whose adoption is over, and `objects` the mutable objects that are as
    the ledger is to hold them, where it holds something else. `runs` is the same of declarations of
    runs, before any is started.
    """

    protect: Mapping[Key, bool] = dataclasses.field(default_factory=dict)
    on_removal: Mapping[Key, Prune | None] = dataclasses.field(default_factory=dict)
    rows: Mapping[Key, frozenset[str]] = dataclasses.field(default_factory=dict)
    places: frozenset[Place] = frozenset()
    applied: frozenset[str] = frozenset()
    released: frozenset[Key] = frozenset()
    objects: Mapping[Key, Held] = dataclasses.field(default_factory=dict)
    runs: Mapping[Key, Driven] = dataclasses.field(default_factory=dict)

    def without(self, keys: AbstractSet[Key]) -> Keeps:
        """Leave out what is kept of some objects."""
        marks = {mark_of(key) for key in keys}
        return Keeps(
            protect={key: value for key, value in self.protect.items() if key not in keys},
            on_removal={key: how for key, how in self.on_removal.items() if key not in keys},
            rows={key: value for key, value in self.rows.items() if key not in keys},
            places=self.places,
            applied=frozenset(item for item in self.applied if about(item) not in marks),
            released=self.released - keys,
            objects={key: value for key, value in self.objects.items() if key not in keys},
            runs={key: value for key, value in self.runs.items() if key not in keys},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one set would do to one backend.

    `id` is a digest of the content, without clock, approval or messages. `foreign` lists active
    objects in the set's scope that no set of ours declares. `unchanged` counts objects that are as
    declared, `unread` those that could not be read. `bookkeeping` tells what only the ledger gains,
    `verdicts` what the set's policies say of what is declared. `tree` is Git's name of the files
    that the plan was made of, empty where they have none. `drives` tell how far each declaration of
    runs is that could be read.
    """

    id: str
    set_name: str
    backend: Mapping[str, str]
    desired: str
    changes: tuple[Change, ...]
    unchanged: int = 0
    foreign: tuple[Key, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: int = 0
    bookkeeping: tuple[str, ...] = ()
    keeps: Keeps = Keeps()
    is_whole: bool = False
    verdicts: tuple[Verdict, ...] = ()
    tree: str = ""
    drives: Mapping[Key, Drive] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """Verdicts of the policies that fail; while there are any, nothing is applied."""
        return tuple(one for one in self.verdicts if not one.passed)

    @property
    def doable(self) -> tuple[Change, ...]:
        """Changes that an apply carries out."""
        return tuple(change for change in self.changes if change.block is None)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """Changes that are shown and not done."""
        return tuple(change for change in self.changes if change.block is not None)

    @property
    def is_empty(self) -> bool:
        """Say whether live is as declared: nothing to do and nothing held back."""
        return not self.changes

    @property
    def waiting(self) -> Mapping[Key, str]:
        """Declarations of runs for which nothing can be done now, with what they wait for."""
        changed = {change.key for change in self.changes}
        return {
            key: drive.waits or "its runs have not ended"
            for key, drive in self.drives.items()
            if not drive.is_done and not drive.is_idle and key not in changed
        }

    @property
    def is_in_flight(self) -> bool:
        """Say whether runs are in flight, or wait for something, so that a look is due soon."""
        return any(not drive.is_done and not drive.failure for drive in self.drives.values())

    def part(self, changes: Iterable[Change]) -> Plan:
        """Take some of the changes only; the ledger then learns nothing about the others."""
        chosen = tuple(changes)
        left = {change.key for change in self.changes} - {change.key for change in chosen}
        return dataclasses.replace(
            self,
            changes=chosen,
            keeps=self.keeps.without(left),
            is_whole=self.is_whole and not left,
        )

    def summary(self) -> Summary:
        """Count changes as Terraform would: what stops something counts as a removal."""
        doable = self.doable
        effects = [change.effect for change in doable]
        return Summary(
            add=sum(1 for effect in effects if effect in {Effect.CREATE, Effect.REGISTER}),
            change=sum(1 for effect in effects if effect is Effect.UPDATE),
            remove=sum(1 for effect in effects if effect in _STOPS),
            adopt=sum(1 for effect in effects if effect is Effect.ADOPT),
            blocked=len(self.blocked),
            unchanged=self.unchanged,
            start=sum(
                1
                for change in doable
                for action in change.actions
                if action.verb in {Verb.START, Verb.ANSWER}
            ),
            waiting=len(self.waiting),
        )
