"""Settings of organisations, domains and projects: kept, and never applied to anything.

A level without a record has version 0. There is no delete (v2.0.43,
runs/service/settings_service.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl2.settings import settings_definition_pb2
from flyteidl2.settings import settings_service_pb2 as wire

from reconciler.server.clock import now
from reconciler.server.flyte2.refusals import not_found, taken
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

_DEFAULT_ORGANISATION = "flyte"


def create(store: Store, request: wire.CreateSettingsRequest) -> wire.CreateSettingsResponse:
    """CreateSettings: version 1; ALREADY_EXISTS where there is a record."""
    _check(request)
    key = _encoded(request.key)
    with store.writing():
        if _find(store, key) is not None:
            raise taken(f"settings already exists: {key}")
        store.run(
            "INSERT INTO v2_settings (key, data, version, created_at, updated_at) "
            "VALUES (?, ?, 1, ?, ?)",
            (key, request.settings.SerializeToString(), now(), now()),
        )
    return wire.CreateSettingsResponse(settingsRecord=_record(request, version=1))


def update(store: Store, request: wire.UpdateSettingsRequest) -> wire.UpdateSettingsResponse:
    """UpdateSettings: replaces a record whole; FAILED_PRECONDITION for a stale version."""
    _check(request)
    if not request.version:
        raise refused("a version is required; use CreateSettings for a new record")
    key = _encoded(request.key)
    with store.writing():
        row = _find(store, key)
        if row is None:
            raise not_found(f"settings not found: {key}")
        if row["version"] != request.version:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION, f"settings version conflict: {key}"
            )
        store.run(
            "UPDATE v2_settings SET data = ?, version = version + 1, updated_at = ? WHERE key = ?",
            (request.settings.SerializeToString(), now(), key),
        )
    record = _record(request, version=request.version + 1)
    return wire.UpdateSettingsResponse(settingsRecord=record)


def get_for_edit(
    store: Store, request: wire.GetSettingsForEditRequest
) -> wire.GetSettingsForEditResponse:
    """GetSettingsForEdit: every level of the key as it is kept, the broadest first."""
    if not request.HasField("key"):
        raise refused("key is required")
    key = request.key
    _check_scope(key)
    levels = [settings_definition_pb2.SettingsKey(org=key.org)]
    if key.domain:
        levels.append(settings_definition_pb2.SettingsKey(org=key.org, domain=key.domain))
    if key.project:
        level = settings_definition_pb2.SettingsKey(
            org=key.org, domain=key.domain, project=key.project
        )
        levels.append(level)
    return wire.GetSettingsForEditResponse(
        requestedKey=key, levels=[_level(store, level) for level in levels]
    )


def get(_store: Store, _request: wire.GetSettingsRequest) -> wire.GetSettingsResponse:
    """GetSettings: nothing merges the levels."""
    raise StatusError(
        grpc.StatusCode.UNIMPLEMENTED, "settings resolution engine not implemented yet"
    )


def _check(request: wire.CreateSettingsRequest | wire.UpdateSettingsRequest) -> None:
    if not request.HasField("key") or not request.HasField("settings"):
        raise refused("key and settings are required")
    _check_scope(request.key)


def _check_scope(key: settings_definition_pb2.SettingsKey) -> None:
    if key.project and not key.domain:
        raise refused("a project-scope key requires a domain")


def _encoded(key: settings_definition_pb2.SettingsKey) -> str:
    """The one identifier of the manager that keeps the organisation."""
    return f"v1:{key.org or _DEFAULT_ORGANISATION}:{key.domain}:{key.project}"


def _find(store: Store, key: str) -> sqlite3.Row | None:
    return store.row("SELECT * FROM v2_settings WHERE key = ?", (key,))


def _level(store: Store, key: settings_definition_pb2.SettingsKey) -> wire.SettingsRecord:
    row = _find(store, _encoded(key))
    record = wire.SettingsRecord(key=key)
    record.settings.SetInParent()
    if row is not None:
        record.settings.ParseFromString(row["data"])
        record.version = row["version"]
    return record


def _record(
    request: wire.CreateSettingsRequest | wire.UpdateSettingsRequest, *, version: int
) -> wire.SettingsRecord:
    return wire.SettingsRecord(key=request.key, settings=request.settings, version=version)


HANDLERS = guarded(
    {
        "GetSettings": get,
        "GetSettingsForEdit": get_for_edit,
        "CreateSettings": create,
        "UpdateSettings": update,
    }
)
