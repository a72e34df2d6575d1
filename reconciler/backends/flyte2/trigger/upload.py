"""Uploads the inputs of a trigger, to a folder that only triggers with these inputs point to.

The server names its own place for uploaded inputs after the hash of those that count for the task's
cache, so that two triggers whose inputs differ in the others share a file, and the last upload
counts for both (seen on 2.0.43). So a folder of our own is asked for: below the place that the
server gives for uploads of the project-domain, and named after the digest of all inputs.

That folder is no `run_base_dir` of the run: a run starts from the URI as it stands in the trigger,
while `run_base_dir` would move all that the run writes below it.

Local files among the inputs go to the store before them. The folder is named after the inputs with
stand-ins, which follow the content of files, and what is uploaded names where the files are.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flyteidl2.cluster import payload_pb2
from flyteidl2.common import identifier_pb2, run_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import task_definition_pb2

from reconciler.backends.flyte2 import locks, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.locations import proxy
from reconciler.backends.flyte2.trigger import inputs, normal
from reconciler.plan.plan import Action
from reconciler.values.stand_ins import local_uris, located

_FILE = "inputs.pb"
_Operation = payload_pb2.SelectClusterRequest


async def upload(link: Link, action: Action, known: dict[str, Any]) -> run_pb2.OffloadedInputData:
    """Upload known inputs and return where they are; the same ones go to the same file."""
    place, target = action.key.place, action.refs[0]
    message = inputs.to_message(await _located(link, action, known))
    md5 = hashlib.md5(message.SerializeToString(deterministic=True), usedforsecurity=False)
    locations = await link.routes.to(place, _Operation.OPERATION_CREATE_UPLOAD_LOCATION)
    location = await locations.call(
        methods.CREATE_UPLOAD_LOCATION,
        dataproxy_service_pb2.CreateUploadLocationRequest(
            project=place.project,
            domain=place.domain,
            filename=_FILE,
            filename_root=inputs.folder_of(known),
            content_md5=md5.digest(),
        ),
    )
    data = await link.routes.to(place, _Operation.OPERATION_UPLOAD_TRIGGER)
    answer = await data.call(
        methods.UPLOAD_INPUTS,
        dataproxy_service_pb2.UploadInputsRequest(
            project_id=identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain),
            task_id=task_definition_pb2.TaskIdentifier(
                project=target.key.project,
                domain=target.key.domain,
                name=target.key.name,
                version=target.version,
            ),
            inputs=message,
            base_dir=location.native_url.rpartition("/")[0],
        ),
    )
    return answer.offloaded_input_data


async def _located(link: Link, action: Action, known: dict[str, Any]) -> dict[str, Any]:
    """Bring the local files among inputs to the store, and name their locations."""
    local = local_uris(known["literals"].values())
    if not local:
        return known
    uploaded = await link.uploads.uploaded(
        await proxy(link, action.key.place),
        action,
        local,
        known_in=await _known_in(link, action, known),
    )
    literals = {name: located(one, uploaded) for name, one in known["literals"].items()}
    return {**known, "literals": literals}


async def _known_in(link: Link, action: Action, known: dict[str, Any]) -> str:
    """Say below which folder the files are, where the live trigger has the same inputs."""
    if not action.revision:
        return ""
    details = await locks.details_of(link.channel, normal.name_of(action.key))
    if details is None:
        return ""
    is_same = inputs.fingerprint(inputs.from_wire(details.spec)) == inputs.fingerprint(known)
    return inputs.base_of(details.spec.offloaded_input_data.uri) if is_same else ""
