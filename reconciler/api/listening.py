"""Listens at an embedded Flyte, which serves both Flytes, and tells the tape of the one called."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from reconciler.api.tape import Tape
from reconciler.api.tape2 import Tape2
from reconciler.errors import UsageError
from reconciler.server.serving import Server
from reconciler.server.status import StatusError

_FLYTE2 = "flyteidl2."


class Listening:
    """A tape for each Flyte at one server."""

    def __init__(self, server: Server) -> None:
        self.flyte1 = Tape(server)
        self.flyte2 = Tape2(server)
        server.on_call = self._before
        server.after_call = self._after
        server.on_refusal = self._instead

    def chosen(self) -> Tape | Tape2 | None:
        """Return the tape that something was registered at.

        Raises UsageError when that is both: a package is for one Flyte.
        """
        if self.flyte1.sent and self.flyte2.sent:
            raise UsageError(
                "registered with Flyte 1 and with Flyte 2, and a package is for one of them; "
                "record a command for each"
            )
        return next((tape for tape in (self.flyte1, self.flyte2) if tape.sent), None)

    async def _before(self, method: str, request: Any) -> None:
        self._of(request).before(method, request)

    async def _after(self, method: str, answer: Any) -> None:
        self._of(answer).after(method, answer)

    def _instead(self, method: str, request: Any, error: StatusError) -> Message | None:
        return self._of(request).instead(method, request, error)

    def _of(self, message: Message) -> Tape | Tape2:
        is_flyte2 = message.DESCRIPTOR.full_name.startswith(_FLYTE2)
        return self.flyte2 if is_flyte2 else self.flyte1
