"""What a start needs besides what it says: uploads of local files, and the overridden task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from flyteidl2.task import task_definition_pb2

from reconciler.backends.flyte2.declared.overrides import overridden
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.locations import proxy
from reconciler.backends.flyte2.task.fetch import spec_of
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.run import Launch
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action
from reconciler.values.stand_ins import local_uris, located

_OVERRIDES = "overrides"


async def prepared(link: Link, action: Action) -> Action:
    """Upload what a start refers to; any other action stays as it is."""
    if action.verb is not Verb.START or action.body is None:
        return action
    return replace(action, body=await _with_uploads(link, action))


async def _with_uploads(link: Link, action: Action) -> dict[str, Json]:
    body = action.body or {}
    inputs = cast("Mapping[str, Json]", body.get("inputs", {}))
    files = local_uris(inputs.values())
    if not files:
        return body
    places = await proxy(link, action.key.place)
    locations = await link.uploads.uploaded(places, action, files)
    placed = {name: located(literal, locations) for name, literal in inputs.items()}
    return {**body, "inputs": placed}


async def with_task(link: Link, launch: Launch) -> Launch:
    """Put the task with its overrides in the place of the registered one."""
    body = launch.body
    overrides = body.get(_OVERRIDES)
    if not isinstance(overrides, dict):
        return launch
    entity = cast("Mapping[str, str]", body["entity"])
    identifier = task_definition_pb2.TaskIdentifier(
        project=entity["project"],
        domain=entity["domain"],
        name=entity["name"],
        version=entity["version"],
    )
    spec = await spec_of(link.channel, identifier)
    if spec is None:
        raise BackendError(
            f"task {entity['name']} version {entity['version']}: is not deployed, so that it "
            "cannot be run with overrides; deploy it first"
        )
    rest = {name: part for name, part in body.items() if name != _OVERRIDES}
    return replace(launch, body={**rest, "spec": to_json(overridden(spec, overrides))})
