"""The port for executions: looking at runs, and acting on them from the command line.

Declared runs are started by `Backend.perform`, which is the same call as `start` here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.run import (
    Data,
    Gate,
    Launch,
    Line,
    Run,
    RunId,
    Span,
    Started,
    Step,
    Stopping,
    Values,
)


def missing(run_id: RunId) -> BackendError:
    """Say that there is no such run."""
    return BackendError(f"run {run_id}: is not there; list those that are", code="NOT_FOUND")


class Running(Protocol):
    """The runs of one Flyte installation.

    Every method raises BackendError where the backend does not answer, UnsupportedError for what
    this Flyte does not have. A list that could not be read whole is an error.
    """

    def runs(self, asked: AskedRuns) -> AsyncIterator[Run]:
        """Yield at least the runs that match, page by page, each once, the newest first."""
        ...

    async def run(self, run_id: RunId) -> Run | None:
        """Read one run with all that is told of it; None when there is none."""
        ...

    async def steps(self, run_id: RunId) -> tuple[Step, ...]:
        """Read what runs inside, as a tree in the order of starting; costs pages."""
        ...

    async def data(self, run_id: RunId, step: str = "") -> Data:
        """Read inputs and outputs of a run, or of one of its steps; large ones are fetched."""
        ...

    def content(self, uri: str) -> AsyncIterator[bytes]:
        """Yield a file of Flyte's store in pieces; nobody needs rights to the store for it.

        Raises UnsupportedError where this Flyte does not hand files out.
        """
        ...

    def follow(self, run_id: RunId) -> AsyncIterator[Run]:
        """Yield the run at once and then whenever it changed, until it has ended.

        A stream that breaks is opened again; where the Flyte has none, the run is asked for at
        growing intervals (the source says which). Raises BackendError when there is no such run.
        """
        ...

    def logs(self, run_id: RunId, step: str = "", attempt: int = 0) -> AsyncIterator[Line]:
        """Yield the lines of a step's log until it ends; attempt 0 is the last one.

        Raises UnsupportedError where this Flyte has only links (`Attempt.links`).
        """
        ...

    async def report(self, run_id: RunId, step: str = "") -> bytes:
        """Fetch the deck (report) of a step as HTML; raises BackendError when there is none."""
        ...

    async def addressed(self, address: str) -> Values | bytes | None:
        """Read what a short address, `flyte://v1/...`, names: values, or a deck as HTML.

        None where nothing is there (yet). Raises UsageError for what is no such address, and
        UnsupportedError on Flyte 2, which has none.
        """
        ...

    async def spans(self, run_id: RunId) -> Span:
        """Read where the time of a run went."""
        ...

    async def there(self, launch: Launch) -> Run | None:
        """Read the run that has a launch's name; None when there is none.

        Raises ConflictError, which says what differs, when it is another content's.
        """
        ...

    async def start(self, launch: Launch) -> Started:
        """Start a run once: one that is there under the name is never touched, and handed back.

        On Flyte 2, where sending a name again overwrites its inputs, the name is read first.
        Raises LimitError where the plan's concurrency policy refuses it for now, and ConflictError
        when the name is another content's.
        """
        ...

    async def terminate(self, run_id: RunId, cause: str, step: str = "") -> Stopping:
        """Stop a run, or one action of it, unless it has ended.

        A cause that somebody gave before stays.
        """
        ...

    async def recover(self, run_id: RunId, name: str = "") -> Run:
        """Run again what did not succeed, under another name; only Flyte 1 does."""
        ...

    async def relaunch(
        self, run_id: RunId, name: str = "", inputs: Mapping[str, Json] | None = None
    ) -> Run:
        """Start the same once more, with its own inputs or with these literals in their place."""
        ...

    async def gates(self, run_id: RunId) -> tuple[Gate, ...]:
        """Read the points at which a run waits, or waited, for an answer."""
        ...

    async def answer(self, gate: Gate, literal: Mapping[str, Json]) -> None:
        """Set the value of a gate; raises BackendError when it is not open yet."""
        ...

    def url(self, run_id: RunId, step: str = "") -> str:
        """Return the page of a run, or step, in the web console; empty where none is known."""
        ...

    async def waiting(self, place: Place) -> tuple[Gate, ...]:
        """Read the open gates of all runs of a project-domain that have not ended."""
        ...
