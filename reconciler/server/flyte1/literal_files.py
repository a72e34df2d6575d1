"""Maps of literals in files: what events carry inline is stored, what they point to is read.

The places are flyteadmin's own, below `metadata/` and the execution's key. What cannot be read is
an empty map and no error, so that an empty map never proves that there was nothing (flyteadmin
1.16.8, pkg/common/data_store.go and pkg/manager/impl/util/data.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.core import literals_pb2
from google.protobuf.message import DecodeError

from reconciler.server.flyte1 import locations
from reconciler.server.status import StatusError, internal

if TYPE_CHECKING:
    from reconciler.server.store import Store

INPUTS = "offloaded_inputs"
OUTPUTS = "offloaded_outputs"

_MAX_BYTES = 2 * 1024 * 1024


def put(store: Store, literals: literals_pb2.LiteralMap, *place: str) -> str:
    """Store a map; the location that the server answers with."""
    uri = offloaded("metadata", *place)
    store.objects.put(uri, literals.SerializeToString())
    return uri


def offloaded(*place: str) -> str:
    """The location of what an event brings; INTERNAL for parts that make none."""
    try:
        return locations.reference(place)
    except ValueError as error:
        raise internal(
            f"Failed to construct data reference for [{'/'.join(place)}] with err: {error}"
        ) from None


def read(store: Store, uri: str) -> literals_pb2.LiteralMap:
    """The map behind a location; empty when there is none that can be read."""
    raw = store.objects.read(uri) if uri else None
    if raw is None or len(raw) > _MAX_BYTES:
        return literals_pb2.LiteralMap()
    try:
        return literals_pb2.LiteralMap.FromString(raw)
    except DecodeError:
        return literals_pb2.LiteralMap()


def check_size(outputs: literals_pb2.LiteralMap) -> None:
    """RESOURCE_EXHAUSTED for outputs that are too long to be sent inline."""
    size = outputs.ByteSize()
    if size > _MAX_BYTES:
        raise StatusError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"Output data size exceeds platform configured threshold ({size} > {_MAX_BYTES})",
        )
