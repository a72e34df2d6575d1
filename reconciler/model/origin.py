"""Where something was written, and what is wrong there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.seen import seen


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in a source. `line` and `column` count from 1; 0 means the whole file.

    `file` is the path as the user gave it (relative stays relative), `-` for standard input.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        file = seen(self.file)
        return f"{file}:{self.line}:{self.column}" if self.line else file


class Severity(StrEnum):
    """How bad a problem is: an error stops the document, a warning is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in one place.

    `path` is the field in the document, such as `spec.schedule.cron` or `spec.inputs["n"]`; empty
    when the fault is not in a field. `fix` says what to do and is shown after a semicolon.
    `place` may be a way to find the place, taken when somebody asks for it. `others` are the
    further documents that have the same, by where each begins. With
    `awaits` nothing is wrong with the document: what it refers to is not there yet.
    """

    place: Origin | Callable[[], Origin]
    message: str
    path: str = ""
    fix: str = ""
    severity: Severity = Severity.ERROR
    others: tuple[Origin, ...] = ()
    awaits: bool = False

    @property
    def origin(self) -> Origin:
        """The place; a document that was shelved is read anew for it."""
        return self.place if isinstance(self.place, Origin) else self.place()

    def __str__(self) -> str:
        level = "" if self.severity is Severity.ERROR else "warning: "
        return f"{self.origin}: {level}{self._said}"

    @property
    def text(self) -> str:
        """All of it, without a word on how bad it is."""
        return f"{self.origin}: {self._said}"

    @property
    def _said(self) -> str:
        thing = f"{self.path}: " if self.path else ""
        fix = f"; {self.fix}" if self.fix else ""
        more = f" (the first of {len(self.others) + 1:,} documents)" if self.others else ""
        return seen(f"{thing}{self.message}{fix}{more}")
