"""Sends one request and reads its answer, or answers, so that whatever goes wrong has a name.

What a server or gRPC's core says of a call is an AioRpcError, with a table of its own. Besides, the
library raises errors of its own for a connection that is closed, cancels the calls under way when
it is closed, and gives None for an answer that is no message. Here they become BackendError and its
kinds, like all that keeps a call from an answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import grpc.aio
from google.protobuf.message import DecodeError, Message

from reconciler.errors import BackendError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from reconciler.backends.auth.tokens import Metadata

_Response = TypeVar("_Response", bound=Message)


def reader(response: type[_Response]) -> Callable[[bytes | None], _Response | None]:
    """Return what reads an answer; None for what is no such message."""

    def read(raw: bytes | None) -> _Response | None:
        if raw is None:
            return None
        try:
            return response.FromString(raw)
        except DecodeError:
            return None

    return read


async def invoke(
    stub: grpc.aio.UnaryUnaryMultiCallable[Any, Any],
    request: Message,
    *,
    metadata: Metadata,
    seconds: float,
    where: str,
) -> Any:
    """Send a request and return its answer; `where` names endpoint and call in errors.

    Raises AioRpcError for what is said of the call, BackendError and UnavailableError for the rest.
    Whoever cancels the task gets CancelledError, as everywhere.
    """
    try:
        answer = await stub(request, timeout=seconds, metadata=metadata)
    except grpc.aio.BaseError as error:
        raise _closed(error, where) from error
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        raise _cut(where) from None
    return _checked(answer, where)


async def answers(
    stub: grpc.aio.UnaryStreamMultiCallable[Any, Any],
    request: Message,
    *,
    metadata: Metadata,
    seconds: float,
    where: str,
) -> AsyncGenerator[Any]:
    """Send a request and yield its answers, for at most so many seconds; raises as `invoke`."""
    call = stub(request, timeout=seconds, metadata=metadata)
    try:
        async for answer in call:
            yield _checked(answer, where)
    except grpc.aio.BaseError as error:
        raise _closed(error, where) from error
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        raise _cut(where) from None
    finally:
        call.cancel()


def _is_cancelled() -> bool:
    """Say whether it is our own task that is cancelled, and not the call."""
    task = asyncio.current_task()
    return task is None or bool(task.cancelling())


def _checked(answer: Any, where: str) -> Any:
    if answer is None:
        raise BackendError(
            f"{where}: the answer is no message of this call; check that nothing between here and "
            "Flyte changes answers, and run again",
            code="INTERNAL",
        )
    return answer


def _closed(error: grpc.aio.BaseError, where: str) -> UnavailableError:
    return UnavailableError(
        f"{where}: could not be sent ({type(error).__name__}): the connection is closed; run again",
        code="CANCELLED",
    )


def _cut(where: str) -> UnavailableError:
    return UnavailableError(
        f"{where}: the connection was closed while the call was under way; run again",
        code="CANCELLED",
    )
