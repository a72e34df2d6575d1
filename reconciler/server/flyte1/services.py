"""The services of flyteadmin, by their full names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.service import admin_pb2, dataproxy_pb2, signal_pb2

from reconciler.server.flyte1 import admin, dataproxy, signals
from reconciler.server.flyte1.refusals import bad_text
from reconciler.server.store import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler, Service, Stream
    from reconciler.server.store import Store


def _told(handler: Handler) -> Handler:
    """With flyteadmin's words for text that its database cannot hold."""

    def handle(store: Store, request: Message) -> Message | Stream:
        try:
            return handler(store, request)
        except TextError:
            raise bad_text() from None

    return handle


def _service(handlers: Mapping[str, Handler]) -> Service:
    return {name: _told(handler) for name, handler in handlers.items()}


SERVICES: Mapping[str, Service] = {
    f"{admin_pb2.DESCRIPTOR.package}.AdminService": _service(admin.HANDLERS),
    f"{dataproxy_pb2.DESCRIPTOR.package}.DataProxyService": _service(dataproxy.HANDLERS),
    f"{signal_pb2.DESCRIPTOR.package}.SignalService": _service(signals.HANDLERS),
}
