"""Which cluster serves a resource: this one, under the address that the client called.

Clients ask before each upload, and keep their connection when the answer is where they are
(manager 2.0.43, dataproxy/service/cluster_service.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.cluster import payload_pb2

from reconciler.server.caller import CALLER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

_SCHEMES = ("http", "https")


def _select(
    _store: Store, _request: payload_pb2.SelectClusterRequest
) -> payload_pb2.SelectClusterResponse:
    caller = CALLER.get()
    # What a proxy before us speaks with the client; of a chain of proxies, the first.
    scheme = caller.header("x-forwarded-proto").partition(",")[0].strip().lower()
    endpoint = f"{scheme if scheme in _SCHEMES else 'http'}://{caller.host}" if caller.host else ""
    return payload_pb2.SelectClusterResponse(cluster_endpoint=endpoint)


HANDLERS: Mapping[str, Handler] = {"SelectCluster": _select}
