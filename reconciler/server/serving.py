"""The gRPC server: dispatch, counting, hooks for tests, statuses, health.

Handlers are plain functions of store and request; they run in the event loop, one after the other,
so that no call sees another one half done.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from aiohttp import web as http
from flyteidl.core import identifier_pb2
from flyteidl.service import admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import status_pb2

from reconciler.server import admin, dataproxy
from reconciler.server.auth import Authority, AuthSettings
from reconciler.server.objects import Objects
from reconciler.server.status import StatusError, internal
from reconciler.server.store import Store
from reconciler.server.web import application

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

_LOG = logging.getLogger(__name__)

Handler = Callable[[Store, Any], Message]
Hook = Callable[[str, Message], Awaitable[None]]
Fallback = Callable[[str, Message, StatusError], Message | None]

# Calls that change something; an upload location counts, because bytes follow it.
WRITES = frozenset(
    {
        name
        for service in (admin_pb2, dataproxy_pb2, signal_pb2)
        for descriptor in service.DESCRIPTOR.services_by_name.values()
        for name in descriptor.methods_by_name
        if name.startswith(("Create", "Update", "Delete", "Register", "Relaunch", "Recover",
                            "Terminate", "Set", "GetOrCreate"))
    }
    - {"CreateDownloadLocation", "CreateDownloadLink"}
)  # fmt: skip

_TYPE_BY_METHOD = {
    "GetTask": identifier_pb2.TASK,
    "GetWorkflow": identifier_pb2.WORKFLOW,
    "GetLaunchPlan": identifier_pb2.LAUNCH_PLAN,
    "UpdateLaunchPlan": identifier_pb2.LAUNCH_PLAN,
    "GetDescriptionEntity": identifier_pb2.TASK,
}
# grpc.health.v1.HealthCheckResponse{status: SERVING}, whose stubs are a package of their own.
_SERVING = b"\x08\x01"
_STOP_SECONDS = 0.2


class Server:
    """One embedded Flyte over a store.

    `calls` counts every call by its method's name, also those that are refused.
    `on_call(method, request)` is awaited before a call is handled and `after_call(method, answer)`
    after its effect is stored and before it is answered; a StatusError raised there is the call's
    status, so a test can refuse, delay or stop the server between any two calls.
    `on_refusal(method, request, error)` may answer a call that is refused; None lets it be.
    """

    def __init__(
        self,
        store: Store,
        *,
        auth: AuthSettings | None = None,
        on_call: Hook | None = None,
        after_call: Hook | None = None,
    ) -> None:
        self.store = store
        self.on_call = on_call
        self.after_call = after_call
        self.on_refusal: Fallback | None = None
        self.calls: Counter[str] = Counter()
        self.instance = secrets.token_hex(16)
        self.grpc_address = ""
        self.http_url = ""
        self._objects = Objects(store, store.path.parent / "objects")
        self._authority = None if auth is None else Authority(auth)
        self._grpc: grpc.aio.Server | None = None
        self._http: http.AppRunner | None = None

    @property
    def writes(self) -> int:
        """How many calls that change something have come in."""
        return sum(count for name, count in self.calls.items() if name in WRITES)

    def uploaded(self, native_url: str) -> bytes | None:
        """The bytes of a file that a client uploaded; None when there is none."""
        return self._objects.read(native_url)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes free ports. OSError or RuntimeError when the port is taken."""
        server = grpc.aio.server(
            options=[("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)]
        )
        server.add_generic_rpc_handlers(self._services())
        bound = server.add_insecure_port(f"{host}:{port}")
        self._grpc = server
        app = application(self._objects, self._authority, instance=self.instance)
        self._http = http.AppRunner(app, access_log=None, handle_signals=False)
        await self._http.setup()
        site = http.TCPSite(self._http, host, 0)
        await site.start()
        http_port = self._http.addresses[0][1]
        self.grpc_address = f"{host}:{bound}"
        self.http_url = f"http://{host}:{http_port}"
        self._objects.base_url = self.http_url
        if self._authority is not None:
            self._authority.base_url = self.http_url
        await server.start()

    async def stop(self) -> None:
        """Stop listening; calls under way get a moment to end. The store stays open."""
        if self._grpc is not None:
            await self._grpc.stop(_STOP_SECONDS)
        if self._http is not None:
            await self._http.cleanup()

    def _services(self) -> list[grpc.GenericRpcHandler]:
        by_name = admin_pb2.DESCRIPTOR.services_by_name
        services = [
            self._service(by_name["AdminService"], admin.HANDLERS),
            self._service(
                dataproxy_pb2.DESCRIPTOR.services_by_name["DataProxyService"],
                dataproxy.handlers(self._objects),
            ),
            self._service(signal_pb2.DESCRIPTOR.services_by_name["SignalService"], {}),
            _health(),
        ]
        identity = identity_pb2.DESCRIPTOR.services_by_name["IdentityService"]
        metadata = auth_pb2.DESCRIPTOR.services_by_name["AuthMetadataService"]
        if self._authority is None:
            return [*services, _absent(identity), _absent(metadata)]
        return [
            *services,
            self._service(identity, self._authority.identity_handlers()),
            self._service(metadata, self._authority.metadata_handlers(), anonymous=True),
        ]

    def _service(
        self,
        service: ServiceDescriptor,
        handlers: Mapping[str, Handler],
        *,
        anonymous: bool = False,
    ) -> grpc.GenericRpcHandler:
        methods = {
            method.name: self._method(method, handlers.get(method.name), anonymous=anonymous)
            for method in service.methods
        }
        return grpc.method_handlers_generic_handler(service.full_name, methods)

    def _method(
        self, method: MethodDescriptor, handler: Handler | None, *, anonymous: bool
    ) -> grpc.RpcMethodHandler[Any, Any]:
        name = method.name
        answer_type = message_factory.GetMessageClass(method.output_type)

        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            self.calls[name] += 1
            try:
                if self._authority is not None and not anonymous:
                    self._authority.check(tuple(context.invocation_metadata() or ()))
                if self.on_call is not None:
                    await self.on_call(name, request)
                if handler is None:
                    raise StatusError(
                        grpc.StatusCode.UNIMPLEMENTED, f"the embedded Flyte does not serve {name}"
                    )
                _complete(name, request)
                answer = handler(self.store, request)
                if self.after_call is not None:
                    await self.after_call(name, answer)
            except StatusError as error:
                instead = self.on_refusal and self.on_refusal(name, request, error)
                if instead is not None:
                    return instead
                await _abort(context, error)
            except Exception:  # noqa: BLE001  # one call must not end the others
                # flyteadmin's panics and ours look alike to a client: INTERNAL without a text.
                _LOG.exception("%s failed", name)
                await _abort(context, internal())
            return answer

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=answer_type.SerializeToString,
        )


def _complete(name: str, request: Any) -> None:
    """Fill in the type of an identifier that has none, which the HTTP gateway never sends."""
    kind = _TYPE_BY_METHOD.get(name)
    if kind is not None and request.HasField("id") and not request.id.resource_type:
        request.id.resource_type = kind


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: StatusError) -> None:
    metadata: tuple[tuple[str, bytes], ...] = ()
    if error.detail is not None:
        packed = AnyMessage()
        packed.Pack(error.detail)
        status = status_pb2.Status(code=error.code.value[0], message=error.text, details=[packed])
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(error.code, error.text, metadata)


def _absent(service: ServiceDescriptor) -> grpc.GenericRpcHandler:
    """A service that is there only with sign-in, refused as one that nobody registered."""

    async def refuse(_request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        text = f"unknown service {service.full_name}"
        return await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        method.name: grpc.unary_unary_rpc_method_handler(refuse) for method in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, methods)


def _health() -> grpc.GenericRpcHandler:
    async def check(_request: bytes, _context: Any) -> bytes:
        return _SERVING

    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )
