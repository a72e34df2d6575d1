"""Calls by gRPC. Nothing here knows what a call does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2

from reconciler.server.caller import Caller
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from google.protobuf.message import Message

    from reconciler.server.dispatch import Dispatch
    from reconciler.server.methods import Method

    _Context = grpc.aio.ServicerContext[Any, Any]
    _MethodHandler = grpc.RpcMethodHandler[Any, Any]

# flyteadmin serves grpc.health.v1, whose stubs are a package of their own.
_HEALTH = "/grpc.health.v1.Health/Check"
_FLYTE2 = "flyteidl2."
# HealthCheckResponse{status: SERVING}.
_SERVING = b"\x08\x01"


class Handlers(grpc.GenericRpcHandler):
    """Every method of `dispatch`; `host` is the address under which clients reach them."""

    def __init__(self, dispatch: Dispatch, host: str) -> None:
        self._dispatch = dispatch
        self._host = host
        self._services = {path.split("/")[1] for path in dispatch.methods}
        self._by_path = {path: self._handler(method) for path, method in dispatch.methods.items()}
        self._by_path[_HEALTH] = grpc.unary_unary_rpc_method_handler(_check)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _MethodHandler:
        """The handler of a path; what nobody serves is UNIMPLEMENTED.

        Worded as grpc-go does; of Flyte 2 as gRPC does where it meets HTTP's 404.
        """
        path = handler_call_details.method
        return self._by_path.get(path) or self._unknown(path)

    def _handler(self, method: Method) -> _MethodHandler:
        if method.takes_stream:
            return self._both_ways(method)
        return self._stream(method) if method.is_stream else self._unary(method)

    def _unary(self, method: Method) -> _MethodHandler:
        async def call(request: Message, context: _Context) -> Message:
            try:
                return await self._dispatch.answer(method, request, self._caller(context))
            except StatusError as error:
                return await _abort(context, error)

        return grpc.unary_unary_rpc_method_handler(call, *_coders(method))

    def _stream(self, method: Method) -> _MethodHandler:
        async def call(request: Message, context: _Context) -> AsyncIterator[Message]:
            try:
                async for answer in self._dispatch.answers(method, request, self._caller(context)):
                    yield answer
            except StatusError as error:
                await _abort(context, error)

        return grpc.unary_stream_rpc_method_handler(call, *_coders(method))

    def _both_ways(self, method: Method) -> _MethodHandler:
        async def call(
            requests: AsyncIterator[Message], context: _Context
        ) -> AsyncIterator[Message]:
            try:
                async for request in requests:
                    yield await self._dispatch.answer(method, request, self._caller(context))
            except StatusError as error:
                await _abort(context, error)

        return grpc.stream_stream_rpc_method_handler(call, *_coders(method))

    def _caller(self, context: _Context) -> Caller:
        # grpcio shows no `:authority`.
        return Caller(self._host, tuple(context.invocation_metadata() or ()))

    def _unknown(self, path: str) -> _MethodHandler:
        service, _, name = path.removeprefix("/").rpartition("/")
        text = f"unknown service {service}"
        if service.startswith(_FLYTE2):
            text = "Received http2 header with status: 404"
        elif service in self._services:
            text = f"unknown method {name} for service {service}"

        async def refuse(_request: bytes, context: _Context) -> bytes:
            return await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

        return grpc.unary_unary_rpc_method_handler(refuse)


async def _check(_request: bytes, _context: _Context) -> bytes:
    return _SERVING


def _coders(
    method: Method,
) -> tuple[Callable[[bytes], Message], Callable[[Message], bytes]]:
    return method.request_type.FromString, method.answer_type.SerializeToString


async def _abort(context: _Context, error: StatusError) -> NoReturn:
    metadata: tuple[tuple[str, bytes], ...] = ()
    if error.detail is not None:
        packed = AnyMessage()
        packed.Pack(error.detail)
        status = status_pb2.Status(code=error.code.value[0], message=error.text, details=[packed])
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(error.code, error.text, metadata)
