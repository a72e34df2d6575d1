"""Whatever keeps a call from its answer, on real sockets: it is an error of ours with a way out.

Nothing is taken for an answer that is none, nor for a cancellation of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer, serving
from flyteidl.admin import version_pb2
from flyteidl2.project import project_service_pb2
from http2_kit import GRPC, Script, data, go_away, headers, message, reset, scripted

from reconciler import errors
from reconciler.backends import settings as connection
from reconciler.backends.flyte1 import channel as flyte1
from reconciler.backends.flyte1 import methods as flyte1_methods
from reconciler.backends.flyte2 import channel as flyte2
from reconciler.backends.flyte2 import methods as flyte2_methods
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.channel import Channel

Call = Callable[[Channel], Any]
OPENERS = {"flyte1": flyte1.connect, "flyte2": flyte2.connect}
READS: dict[str, Call] = {
    "flyte1": lambda opened: opened.call(
        flyte1_methods.GET_VERSION, version_pb2.GetVersionRequest()
    ),
    "flyte2": lambda opened: opened.call(
        flyte2_methods.LIST_PROJECTS, project_service_pb2.ListProjectsRequest(limit=1)
    ),
}
OK = {"grpc-status": "0"}


def status(code: str, **more: str) -> Script:
    """A server that ends a call with headers alone."""
    fields = {**GRPC, "grpc-status": code}
    fields |= {f"grpc-{name}": text for name, text in more.items()}
    return lambda stream: headers(stream, fields, ends=True)


def page(code: int) -> Script:
    """A proxy that answers with a web page."""
    fields = {":status": str(code), "content-type": "text/html"}
    body = b"<html><body>Bad Gateway</body></html>"
    return lambda stream: headers(stream, fields) + data(stream, body, ends=True)


def answered(body: Callable[[int], bytes]) -> Script:
    """A call that ends well after a body."""
    return lambda stream: headers(stream, GRPC) + body(stream) + headers(stream, OK, ends=True)


CALM, INTERNAL, REFUSED_STREAM, CANCEL = 11, 2, 7, 8
UNREADABLE = "the answer is no message of this call"

CASES: dict[str, tuple[Script, type[errors.BackendError], str]] = {
    **{
        f"reset-{code}": (lambda stream, code=code: reset(stream, code), errors.BackendError, "RST")
        for code in range(14)
    },
    "reset-refused": (
        lambda stream: reset(stream, REFUSED_STREAM),
        errors.UnavailableError,
        "UNAVAILABLE",
    ),
    "reset-cancel": (lambda stream: reset(stream, CANCEL), errors.UnavailableError, "CANCELLED"),
    "reset-within": (
        lambda stream: headers(stream, GRPC) + reset(stream, INTERNAL),
        errors.BackendError,
        "INTERNAL",
    ),
    "go-away": (lambda _stream: go_away(0), errors.UnavailableError, "GOAWAY"),
    "go-away-pings": (
        lambda _stream: go_away(CALM, b"too_many_pings"),
        errors.UnavailableError,
        "too_many_pings",
    ),
    "go-away-unfinished": (
        lambda stream: go_away(0, last=stream),
        errors.UnavailableError,
        "no answer before the deadline",
    ),
    "closed": (lambda _stream: b"", errors.UnavailableError, "the connection was closed"),
    "closed-within": (
        lambda stream: headers(stream, GRPC) + message(stream, b"abc")[:10],
        errors.UnavailableError,
        "the connection was closed",
    ),
    "silent": (lambda _stream: b"", errors.UnavailableError, "no answer before the deadline"),
    "page-200": (page(200), errors.UnavailableError, "does not speak gRPC"),
    "page-302": (page(302), errors.UnavailableError, "does not speak gRPC"),
    "page-401": (page(401), errors.DeniedError, "does not know who calls"),
    "page-403": (page(403), errors.DeniedError, "may not do that"),
    "page-404": (page(404), errors.BackendError, "404"),
    "page-429": (page(429), errors.BackendError, "out of quota"),
    "page-500": (page(500), errors.BackendError, "the server failed"),
    "page-502": (page(502), errors.UnavailableError, "cannot be reached"),
    "page-503": (page(503), errors.UnavailableError, "cannot be reached"),
    "page-999": (page(999), errors.BackendError, "the server failed"),
    "page-in-internal": (
        status("13", message="<html><body>502 Bad Gateway</body></html>"),
        errors.UnavailableError,
        "does not speak gRPC",
    ),
    "page-in-unknown": (
        status("2", message="<!DOCTYPE html><title>Sign in</title>"),
        errors.UnavailableError,
        "does not speak gRPC",
    ),
    "silent-internal": (status("13"), errors.BackendError, "the server failed (INTERNAL);"),
    "unknown-status": (status("99"), errors.BackendError, "the server failed (UNKNOWN);"),
    "status-of-letters": (status("x"), errors.BackendError, "INTERNAL"),
    "negative-status": (status("-1"), errors.BackendError, "INTERNAL"),
    "details-that-are-no-base64": (
        lambda stream: headers(
            stream, {**GRPC, "grpc-status": "13", "grpc-status-details-bin": "!!"}, ends=True
        ),
        errors.BackendError,
        "INTERNAL",
    ),
    "text-that-is-no-unicode": (
        status("13", message="%FF%FEbad"),
        errors.BackendError,
        "bad",
    ),
    "text-half-escaped": (status("13", message="%zz 100%"), errors.BackendError, "%zz 100%"),
    "no-status": (
        lambda stream: headers(stream, GRPC) + headers(stream, {"x": "y"}, ends=True),
        errors.BackendError,
        "No status received",
    ),
    "no-message": (answered(lambda _stream: b""), errors.BackendError, UNREADABLE),
    "no-message-at-all": (status("0"), errors.BackendError, UNREADABLE),
    "garbage": (
        answered(lambda stream: message(stream, b"\xff\xff\xff")),
        errors.BackendError,
        UNREADABLE,
    ),
    "unknown-framing": (
        answered(lambda stream: data(stream, b"\7\0\0\0\0")),
        errors.BackendError,
        UNREADABLE,
    ),
    "compressed-unannounced": (
        answered(lambda stream: message(stream, b"abc", is_compressed=True)),
        errors.BackendError,
        "Compression",
    ),
    "announced-larger-than-the-limit": (
        answered(lambda stream: data(stream, b"\0\x7f\xff\xff\xff")),
        errors.BackendError,
        "larger than this connection accepts",
    ),
    "headers-that-are-none": (
        lambda stream: b"\0\0\1\1\4" + stream.to_bytes(4, "big") + b"\xff",
        errors.BackendError,
        "INTERNAL",
    ),
}
CLOSING = {"go-away", "go-away-pings", "closed", "closed-within"}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


def settings(endpoint: str, *, seconds: float = 0.3) -> connection.Settings:
    return connection.Settings(
        endpoint=endpoint,
        chosen_by="test",
        tls=connection.Tls(insecure=True),
        deadline=timedelta(seconds=seconds),
    )


@asynccontextmanager
async def opened(endpoint: str, flyte: str = "flyte2") -> AsyncIterator[Channel]:
    async with OPENERS[flyte](settings(endpoint, seconds=5), read_only=True) as channel:
        yield channel


@pytest.mark.parametrize("flyte", OPENERS)
@pytest.mark.parametrize("case", CASES)
async def test_call_without_an_answer_is_an_error_with_a_way_out(
    caplog: pytest.LogCaptureFixture, case: str, flyte: str
) -> None:
    script, kind, said = CASES[case]
    async with (
        scripted(script, closes=case in CLOSING) as endpoint,
        OPENERS[flyte](settings(endpoint), read_only=True) as channel,
    ):
        with pytest.raises(errors.BackendError) as caught:
            await READS[flyte](channel)

    assert isinstance(caught.value, kind)
    place, method, rest = str(caught.value).split(": ", 2)
    assert (place, method.count(".")) == (endpoint, 1)
    assert said in rest
    assert "; " in rest, "it says what to do"
    assert "grpc._common" not in {record.name for record in caplog.records}, "with a traceback"


@pytest.mark.parametrize("code", list(grpc.StatusCode)[1:], ids=lambda code: str(code.name))
async def test_every_status_without_details_is_an_error_of_ours(
    flyte: FlyteServer, code: grpc.StatusCode
) -> None:
    async def refuse(_request: Any, context: Any) -> None:
        await context.abort(code)

    flyte.on(flyte2_methods.LIST_PROJECTS, refuse)
    async with opened(flyte.endpoint) as channel:
        with pytest.raises(errors.BackendError) as caught:
            await READS["flyte2"](channel)
    assert caught.value.code == code.name


async def test_call_under_way_when_its_connection_is_closed_is_an_error_and_no_cancellation() -> (
    None
):
    async with scripted(lambda _stream: b"") as endpoint:
        async with opened(endpoint) as channel:
            call = asyncio.create_task(READS["flyte2"](channel))
            await asyncio.sleep(0.1)
        with pytest.raises(errors.UnavailableError, match="closed while the call was under way"):
            await call


async def test_closed_connection_is_an_error_of_ours(flyte: FlyteServer) -> None:
    async with opened(flyte.endpoint) as channel:
        pass
    with pytest.raises(errors.UnavailableError, match="the connection is closed"):
        await READS["flyte2"](channel)


async def test_cancelling_a_task_stays_a_cancellation() -> None:
    async with scripted(lambda _stream: b"") as endpoint, opened(endpoint) as channel:
        call = asyncio.create_task(READS["flyte2"](channel))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await READS["flyte2"](channel)


async def test_server_that_restarts_in_the_middle_fails_some_calls_and_loses_none() -> None:
    """Sixty reads over a restart: each has an answer or an error of ours, and later ones work."""

    async def slow(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(0.02)
        return project_service_pb2.ListProjectsResponse()

    async with serving() as first:
        first.on(flyte2_methods.LIST_PROJECTS, slow)
        context = opened(first.endpoint)
        channel = await context.__aenter__()
        calls = [asyncio.create_task(READS["flyte2"](channel)) for _ in range(60)]
        await asyncio.sleep(0.05)
    async with serving(port=first.port) as second:
        second.on(flyte2_methods.LIST_PROJECTS, slow)
        ended = await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.1)
        await READS["flyte2"](channel)
        await context.__aexit__(None, None, None)

    answers = [one for one in ended if isinstance(one, project_service_pb2.ListProjectsResponse)]
    faults = [one for one in ended if isinstance(one, errors.BackendError)]
    assert len(answers) + len(faults) == 60, [type(one) for one in ended]
    assert answers
