"""The services of flyteadmin, by their full names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.service import admin_pb2, dataproxy_pb2, signal_pb2

from reconciler.server.flyte1 import admin, dataproxy, signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.server.methods import Service

SERVICES: Mapping[str, Service] = {
    f"{admin_pb2.DESCRIPTOR.package}.AdminService": admin.HANDLERS,
    f"{dataproxy_pb2.DESCRIPTOR.package}.DataProxyService": dataproxy.HANDLERS,
    f"{signal_pb2.DESCRIPTOR.package}.SignalService": signals.HANDLERS,
}
