"""Outputs that are kept for the next time, and who may make them meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flyteidl2.cacheservice import cacheservice_pb2 as wire
from flyteidl2.cacheservice.v2 import cacheservice_pb2 as wire2
from google.protobuf.duration_pb2 import Duration

if TYPE_CHECKING:
    from flyte2_client import Client


def scope(flyte2: Client) -> wire2.Identifier:
    return wire2.Identifier(project=flyte2.project, domain="development")


def asked(flyte2: Client, **base: Any) -> wire2.GetCacheRequest:
    base.setdefault("key", "k")
    return wire2.GetCacheRequest(
        identifier=scope(flyte2), base_request=wire.GetCacheRequest(**base)
    )


def kept(flyte2: Client, uri: str, **rest: Any) -> wire2.PutCacheRequest:
    base = wire.PutCacheRequest(key="k", output=wire.CachedOutput(output_uri=uri), **rest)
    return wire2.PutCacheRequest(identifier=scope(flyte2), base_request=base)


def reserved(flyte2: Client, owner: str, seconds: int = 0) -> wire2.GetOrExtendReservationRequest:
    base = wire.GetOrExtendReservationRequest(
        key="k", owner_id=owner, heartbeat_interval=Duration(seconds=seconds)
    )
    return wire2.GetOrExtendReservationRequest(identifier=scope(flyte2), base_request=base)


async def test_output_is_kept_until_it_is_written_over_or_deleted(flyte2: Client) -> None:
    name = f'cache entry "{flyte2.project}-development-k"'
    assert (await flyte2.refused("CacheService.Get", asked(flyte2))).text == f"{name} not found"
    await flyte2.ok("CacheService.Put", kept(flyte2, "s3://a/1"))
    first = (await flyte2.ok("CacheService.Get", asked(flyte2))).output
    assert first.output_uri == "s3://a/1"
    refusal = await flyte2.refused("CacheService.Put", kept(flyte2, "s3://a/2"))
    assert (refusal.code, refusal.text) == ("ALREADY_EXISTS", f"{name} already exists")
    over = wire.OverwriteOutput(overwrite=True)
    await flyte2.ok("CacheService.Put", kept(flyte2, "s3://a/2", overwrite=over))
    old = wire.OverwriteOutput(max_age=Duration())
    await flyte2.ok("CacheService.Put", kept(flyte2, "s3://a/3", overwrite=old))
    last = (await flyte2.ok("CacheService.Get", asked(flyte2))).output
    assert last.output_uri == "s3://a/3"
    assert last.metadata.created_at == first.metadata.created_at
    gone = wire2.DeleteCacheRequest(
        identifier=scope(flyte2), base_request=wire.DeleteCacheRequest(key="k")
    )
    await flyte2.ok("CacheService.Delete", gone)
    assert (await flyte2.refused("CacheService.Delete", gone)).code == "NOT_FOUND"


async def test_reservation_is_the_first_ones_until_it_is_released(flyte2: Client) -> None:
    first = (await flyte2.ok("GetOrExtendReservation", reserved(flyte2, "a", 5))).reservation
    assert first.key == f"reservation:{flyte2.project}-development-k"
    assert (first.owner_id, first.heartbeat_interval.seconds) == ("a", 5)
    other = (await flyte2.ok("GetOrExtendReservation", reserved(flyte2, "b"))).reservation
    assert other.owner_id == "a"
    for owner, holder in (("b", "a"), ("a", "b")):
        request = wire2.ReleaseReservationRequest(
            identifier=scope(flyte2),
            base_request=wire.ReleaseReservationRequest(key="k", owner_id=owner),
        )
        await flyte2.ok("ReleaseReservation", request)
        found = await flyte2.ok("GetOrExtendReservation", reserved(flyte2, "b", 60))
        assert found.reservation.owner_id == holder
    assert found.reservation.heartbeat_interval.seconds == 10


@pytest.mark.parametrize("method", ["CacheService.Get", "CacheService.Put", "CacheService.Delete"])
async def test_cache_is_asked_for_a_key(flyte2: Client, method: str) -> None:
    request: Any = flyte2.request(method)
    refusal = await flyte2.refused(method, request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "base_request is required")
    request.base_request.SetInParent()
    refusal = await flyte2.refused(method, request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "base_request.key is required")


async def test_reservation_has_an_owner_and_an_entry_a_place(flyte2: Client) -> None:
    refusal = await flyte2.refused("GetOrExtendReservation", reserved(flyte2, ""))
    assert refusal.text == "base_request.owner_id is required"
    refusal = await flyte2.refused("CacheService.Put", kept(flyte2, ""))
    assert refusal.text == "output_uri is required"
