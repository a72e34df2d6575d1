"""Calls that make and change a record of settings, under the version that was read.

A server drops without a word what its messages do not have, and says otherwise in its answer: the
open-source manager 2.0.43 keeps no default accelerator. So a record is read again once written.
"""

from __future__ import annotations

from flyteidl2.settings import settings_definition_pb2 as wire
from flyteidl2.settings import settings_service_pb2 as service

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.settings import observe, values
from reconciler.backends.flyte2.settings.rules import FIELDS
from reconciler.errors import BackendError, ConflictError
from reconciler.model.document import show_path
from reconciler.plan.plan import Action


async def create(link: Link, action: Action) -> str:
    """Make the record of a level; one that exists is read and compared."""
    settings = wire.Settings()
    values.write(settings, action.body or {})
    request = service.CreateSettingsRequest(key=observe.key_of(action.key), settings=settings)
    try:
        await link.channel.call(methods.CREATE_SETTINGS, request)
    except BackendError as error:
        if not faults.is_already_exists(error):
            raise
        live = (await observe.levels(link, action.key))[action.key]
        if values.read(live.settings) != values.read(settings):
            raise _conflict(link, action) from error
    await _is_kept(link, action, version=1)
    return ""


async def update(link: Link, action: Action) -> str:
    """Write the named fields of a record, None for one to take away; the others stay."""
    live = (await observe.levels(link, action.key))[action.key]
    if str(live.version) != action.revision:
        raise _conflict(link, action)
    values.write(live.settings, action.body or {})
    request = service.UpdateSettingsRequest(
        key=observe.key_of(action.key), settings=live.settings, version=live.version
    )
    await link.channel.call(methods.UPDATE_SETTINGS, request)
    await _is_kept(link, action, version=live.version + 1)
    return ""


async def _is_kept(link: Link, action: Action, *, version: int) -> None:
    """Raise BackendError where the record that was just written lacks a field."""
    live = (await observe.levels(link, action.key))[action.key]
    there = values.read(live.settings)
    lost = [
        show_path(FIELDS.steps(path))
        for path, value in (action.body or {}).items()
        if value is not None and there.get(path) != value
    ]
    if live.version == version and lost:
        raise BackendError(
            f"{link.channel.endpoint}: {action.key}: this Flyte does not keep {', '.join(lost)}; "
            "leave it out, or upgrade Flyte",
            method=methods.UPDATE_SETTINGS.name,
        )


def _conflict(link: Link, action: Action) -> ConflictError:
    return ConflictError(
        f"{link.channel.endpoint}: {action.key}: was written by somebody else since it was read; "
        "run again to see how it differs"
    )
