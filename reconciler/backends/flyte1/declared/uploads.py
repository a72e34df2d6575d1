"""Local files in the inputs of a run, which are uploaded before it is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from reconciler.backends.flyte1.attachments import Attachments
from reconciler.backends.wire.channel import Channel
from reconciler.model.document import Json
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action
from reconciler.values.stand_ins import local_uris, located


async def with_uploads(channel: Channel, action: Action, attachments: Attachments) -> Action:
    """Bring what a start refers to by a local path to Flyte, and say where it is."""
    body = action.body or {}
    inputs = cast("Mapping[str, Json]", body.get("inputs", {}))
    files = local_uris(inputs.values()) if action.verb is Verb.START else ()
    if not files:
        return action
    locations = await attachments.uploaded(channel, action, files)
    placed = {name: located(literal, locations) for name, literal in inputs.items()}
    return replace(action, body={**body, "inputs": placed})
