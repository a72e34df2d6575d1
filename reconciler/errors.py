"""Every error this program raises on purpose, with the exit code it ends in.

    ReconcilerError                 1
    ├── UsageError                  1  the command line or a setting is wrong
    ├── SpecError                   1  problems: every fault found in the documents, with its place
    ├── RefusedError                3  a guard, a policy or staleness says no
    ├── DefectError                 1  a fault of this program itself
    └── BackendError                1  one call was refused, and stays refused when repeated
        ├── UnsupportedError        1  this backend cannot express or does not serve it
        ├── LimitError              1  a limit of the backend's is reached for now; try again later
        ├── ConflictError           3  somebody else moved the object in between
        ├── UnavailableError        4  the backend cannot be reached or did not answer in time
        └── DeniedError             4  the backend does not accept who we are

Messages read `place: thing: what is wrong; what to do`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.model.origin import Problem

_PACKAGE = Path(__file__).parent
_SHOWN_PLACES = 3


class ReconcilerError(Exception):
    """Base of all errors that a user may see without a traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(ReconcilerError):
    """The command line, an environment variable or a setting is wrong."""


class SpecError(ReconcilerError):
    """The documents are wrong; carries every problem found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RefusedError(ReconcilerError):
    """A guard, a policy or staleness refuses to go on; nothing was written."""

    exit_code = 3


class PolicyError(RefusedError):
    """A policy of the set fails; nothing was written."""


class DefectError(ReconcilerError):
    """Something that must not happen did: where, and never with its text, which may hold values."""

    def __init__(self, error: BaseException) -> None:
        places = _own_places(error)
        at = f" at {', called at '.join(places)}" if places else ""
        super().__init__(
            f"{type(error).__name__}{at}; this is a defect of the reconciler, report this line"
        )


def _own_places(error: BaseException) -> list[str]:
    """Name the lines of this program that an exception came through, the nearest ones first."""
    found: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            found.append(f"{path.relative_to(_PACKAGE.parent)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[: -_SHOWN_PLACES - 1 : -1]


class BackendError(ReconcilerError):
    """A call was refused by the backend and stays refused until something changes."""

    def __init__(self, message: str, *, method: str = "", code: str = "") -> None:
        self.method = method
        self.code = code
        super().__init__(message)


class UnsupportedError(BackendError):
    """The backend does not serve the call, or cannot express what is declared."""


class LimitError(BackendError):
    """A limit of the backend's, such as a plan's concurrency, is reached; it will pass."""


class ConflictError(BackendError):
    """Somebody else changed the object between our read and our write."""

    exit_code = 3


class UnavailableError(BackendError):
    """The backend could not be reached, or did not answer before the deadline."""

    exit_code = 4


class DeniedError(BackendError):
    """The backend does not accept our identity or credentials."""

    exit_code = 4
