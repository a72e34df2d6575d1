"""Outputs of tasks that are kept for the next time, and who may make them meanwhile.

What is kept is where outputs are. A reservation lasts for three heartbeats, of ten seconds at most
(v2.0.43, cache_service/manager/manager.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.cacheservice import cacheservice_pb2 as wire
from google.protobuf.duration_pb2 import Duration

from reconciler.server.clock import now, stamp
from reconciler.server.flyte2.go_text import quoted
from reconciler.server.flyte2.refusals import not_found, taken
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import refused

if TYPE_CHECKING:
    import sqlite3

    from flyteidl2.cacheservice.v2 import cacheservice_pb2 as wire2

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

    _Reserving = wire2.GetOrExtendReservationRequest | wire2.ReleaseReservationRequest
    _Request = wire2.GetCacheRequest | wire2.PutCacheRequest | wire2.DeleteCacheRequest | _Reserving

_SECOND = 1_000_000
_MAX_HEARTBEAT = 10 * _SECOND
_GRACE = 3


def get(store: Store, request: wire2.GetCacheRequest) -> wire.GetCacheResponse:
    """Get: where the outputs are."""
    key = _key(request)
    row = _output(store, key)
    if row is None:
        raise not_found(f"cache entry {quoted(key)} not found")
    output = wire.CachedOutput(output_uri=row["output_uri"])
    output.metadata.ParseFromString(row["metadata"])
    return wire.GetCacheResponse(output=output)


def put(store: Store, request: wire2.PutCacheRequest) -> wire.PutCacheResponse:
    """Put: an entry that is there stays, unless it is to be written over or is too old."""
    key, base = _key(request), request.base_request
    if not base.HasField("output"):
        raise refused("base_request.output is required")
    if not base.output.output_uri:
        raise refused("output_uri is required")
    row, moment = _output(store, key), now()
    if row is not None and not base.overwrite.overwrite and not _is_old(row, base.overwrite):
        raise taken(f"cache entry {quoted(key)} already exists")
    metadata = wire.Metadata()
    metadata.CopyFrom(base.output.metadata)
    if not metadata.HasField("created_at"):
        known = wire.Metadata.FromString(b"" if row is None else row["metadata"])
        metadata.created_at.CopyFrom(
            known.created_at if known.HasField("created_at") else stamp(moment)
        )
    metadata.last_updated_at.CopyFrom(stamp(moment))
    values = (key, base.output.output_uri, metadata.SerializeToString(), moment)
    with store.writing():
        store.run("INSERT OR REPLACE INTO v2_cached_outputs VALUES (?, ?, ?, ?)", values)
    return wire.PutCacheResponse()


def _is_old(row: sqlite3.Row, overwrite: wire.OverwriteOutput) -> bool:
    return overwrite.HasField("max_age") and now() - row["updated_at"] > _micros(overwrite.max_age)


def delete(store: Store, request: wire2.DeleteCacheRequest) -> wire.DeleteCacheResponse:
    """Delete: forgets where the outputs are, which stay there."""
    key = _key(request)
    if _output(store, key) is None:
        raise not_found(f"cache entry {quoted(key)} not found")
    with store.writing():
        store.run("DELETE FROM v2_cached_outputs WHERE key = ?", (key,))
    return wire.DeleteCacheResponse()


def reserve(
    store: Store, request: wire2.GetOrExtendReservationRequest
) -> wire.GetOrExtendReservationResponse:
    """GetOrExtendReservation: the caller's, unless another's has not ended yet."""
    key, owner, moment = _reservation(request), _owner(request), now()
    wanted = _micros(request.base_request.heartbeat_interval)
    heartbeat = wanted if 0 < wanted < _MAX_HEARTBEAT else _MAX_HEARTBEAT
    expires = moment + heartbeat * _GRACE
    with store.writing():
        row = store.row("SELECT * FROM v2_reservations WHERE key = ?", (key,))
        if row is not None and row["owner"] != owner and row["expires_at"] > moment:
            owner, heartbeat, expires = row["owner"], row["heartbeat"], row["expires_at"]
        else:
            values = (key, owner, heartbeat, expires)
            store.run("INSERT OR REPLACE INTO v2_reservations VALUES (?, ?, ?, ?)", values)
    return wire.GetOrExtendReservationResponse(
        reservation=wire.Reservation(
            key=key,
            owner_id=owner,
            # Parts of a second are not kept.
            heartbeat_interval=Duration(seconds=heartbeat // _SECOND),
            expires_at=stamp(expires),
        )
    )


def release(
    store: Store, request: wire2.ReleaseReservationRequest
) -> wire.ReleaseReservationResponse:
    """ReleaseReservation: another's stays, and nobody is told."""
    key, owner = _reservation(request), _owner(request)
    with store.writing():
        store.run("DELETE FROM v2_reservations WHERE key = ? AND owner = ?", (key, owner))
    return wire.ReleaseReservationResponse()


def _key(request: _Request) -> str:
    if not request.HasField("base_request"):
        raise refused("base_request is required")
    if not request.base_request.key:
        raise refused("base_request.key is required")
    place = request.identifier
    return f"{place.project}-{place.domain}-{request.base_request.key}"


def _reservation(request: _Reserving) -> str:
    return f"reservation:{_key(request)}"


def _owner(request: _Reserving) -> str:
    if not request.base_request.owner_id:
        raise refused("base_request.owner_id is required")
    return request.base_request.owner_id


def _output(store: Store, key: str) -> sqlite3.Row | None:
    return store.row("SELECT * FROM v2_cached_outputs WHERE key = ?", (key,))


def _micros(duration: Duration) -> int:
    return duration.seconds * _SECOND + duration.nanos // 1000


_HANDLERS: dict[str, Handler] = {
    "Get": get,
    "Put": put,
    "Delete": delete,
    "GetOrExtendReservation": reserve,
    "ReleaseReservation": release,
}
HANDLERS = guarded(_HANDLERS)
