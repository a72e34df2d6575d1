"""What becomes of a call, whatever protocol it came by: counting, sign-in, hooks, the handler.

Handlers run in the event loop, one after the other, so that no call sees another one half done.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import Message

from reconciler.server.caller import CALLER, Caller
from reconciler.server.flyte1.services import SERVICES as FLYTE1
from reconciler.server.flyte2.services import SERVICES as FLYTE2
from reconciler.server.methods import Method, Stream, methods, writes
from reconciler.server.status import StatusError, internal
from reconciler.server.store import TextError

if TYPE_CHECKING:
    from reconciler.server.auth import Authority
    from reconciler.server.store import Store

_LOG = logging.getLogger(__name__)

Hook = Callable[[str, Message], Awaitable[None]]
Fallback = Callable[[str, Message, StatusError], Message | None]

# Calls that change something, of both Flytes.
WRITES = writes((*FLYTE1, *FLYTE2))


class Dispatch:
    """Answers calls over a store.

    `methods` are the calls that are known, by path. `calls` counts every call by its method's
    name, also those that are refused. `on_call(method, request)` is awaited before a call is
    handled and `after_call(method, answer)` after its effect is stored and before it is answered,
    for each message when it streams; a StatusError raised there is the call's status, so a test
    can refuse, delay or stop the server between any two calls.
    `on_refusal(method, request, error)` may answer a call that is refused; None lets it be.
    """

    def __init__(
        self,
        store: Store,
        authority: Authority | None,
        *,
        on_call: Hook | None = None,
        after_call: Hook | None = None,
    ) -> None:
        self.store = store
        self.on_call = on_call
        self.after_call = after_call
        self.on_refusal: Fallback | None = None
        self.calls: Counter[str] = Counter()
        self.authority = authority
        self.methods = methods({**FLYTE1, **FLYTE2, **(authority.services() if authority else {})})

    @property
    def writes(self) -> int:
        """How many calls that change something have come in."""
        return sum(count for name, count in self.calls.items() if name in WRITES)

    async def answer(self, method: Method, request: Message, caller: Caller) -> Message:
        """The answer to a call that has one; raises StatusError and nothing else."""
        try:
            answer = await self._handled(method, request, caller)
            assert isinstance(answer, Message)
            if self.after_call is not None:
                await self.after_call(method.name, answer)
        except StatusError as error:
            instead = self.on_refusal and self.on_refusal(method.name, request, error)
            if instead is not None:
                return instead
            raise
        except Exception:  # noqa: BLE001  # one call must not end the others
            raise _broken(method) from None
        return answer

    async def answers(
        self, method: Method, request: Message, caller: Caller
    ) -> AsyncGenerator[Message, None]:
        """The answers to a call that streams; raises StatusError and nothing else."""
        try:
            stream = await self._handled(method, request, caller)
            assert not isinstance(stream, Message)
            async for answer in _each(stream):
                if self.after_call is not None:
                    await self.after_call(method.name, answer)
                yield answer
        except StatusError:
            raise
        except Exception:  # noqa: BLE001  # one call must not end the others
            raise _broken(method) from None

    async def _handled(self, method: Method, request: Message, caller: Caller) -> Message | Stream:
        self.calls[method.name] += 1
        if self.authority is not None and not method.is_anonymous:
            self.authority.check(caller.metadata)
        if self.on_call is not None:
            await self.on_call(method.name, request)
        if method.handler is None:
            raise StatusError(
                grpc.StatusCode.UNIMPLEMENTED, f"the embedded Flyte does not serve {method.name}"
            )
        CALLER.set(caller)
        try:
            return method.handler(self.store, request)
        except TextError:
            raise internal(
                'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
            ) from None


def _broken(method: Method) -> StatusError:
    """Flyte's panics and ours look alike to a client: INTERNAL without a text."""
    _LOG.exception("%s failed", method.name)
    return internal()


async def _each(stream: Stream) -> AsyncIterator[Message]:
    if isinstance(stream, AsyncIterable):
        async for message in stream:
            yield message
        return
    for message in stream:
        yield message
