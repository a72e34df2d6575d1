"""What is wanted on the backend: one object, resolved down to its normal form."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.model.digest import digest
from reconciler.model.ledger import mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from reconciler.model.document import Json
    from reconciler.model.key import Key, Place
    from reconciler.model.origin import Origin
    from reconciler.model.policy import Prune


class State(StrEnum):
    """What is wanted of a name's pointer to its active version."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    UNMANAGED = "Unmanaged"


@dataclass(frozen=True, slots=True)
class Reference:
    """A version of another object that must exist before this one can be registered."""

    key: Key
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One desired object.

    `body` is the normal form: plain JSON in protobuf's JSON mapping, defaults and empty messages
    elided. Kinds with versions register it under `version`; a record (a project) has none, and its
    body maps field paths such as `labels/team` to values, None meaning "cleared". The digest of a
    mutable object is the one that the backend computes of the same content when it reads it.
    `description` is kept at the name, beside all versions; empty means unmanaged.
    `chosen` means that somebody else registered `version` and only its activation is ours.
    `group` names the package the object belongs to; a group is activated whole or not at all, and
    so is what `awaits` it without belonging to it. `always` means that a mutable object is written
    by every apply, whether it differs or not, `once` that one of ours is never written again.
    `on_removal` is what happens to it once it is no longer declared, None for what the set does.
    `looks_at` are the declarations of runs that one of runs must know of, such as those that it
    comes after, `takes` those of them whose content is part of its own, since their outputs are its
    inputs. `launch` is the digest of what one of runs starts, where its body says more than that.
    `notes` are said of every change, `on_register` of those that write content.
    """

    key: Key
    body: dict[str, Json]
    origin: Origin
    digest: str = ""
    version: str = ""
    state: State = State.UNMANAGED
    refs: tuple[Reference, ...] = ()
    group: str = ""
    awaits: str = ""
    chosen: bool = False
    always: bool = False
    once: bool = False
    adopt: bool = False
    protect: bool | None = None
    on_removal: Prune | None = None
    launch: str = ""
    looks_at: tuple[Key, ...] = ()
    takes: tuple[Key, ...] = ()
    description: str = ""
    notes: tuple[str, ...] = ()
    on_register: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What the ledger holds once the object is as declared here."""
        return mark(self.key, f"{self.digest} {self.state}")


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that one set declares.

    `is_whole` says that the whole root of the set was read; only then may anything be removed.
    `unreadable` gives the project-domains in which a part of the declaration could not be read
    (a package, for example), with the reason: nothing is removed there either. `faulty` are the
    objects of documents that have an error: they stay as they are.
    """

    resources: Mapping[Key, Resource]
    is_whole: bool = False
    unreadable: Mapping[Place, str] = field(default_factory=dict)
    faulty: frozenset[Key] = frozenset()

    @property
    def keys(self) -> AbstractSet[Key]:
        """Every object that is declared, rightly or not."""
        return self.resources.keys() | self.faulty

    def digest(self) -> str:
        """Digest of all that is declared, to tell a drift from an edit."""
        return digest(
            {
                str(key): [resource.digest, resource.version, resource.state.value]
                for key, resource in self.resources.items()
            }
        )
