"""The table of errors: total over the codes, told apart by detail and stem, with a remedy each."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest
from flyteidl.admin import project_pb2, workflow_pb2
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2

from reconciler import errors
from reconciler.backends.flyte1 import faults
from reconciler.backends.wire.faults import Meaning, is_too_large

CODE = grpc.StatusCode


def fault(code: grpc.StatusCode, text: str = "", *details: Message) -> grpc.aio.AioRpcError:
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    status = status_pb2.Status(code=code.value[0], message=text, details=packed)
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), trailing if details else grpc.aio.Metadata(), text
    )


def raised(error: grpc.aio.AioRpcError) -> errors.BackendError:
    ours = faults.FAULTS.translate(error, method="AdminService.CreateTask", endpoint="h:1")
    ours.__cause__ = error
    return ours


KINDS = {
    CODE.OK: errors.BackendError,
    CODE.CANCELLED: errors.UnavailableError,
    CODE.UNKNOWN: errors.BackendError,
    CODE.INVALID_ARGUMENT: errors.BackendError,
    CODE.DEADLINE_EXCEEDED: errors.UnavailableError,
    CODE.NOT_FOUND: errors.BackendError,
    CODE.ALREADY_EXISTS: errors.BackendError,
    CODE.PERMISSION_DENIED: errors.DeniedError,
    CODE.UNAUTHENTICATED: errors.DeniedError,
    CODE.RESOURCE_EXHAUSTED: errors.BackendError,
    CODE.FAILED_PRECONDITION: errors.BackendError,
    CODE.ABORTED: errors.ConflictError,
    CODE.OUT_OF_RANGE: errors.BackendError,
    CODE.UNIMPLEMENTED: errors.UnsupportedError,
    CODE.INTERNAL: errors.BackendError,
    CODE.UNAVAILABLE: errors.UnavailableError,
    CODE.DATA_LOSS: errors.BackendError,
}


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: str(code.name))
@pytest.mark.parametrize("text", ["", "something nobody foresaw"], ids=["silent", "unforeseen"])
def test_every_code_has_a_meaning_a_kind_and_a_remedy(code: grpc.StatusCode, text: str) -> None:
    ours = raised(fault(code, text))
    place, method, rest = str(ours).split(": ", 2)

    assert type(ours) is KINDS[code]
    assert (place, method) == ("h:1", "AdminService.CreateTask")
    assert code.name in rest
    assert text in rest
    assert rest.rpartition("; ")[2]
    assert (ours.method, ours.code) == ("AdminService.CreateTask", code.name)


def test_flyte2_that_is_taken_for_a_flyte1_is_told_apart_by_the_way_out() -> None:
    # What a manager answers to AdminService: a page that is not there.
    ours = raised(fault(CODE.UNIMPLEMENTED, "Received http2 header with status: 404"))

    assert str(ours).endswith("or give --flyte Flyte2")


def test_last_row_of_each_code_matches_every_message() -> None:
    last = {row.code: row for row in faults.TABLE}

    assert set(last) == set(grpc.StatusCode)
    assert not [row for row in last.values() if row.stem or row.detail]


def test_every_meaning_can_be_reached() -> None:
    assert {row.meaning for row in faults.TABLE} == set(Meaning) - {Meaning.TOO_LONG}


@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        (
            CODE.INVALID_ARGUMENT,
            "n task with different structure already exists. (Please register a new version):\n/a:",
            Meaning.DIFFERENT_STRUCTURE,
        ),
        (CODE.INVALID_ARGUMENT, "project [p] is not active", Meaning.INACTIVE_PROJECT),
        (
            CODE.INVALID_ARGUMENT,
            "failed to validate that project [p] and domain [d] are registered, err: [x]",
            Meaning.UNKNOWN_PROJECT,
        ),
        (CODE.INVALID_ARGUMENT, "domain [d] is unrecognized by system", Meaning.UNKNOWN_DOMAIN),
        (CODE.INVALID_ARGUMENT, "missing name", Meaning.INVALID),
        (
            CODE.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (5 vs. 4194304)",
            Meaning.TOO_LARGE_FOR_SERVER,
        ),
        (
            CODE.RESOURCE_EXHAUSTED,
            "CLIENT: Received message larger than max (5 vs. 4)",
            Meaning.TOO_LARGE_FOR_US,
        ),
        (
            CODE.RESOURCE_EXHAUSTED,
            "grpc: trying to send message larger than max (5 vs. 4)",
            Meaning.TOO_LARGE_FOR_US,
        ),
        (CODE.RESOURCE_EXHAUSTED, "quota", Meaning.OVERLOADED),
        (CODE.UNAVAILABLE, "DNS resolution failed for h:1", Meaning.NAME_UNRESOLVED),
        (
            CODE.UNIMPLEMENTED,
            "Received http2 header with status: 404",
            Meaning.NOT_GRPC,
        ),
        (
            CODE.UNKNOWN,
            'unexpected HTTP status code; content-type "text/html"',
            Meaning.NOT_GRPC,
        ),
        (
            CODE.UNKNOWN,
            "Stream removed (Data frame with END_STREAM flag received)",
            Meaning.NOT_GRPC,
        ),
        (CODE.UNKNOWN, "Received http2 header with status: 302", Meaning.NOT_GRPC),
        (CODE.UNKNOWN, "failed database operation", Meaning.SERVER_FAILED),
        (CODE.UNAVAILABLE, "Received http2 header with status: 429", Meaning.OVERLOADED),
        (CODE.UNAVAILABLE, "Received http2 header with status: 503", Meaning.UNAVAILABLE),
        (CODE.UNIMPLEMENTED, "unknown service flyteidl.service.X", Meaning.UNSERVED),
        (CODE.INTERNAL, "", Meaning.SERVER_FAILED),
    ],
)
def test_message_tells_meanings_of_one_code_apart(
    code: grpc.StatusCode, text: str, meaning: Meaning
) -> None:
    assert faults.FAULTS.meaning_of(fault(code, text)) is meaning
    assert faults.FAULTS.meaning_of(raised(fault(code, text))) is meaning


def test_typed_detail_tells_a_different_workflow() -> None:
    detail = workflow_pb2.CreateWorkflowFailureReason()
    detail.exists_different_structure.id.name = "n"
    error = fault(CODE.INVALID_ARGUMENT, "reworded in some later version", detail)

    assert faults.is_different_structure(error)


def test_typed_detail_tells_an_archived_project() -> None:
    archived = fault(CODE.INVALID_ARGUMENT, "reworded", project_pb2.InactiveProject(id="p"))
    other = fault(CODE.INVALID_ARGUMENT, "reworded", project_pb2.Project(id="p"))

    assert faults.FAULTS.meaning_of(archived) is Meaning.INACTIVE_PROJECT
    assert faults.FAULTS.meaning_of(other) is Meaning.INVALID


def test_garbled_detail_is_not_an_error_of_its_own() -> None:
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff\xff"))
    error = grpc.aio.AioRpcError(CODE.INVALID_ARGUMENT, grpc.aio.Metadata(), trailing, "missing x")

    assert faults.FAULTS.meaning_of(error) is Meaning.INVALID


@pytest.mark.parametrize(
    ("predicate", "code", "text"),
    [
        (faults.is_not_found, CODE.NOT_FOUND, "entry not found"),
        (faults.is_already_exists, CODE.ALREADY_EXISTS, "value with matching already exists"),
        (
            faults.is_different_structure,
            CODE.INVALID_ARGUMENT,
            "n with different structure already exists",
        ),
        (is_too_large, CODE.RESOURCE_EXHAUSTED, "Received message larger than max"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_predicates_hold_for_their_own_error_only(
    predicate: object, code: grpc.StatusCode, text: str
) -> None:
    assert callable(predicate)
    assert predicate(fault(code, text))
    assert predicate(raised(fault(code, text)))
    assert not predicate(fault(CODE.UNAVAILABLE))
    assert not predicate(errors.BackendError("not of a call"))
    assert not predicate(ValueError("nor this"))


def test_long_answer_is_one_line_cut_at_a_length() -> None:
    shown = str(raised(fault(CODE.INVALID_ARGUMENT, "line\n" * 5000)))

    assert "\n" not in shown
    assert len(shown) < 1000


def test_credentials_that_a_server_repeats_are_hidden() -> None:
    error = fault(CODE.UNAUTHENTICATED, "bad 'Bearer s3cr3t' and s3cr4t")
    ours = faults.FAULTS.translate(error, method="M", endpoint="h:1", hide=["s3cr4t"])

    assert "s3cr" not in str(ours)
