"""The table of Flyte 2's errors: what its uneven codes mean."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest

from reconciler import errors
from reconciler.backends.flyte1 import faults as flyte1
from reconciler.backends.flyte2 import faults
from reconciler.backends.wire.faults import Meaning

CODE = grpc.StatusCode
LOCK = "optimistic lock failure: trigger was modified concurrently, please fetch latest and retry"


def raised(code: grpc.StatusCode, text: str = "") -> errors.BackendError:
    fault = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), text)
    ours = faults.FAULTS.translate(fault, method="TriggerService.DeployTrigger", endpoint="h:1")
    ours.__cause__ = fault
    return ours


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: str(code.name))
@pytest.mark.parametrize("text", ["", "something nobody foresaw"], ids=["silent", "unforeseen"])
def test_every_code_of_flyte2_has_a_meaning_and_a_remedy(code: grpc.StatusCode, text: str) -> None:
    place, method, rest = str(raised(code, text)).split(": ", 2)

    assert (place, method) == ("h:1", "TriggerService.DeployTrigger")
    assert code.name in rest
    assert text in rest
    assert rest.rpartition("; ")[2]


def test_every_meaning_is_reached_by_some_flyte() -> None:
    assert {row.meaning for row in (*flyte1.TABLE, *faults.TABLE)} == set(Meaning)


@pytest.mark.parametrize(
    ("code", "text", "meaning", "kind"),
    [
        (CODE.INTERNAL, LOCK, Meaning.CONFLICT, errors.ConflictError),
        (
            CODE.FAILED_PRECONDITION,
            "settings version conflict: org=|domain=|project=",
            Meaning.CONFLICT,
            errors.ConflictError,
        ),
        (
            CODE.INTERNAL,
            "failed to create project p: pq: value too long for type character varying(300)",
            Meaning.TOO_LONG,
            errors.BackendError,
        ),
        (CODE.INTERNAL, "pq: relation", Meaning.SERVER_FAILED, errors.BackendError),
        (CODE.UNKNOWN, "task not found: {p d t v}", Meaning.MISSING, errors.BackendError),
        (CODE.UNKNOWN, "else", Meaning.SERVER_FAILED, errors.BackendError),
        (
            CODE.NOT_FOUND,
            'project "p" not found',
            Meaning.UNKNOWN_PROJECT,
            errors.BackendError,
        ),
        (CODE.NOT_FOUND, "trigger not found: p/d/t/n", Meaning.MISSING, errors.BackendError),
        (
            CODE.UNIMPLEMENTED,
            "Received http2 header with status: 404",
            Meaning.UNSERVED,
            errors.UnsupportedError,
        ),
        (
            CODE.UNAUTHENTICATED,
            "no authenticated identity on request (missing or untrusted identity headers)",
            Meaning.UNSERVED,
            errors.UnsupportedError,
        ),
        (CODE.UNAUTHENTICATED, "token expired", Meaning.WHO, errors.DeniedError),
    ],
)
def test_answer_of_flyte2_is_told_by_its_text(
    code: grpc.StatusCode, text: str, meaning: Meaning, kind: type[errors.BackendError]
) -> None:
    ours = raised(code, text)

    assert faults.FAULTS.meaning_of(ours) is meaning
    assert type(ours) is kind


def test_what_is_asked_of_an_error_follows_from_its_meaning() -> None:
    assert faults.is_conflict(raised(CODE.INTERNAL, LOCK))
    assert not faults.is_conflict(raised(CODE.INTERNAL, "lock"))
    assert faults.is_not_found(raised(CODE.UNKNOWN, "task not found: x"))
    assert faults.is_not_found(raised(CODE.NOT_FOUND, "project not found: p"))
    assert faults.is_already_exists(raised(CODE.ALREADY_EXISTS, "project already exists: p"))
