"""Sends one request, so that whatever goes wrong has a name.

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
    from collections.abc import Callable

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
        raise UnavailableError(
            f"{where}: could not be sent ({type(error).__name__}): the connection is closed; "
            "run again",
            code="CANCELLED",
        ) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise UnavailableError(
            f"{where}: the connection was closed while the call was under way; run again",
            code="CANCELLED",
        ) from None
    if answer is None:
        raise BackendError(
            f"{where}: the answer is no message of this call; check that nothing between here and "
            "Flyte changes answers, and run again",
            code="INTERNAL",
        )
    return answer
