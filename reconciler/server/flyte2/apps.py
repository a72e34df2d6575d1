"""Apps, which need Knative: a manager without it answers that it has no such calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import grpc
from flyteidl2.app import app_logs_service_pb2, app_service_pb2

from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

_APPS = f"{app_service_pb2.DESCRIPTOR.package}.AppService"
# What the manager passes on to itself, and finds nobody there.
_CALLS = ("Create", "Get", "Update", "Delete", "List")
_STREAMS = ("Watch",)
_OF_NOBODY = ("UpdateStatus", "Lease")


def _refusal(text: str) -> Handler:
    def refuse(_store: Store, _request: Message) -> NoReturn:
        raise StatusError(grpc.StatusCode.UNIMPLEMENTED, text)

    return refuse


_STREAM = _refusal("HTTP status 404 Not Found")
HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(_CALLS, _refusal("404 Not Found")),
    **dict.fromkeys(_STREAMS, _STREAM),
    **{name: _refusal(f"{_APPS}.{name} is not implemented") for name in _OF_NOBODY},
}
LOGS_HANDLERS: Mapping[str, Handler] = dict.fromkeys(
    app_logs_service_pb2.DESCRIPTOR.services_by_name["AppLogsService"].methods_by_name, _STREAM
)
