"""What the planner must know of a kind on one backend; adapters provide it as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.document import Json, Path
from reconciler.model.drive import Drive, Outside
from reconciler.model.key import Key
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Resource


class Verb(StrEnum):
    """What one call does."""

    CREATE = "create"
    UPDATE = "update"
    SET = "set"
    UNSET = "unset"
    REGISTER = "register"
    ACTIVATE = "activate"
    ARCHIVE = "archive"
    DESCRIBE = "describe"
    DEACTIVATE = "deactivate"
    DEPLOY = "deploy"
    DELETE = "delete"
    START = "start"
    TERMINATE = "terminate"
    ANSWER = "answer"


ON_RUNS = frozenset({Verb.START, Verb.TERMINATE, Verb.ANSWER})
"""What is done to a run, not to an object."""


class Shape(StrEnum):
    """How a kind keeps its content."""

    VERSIONS = "versions"
    """Immutable versions under a name; a kind with a pointer has at most one active."""
    RECORD = "record"
    """Fields changed in place."""
    OBJECT = "object"
    """One mutable object under a name, replaced whole, with a revision; a kind with a pointer has
    a switch beside its content."""
    RUNS = "runs"
    """Runs that are started once: a drive says what is due, and nothing is compared."""


Describe = Callable[[dict[str, Json]], dict[str, Json]]
"""A normal form in the words of the language, for people."""

Consequences = Callable[[dict[str, Json] | None, dict[str, Json] | None], tuple[str, ...]]
"""Facts that follow from replacing one active body by another (None: nothing active)."""

Restarts = Callable[[dict[str, Json] | None, dict[str, Json]], bool]
"""Whether an active body (None: unknown) must stop before another one takes its place."""


Driver = Callable[[Pursuit], Drive]
"""What a declaration of runs wants now; pure."""


Share = Callable[[Sequence[tuple[Resource, Drive]], Outside], Sequence[Drive]]
"""What declarations of runs of one kind want once each knows of the others; pure."""


def _alike(found: Sequence[tuple[Resource, Drive]], _outside: Outside) -> Sequence[Drive]:
    return [drive for _, drive in found]


def _for_itself(_resource: Resource) -> bool:
    return False


def _idle(_pursuit: Pursuit) -> Drive:
    return Drive(is_done=True)


def _no_consequences(
    _before: dict[str, Json] | None, _after: dict[str, Json] | None
) -> tuple[str, ...]:
    return ()


def _as_is(body: dict[str, Json]) -> dict[str, Json]:
    return body


def _by_itself(_key: Key) -> str:
    return ""


def _restarts(_before: dict[str, Json] | None, _after: dict[str, Json]) -> bool:
    return True


def _steps(path: str) -> Path:
    return tuple(path.split("/"))


def _alone(_path: str, _rows: Iterable[str]) -> tuple[str, ...]:
    return ()


def _over(_path: str, _after: Json, _rows: Mapping[str, Json]) -> tuple[str, ...]:
    return ()


def _chosen(_key: Key, _path: str, _value: Json) -> bool:
    return False


def _unnoted(_facts: Mapping[str, Json]) -> tuple[str, ...]:
    return ()


def _own_document(_key: Key) -> tuple[Key, Path] | None:
    return None


def _by_project(key: Key, name: str) -> Mapping[str, Json]:
    return {} if key.project == name else {"name": key.project}


def _possible(
    _before: Mapping[str, Json], _after: Mapping[str, Json], _facts: Mapping[str, Json]
) -> tuple[str, ...]:
    return ()


def _valued(_path: str, _value: Json) -> tuple[Path, str] | None:
    return None


def _nothing(_key: Key) -> Mapping[str, Json]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """How a backend keeps the fields of a record, by their paths.

    `rows` are prefixes of fields that have a call of their own each; all others share one update.
    `unclearable` are fields that cannot be set back to nothing. `closed_by` names a field and the
    values of it under which no row can be written, `ended_by` a field and the values of it that are
    written after everything else in the project. `calls` names the RPC for one row, where it
    depends on the row.
    """

    rows: tuple[str, ...] = ()
    unclearable: frozenset[str] = frozenset()
    closed_by: tuple[str, frozenset[str]] = ("", frozenset())
    ended_by: tuple[str, frozenset[str]] = ("", frozenset())
    initial: Callable[[Key], Mapping[str, Json]] = field(
        default=_nothing, repr=False, compare=False
    )
    """What making a record sets, whether or not it is declared."""
    is_implicit: bool = False
    """Whether a record without fields is as good as none, and is not made for its own sake."""
    calls: Callable[[Verb, str], str] | None = field(default=None, repr=False, compare=False)
    steps: Callable[[str], Path] = field(default=_steps, repr=False, compare=False)
    """Where the language has the field: the steps of its path in the spec."""
    cascades: Callable[[str, Iterable[str]], tuple[str, ...]] = field(
        default=_alone, repr=False, compare=False
    )
    """Which of some rows go when a row is removed."""
    clears: Callable[[str, Json, Mapping[str, Json]], tuple[str, ...]] = field(
        default=_over, repr=False, compare=False
    )
    """Which of the live rows must go before a row can take a value: where writing merges."""
    is_default: Callable[[Key, str, Json], bool] = field(default=_chosen, repr=False, compare=False)
    """Whether a live value is one that nobody chose."""
    refuses: Callable[
        [Mapping[str, Json], Mapping[str, Json], Mapping[str, Json]], tuple[str, ...]
    ] = field(default=_possible, repr=False, compare=False)
    """Why the fields cannot become others, given the facts of the record; empty when they can."""
    notes: Callable[[Mapping[str, Json]], tuple[str, ...]] = field(
        default=_unnoted, repr=False, compare=False
    )
    """What a person must know of any change, given the facts of the record."""
    host: Callable[[Key], tuple[Key, Path] | None] = field(
        default=_own_document, repr=False, compare=False
    )
    """The object in whose document a record is declared, and where, if not in one of its own."""
    identity: Callable[[Key, str], Mapping[str, Json]] = field(
        default=_by_project, repr=False, compare=False
    )
    """What names the object in a spec, where the name of its document does not."""
    listed: Callable[[str, Json], tuple[Path, str] | None] = field(
        default=_valued, repr=False, compare=False
    )
    """The list in a spec that holds a field with this value by name, and the name there."""


@dataclass(frozen=True, slots=True)
class Traits:
    """A kind on one backend.

    `rank` orders kinds in plans and registrations (lower first). `calls` names the RPC behind each
    verb. `is_archivable` says that a name can be hidden when it is removed, `is_deletable` that an
    object can be deleted, `is_readable` that its content can be read back, `fields` how a record
    keeps its content. An object is replaced while it is active only where `restarts` allows it.
    Objects for which `together` gives the same name are written at once, where nothing holds one of
    them back. `drive` says what a declaration of runs wants, and
    `share` what all of a kind start together; where that hangs on the runs of other sets,
    `minds_others` says so.
    """

    kind: str
    shape: Shape
    rank: int
    calls: Mapping[Verb, str]
    has_pointer: bool = False
    is_archivable: bool = False
    is_deletable: bool = False
    is_readable: bool = True
    labels: Path = ()
    fields: Fields = Fields()
    describe: Describe = field(default=_as_is, repr=False, compare=False)
    consequences: Consequences = field(default=_no_consequences, repr=False, compare=False)
    restarts: Restarts = field(default=_restarts, repr=False, compare=False)
    together: Callable[[Key], str] = field(default=_by_itself, repr=False, compare=False)
    drive: Driver = field(default=_idle, repr=False, compare=False)
    share: Share = field(default=_alike, repr=False, compare=False)
    minds_others: Callable[[Resource], bool] = field(default=_for_itself, repr=False, compare=False)
