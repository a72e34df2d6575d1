"""Data of a run by its `flyte://` address: a node's or an attempt's inputs and outputs.

What is missing is INVALID_ARGUMENT or NOT_FOUND as flyteadmin 1.16.8 has it (dataproxy/service.go).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import node_execution_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import dataproxy_pb2 as wire

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import (
    locations,
    node_executions,
    node_rows,
    run_lists,
    task_executions,
    task_rows,
)
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import TASK_EXECUTION
from reconciler.server.flyte1.filters import equals, where
from reconciler.server.flyte1.refusals import compact
from reconciler.server.flyte1.signed_urls import expiry, signed
from reconciler.server.objects import BUCKET
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    from flyteidl.core import literals_pb2

    from reconciler.server.store import Store

_PART = "[a-zA-Z0-9_-]+"
_ADDRESS = re.compile(
    rf"flyte://v1/({_PART})/({_PART})/({_PART})/({_PART})(?:/([0-9]+))?"
    rf"/(?:([iod])|([io])/({_PART}))\Z"
)


def download_link(
    store: Store, request: wire.CreateDownloadLinkRequest
) -> wire.CreateDownloadLinkResponse:
    """CreateDownloadLink: of a node's deck, when its file is there."""
    problem = "error while validating request. Error: "
    length = expiry(optional(request, "expires_in"), problem)
    if not request.HasField("expires_in"):
        request.expires_in.seconds = length // 10**9
    if request.artifact_type == wire.ARTIFACT_TYPE_UNDEFINED:
        kind = wire.ArtifactType.Name(request.artifact_type)
        raise refused(f"{problem}invalid artifact type [{kind}]")
    if request.WhichOneof("source") is None:
        raise refused(f"{problem}source is required. Provided nil")
    try:
        row = node_rows.existing(store, request.node_execution_id)
    except StatusError as error:
        place = compact(request.node_execution_id)
        raise refused(f"failed to find node execution [{place}]. Error: {error.text}") from None
    deck = node_rows.closure(row).deck_uri
    if not deck or request.artifact_type != wire.ARTIFACT_TYPE_DECK:
        raise StatusError(
            grpc.StatusCode.NOT_FOUND, f"no deckUrl found for request [{compact(request)}]"
        )
    _check_file(store, deck)
    url = signed(store, "GET", deck, length)
    expires = stamp(now() + length // 1000)
    return wire.CreateDownloadLinkResponse(
        signed_url=[url],
        expires_at=expires,
        pre_signed_urls=wire.PreSignedURLs(signed_url=[url], expires_at=expires),
    )


def _check_file(store: Store, url: str) -> None:
    """NOT_FOUND for a file that is not there, INTERNAL for one that cannot be."""
    problem = "failed to head object before signing url. Error: "
    try:
        container, key = locations.parse(url)
    except ValueError as error:
        raise internal(f"{problem}{error}") from None
    if container != BUCKET:
        raise internal(
            f"{problem}Conf container:{BUCKET} != Passed Container:{container}. Dynamic loading "
            "is disabled: not found"
        )
    if not key:
        raise internal(
            f"{problem}path:: getItem, getting the object: InvalidParameter: 1 validation "
            "error(s) found.\n- minimum field size of 1, HeadObjectInput.Key.\n"
        )
    if store.objects.md5(url) is None:
        raise StatusError(grpc.StatusCode.NOT_FOUND, "object not found")


def get(store: Store, request: wire.GetDataRequest) -> wire.GetDataResponse:
    """GetData: the whole map, or one value of it by name."""
    problem = "failed to validate resolve artifact request. Error: "
    if not request.flyte_url:
        raise refused(f"{problem}source is required. Provided empty string")
    if not request.flyte_url.startswith("flyte://"):
        raise refused(f"{problem}request does not start with the correct prefix")
    found = _ADDRESS.search(request.flyte_url)
    if found is None:
        raise refused(f"failed to parse artifact url Error: failed to parse [{request.flyte_url}]")
    project, domain, run, node, attempt, whole, side, name = found.groups()
    if attempt is not None and int(attempt) >= 2**63:
        raise refused(
            f"failed to parse artifact url Error: failed to parse attempt [{attempt}], "
            f'strconv.Atoi: parsing "{attempt}": value out of range'
        )
    identifier = identifier_pb2.NodeExecutionIdentifier(
        node_id=node,
        execution_id=identifier_pb2.WorkflowExecutionIdentifier(
            project=project, domain=domain, name=run
        ),
    )
    if whole == "d" and attempt is None:
        node_rows.existing(store, identifier)
        link = wire.CreateDownloadLinkRequest(
            artifact_type=wire.ARTIFACT_TYPE_DECK, node_execution_id=identifier
        )
        return wire.GetDataResponse(pre_signed_urls=download_link(store, link).pre_signed_urls)
    literals, place = _literals(store, identifier, attempt, whole or side)
    if name is None:
        return wire.GetDataResponse(literal_map=literals)
    if name not in literals.literals:
        raise refused(f"name [{name}] not found in {place}")
    return wire.GetDataResponse(literal=literals.literals[name])


def _literals(
    store: Store, node: identifier_pb2.NodeExecutionIdentifier, attempt: str | None, side: str
) -> tuple[literals_pb2.LiteralMap, str]:
    answer: (
        node_execution_pb2.NodeExecutionGetDataResponse
        | task_execution_pb2.TaskExecutionGetDataResponse
    )
    if attempt is None:
        request = node_execution_pb2.NodeExecutionGetDataRequest(id=node)
        answer = node_executions.get_data(store, request)
        place = f"node execution [{compact(node)}]"
    else:
        task = _attempt(store, node, int(attempt) % 2**32)
        answer = task_executions.get_data(
            store, task_execution_pb2.TaskExecutionGetDataRequest(id=task)
        )
        place = f"task execution [{compact(task)}]"
    if side == "d" and attempt is not None:
        raise refused(
            "deck type cannot be specified with a retry attempt, just use the node instead"
        )
    return (answer.full_inputs if side == "i" else answer.full_outputs), place


def _attempt(
    store: Store, node: identifier_pb2.NodeExecutionIdentifier, attempt: int
) -> identifier_pb2.TaskExecutionIdentifier:
    conditions = [
        *run_lists.of_execution(TASK_EXECUTION, node.execution_id),
        equals(TASK_EXECUTION, "node_id", node.node_id),
        equals(TASK_EXECUTION, "retry_attempt", attempt),
    ]
    clause, values = where(conditions)
    row = store.row(f"SELECT * FROM task_executions{clause} LIMIT 1", values)  # noqa: S608
    if row is None:
        asked = identifier_pb2.TaskExecutionIdentifier(
            node_execution_id=node, retry_attempt=attempt
        )
        raise refused(f"no task executions were listed [{compact(asked)}]. Error: <nil>")
    return task_rows.message(store, row).id
