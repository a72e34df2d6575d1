"""The one way to a Flyte: every call passes `Channel.call`, or `Channel.stream`.

There, in this order: a call is looked up in the table of its Flyte, writes are refused on a
read-only channel, incomplete requests and writes that break the rules of their messages are
refused, calls in flight and per second are bounded, a deadline is set, credentials are added, a
refused identity is renewed once, and what may be repeated is repeated. A write asks for leave right
before it is sent, so that a process that is no longer in charge sends none, however long it waited.

Facts from flyteadmin 1.16.8: its send size is unlimited, so that our receive limit decides; error
texts reach 32,000 bytes before encoding, hence the large header list; more than one ping in five
minutes is answered with GOAWAY.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar, assert_never, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from reconciler import errors
from reconciler.backends.auth import passthrough, tls, tokens
from reconciler.backends.settings import AuthMode, Settings
from reconciler.backends.wire.invoke import answers, invoke, reader
from reconciler.backends.wire.method import Effect, Method

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from reconciler.backends.wire.dialect import Dialect

log = logging.getLogger(__name__)

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)

_TRIES = 3
_BACK_OFF_SECONDS = 0.2
_METADATA_BYTES = 128 * 1024
_KEEPALIVE_MS = 6 * 60 * 1000
_LIFE = timedelta(minutes=15)
_RANDOM = SystemRandom()


class Channel:
    """An open connection; made by `connect`.

    `calls` counts what was sent, by method, repeats included; `seconds` sums how long it took;
    `page_limits` remembers page sizes that had to shrink.
    """

    def __init__(
        self, wire: grpc.aio.Channel, settings: Settings, dialect: Dialect, *, read_only: bool
    ) -> None:
        self.settings = settings
        self.dialect = dialect
        self.is_read_only = read_only
        self.calls: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.page_limits: dict[str, int] = {}
        self._wire = wire
        self._stubs: dict[Method[Any, Any], grpc.aio.UnaryUnaryMultiCallable[Any, Any]] = {}
        self._streams: dict[Method[Any, Any], grpc.aio.UnaryStreamMultiCallable[Any, Any]] = {}
        self._slots = asyncio.Semaphore(settings.in_flight)
        self._interval = 1 / settings.per_second if settings.per_second else 0.0
        self._next_slot = 0.0
        self._deadline = settings.deadline.total_seconds()
        self._credentials = _credentials(self)

    @property
    def endpoint(self) -> str:
        """The endpoint, as in errors and plans."""
        return self.settings.endpoint

    async def call(
        self,
        method: Method[_Request, _Response],
        request: _Request,
        *,
        deadline: timedelta | None = None,
    ) -> _Response:
        """Send one request and return its answer.

        `deadline` bounds all tries of a write together, and each try of a read. Raises
        BackendError and its kinds for what the backend says, with the gRPC error as cause, and
        ReconcilerError where our own code asks for what must never be sent.
        """
        self._admit(method, request)
        seconds = deadline.total_seconds() if deadline else self._deadline
        last = time.monotonic() + seconds
        is_renewed = False
        tries = 1
        while True:
            metadata = () if method.is_anonymous else await self._credentials.metadata()
            try:
                return await self._send(method, request, metadata=metadata, seconds=seconds)
            except grpc.aio.AioRpcError as error:
                fault = error
            if fault.code() is grpc.StatusCode.UNAUTHENTICATED:
                # Refused before it was handled, so that even a write may be sent again.
                if is_renewed or not metadata or not await self._credentials.renew(metadata):
                    raise self._translate(fault, method, metadata) from fault
                is_renewed = True
                continue
            pause = _BACK_OFF_SECONDS * 2**tries * _RANDOM.uniform(0.25, 0.5)
            if method.effect is Effect.WRITE:
                seconds = last - time.monotonic() - pause
            if tries == _TRIES or seconds <= 0 or not _may_repeat(fault, method, request):
                raise self._translate(fault, method, metadata) from fault
            tries += 1
            await asyncio.sleep(pause)

    async def stream(
        self,
        method: Method[_Request, _Response],
        request: _Request,
        *,
        answers_at_once: bool,
        life: timedelta = _LIFE,
    ) -> AsyncGenerator[_Response]:
        """Open a stream of answers and yield them until the server ends it.

        A call that `answers_at_once` has the deadline of all calls for its first answer. A stream
        that outlives `life` is an UnavailableError, as one that breaks: a connection that is dead
        at one end only is noticed then, and credentials are fresh when it is opened again. Close
        it when it is not read on. Nothing is repeated here, but once for a refused identity;
        raises as `call` does.
        """
        self._admit(method, request)
        is_renewed = False
        while True:
            metadata = () if method.is_anonymous else await self._credentials.metadata()
            seconds = self._deadline if answers_at_once else life.total_seconds()
            has_begun = False
            try:
                sent = self._open(method, request, metadata=metadata, seconds=life.total_seconds())
                async with aclosing(sent):
                    async with asyncio.timeout(seconds):
                        answer = await anext(sent, None)
                    while answer is not None:
                        has_begun = True
                        yield answer
                        answer = await anext(sent, None)
            except TimeoutError:
                raise errors.UnavailableError(
                    f"{self.endpoint}: {method.name}: no answer before the deadline; run again, "
                    "or raise limits.deadline",
                    method=method.name,
                    code="DEADLINE_EXCEEDED",
                ) from None
            except grpc.aio.AioRpcError as error:
                fault = error
            else:
                return
            is_refused = fault.code() is grpc.StatusCode.UNAUTHENTICATED and not has_begun
            if not is_refused or is_renewed or not metadata:
                raise self._translate(fault, method, metadata) from fault
            if not await self._credentials.renew(metadata):
                raise self._translate(fault, method, metadata) from fault
            is_renewed = True

    async def _open(
        self,
        method: Method[_Request, _Response],
        request: _Request,
        *,
        metadata: tokens.Metadata,
        seconds: float,
    ) -> AsyncGenerator[_Response]:
        """Send a request that is answered by a stream; it takes no slot while it is open."""
        stub = self._streams.get(method)
        if stub is None:
            stub = self._streams[method] = self._wire.unary_stream(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=reader(method.response),
            )
        if self._interval:
            await self._wait_for_slot()
        self.calls[method.name] += 1
        start = time.perf_counter()
        code = "CANCELLED"
        where = f"{self.endpoint}: {method.name}"
        try:
            read = answers(stub, request, metadata=metadata, seconds=seconds, where=where)
            async with aclosing(read):
                async for answer in read:
                    yield cast("_Response", answer)
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise
        except errors.BackendError as error:
            code = error.code
            raise
        finally:
            if self.settings.observe is not None:
                self.settings.observe(method.name, code, time.perf_counter() - start)

    def _admit(self, method: Method[_Request, _Response], request: _Request) -> None:
        if self.dialect.methods.get(method.name) is not method:
            raise errors.ReconcilerError(
                f"{self.endpoint}: {method.name}: is not in the table of calls; add it there"
            )
        if self.is_read_only and method.effect is not Effect.READ:
            raise errors.ReconcilerError(
                f"{self.endpoint}: {method.name}: is a write on a read-only connection and was "
                "not sent; this is a defect of the reconciler, report it"
            )
        missing = method.missing(request)
        if missing:
            raise errors.ReconcilerError(
                f"{self.endpoint}: {method.name}: {missing} is empty or of another kind and the "
                "request was not sent; this is a defect of the reconciler, report it"
            )
        broken = self.dialect.broken(request) if method.effect is Effect.WRITE else ()
        if broken:
            raise errors.BackendError(
                f"{self.endpoint}: {method.name}: was not sent, since Flyte demands of it: "
                f"{'; '.join(broken)}; correct what is declared",
                method=method.name,
                code="INVALID_ARGUMENT",
            )

    async def _send(
        self,
        method: Method[_Request, _Response],
        request: _Request,
        *,
        metadata: tokens.Metadata,
        seconds: float,
    ) -> _Response:
        stub = self._stubs.get(method)
        if stub is None:
            stub = self._stubs[method] = self._wire.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=reader(method.response),
            )
        async with self._slots:
            if self._interval:
                await self._wait_for_slot()
            if method.effect is not Effect.READ and self.settings.permit is not None:
                self.settings.permit()
            self.calls[method.name] += 1
            start = time.perf_counter()
            code = "CANCELLED"
            try:
                where = f"{self.endpoint}: {method.name}"
                answer = await invoke(
                    stub, request, metadata=metadata, seconds=seconds, where=where
                )
                code = "OK"
                return cast("_Response", answer)
            except grpc.aio.AioRpcError as error:
                code = error.code().name
                raise
            except errors.BackendError as error:
                code = error.code
                raise
            finally:
                took = time.perf_counter() - start
                self.seconds[method.name] += took
                if self.settings.observe is not None:
                    self.settings.observe(method.name, code, took)

    async def _wait_for_slot(self) -> None:
        now = time.monotonic()
        at = max(now, self._next_slot)
        self._next_slot = at + self._interval
        if at > now:
            await asyncio.sleep(at - now)

    def _translate(
        self, fault: grpc.aio.AioRpcError, method: Method[Any, Any], sent: tokens.Metadata
    ) -> errors.BackendError:
        hide = [value.removeprefix("Bearer ") for _, value in sent]
        return self.dialect.faults.translate(
            fault, method=method.name, endpoint=self.endpoint, hide=hide
        )


@asynccontextmanager
async def connect(
    settings: Settings, dialect: Dialect, *, read_only: bool
) -> AsyncIterator[Channel]:
    """Open a connection and close it at the end; the first call finds out whether it works.

    On a read-only connection no write can be sent. Raises UsageError for unusable files, and
    UnavailableError where the certificate to skip verification for cannot be fetched.
    """
    security = await tls.for_grpc(settings)
    options = _options(settings, security)
    target = settings.endpoint
    if not target.startswith("unix:"):
        target = f"dns:///{target}"
    if security.credentials is None:
        wire = grpc.aio.insecure_channel(target, options=options)
        if settings.auth.mode is not AuthMode.NONE and not settings.is_loopback:
            log.warning("credentials travel unencrypted: %s is a plaintext endpoint", target)
    else:
        wire = grpc.aio.secure_channel(target, security.credentials, options=options)
    try:
        yield Channel(wire, settings, dialect, read_only=read_only)
    finally:
        await wire.close()


def _options(settings: Settings, security: tls.Wire) -> list[tuple[str, Any]]:
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", 2 * _METADATA_BYTES),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
        # Repeats are decided here, by method; gRPC's own would repeat by configuration from DNS.
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        # A channel of its own: pooled ones would share the first one's state and limits.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if settings.is_loopback:
        options.append(("grpc.enable_http_proxy", 0))
    if security.server_name:
        options.append(("grpc.ssl_target_name_override", security.server_name))
    return options


def _credentials(channel: Channel) -> tokens.Credentials:
    settings = channel.settings
    match settings.auth.mode:
        case AuthMode.NONE:
            return tokens.Anonymous()
        case AuthMode.TOKEN:
            assert settings.auth.token is not None
            return tokens.BearerToken(settings.auth.token, metadata_key=settings.auth.metadata_key)
        case AuthMode.CLIENT_CREDENTIALS:

            async def discover() -> tokens.Authority | None:
                return await channel.dialect.authority(channel)

            return tokens.ClientCredentials(settings, discover=discover)
        case AuthMode.PASSTHROUGH:
            return passthrough.Passthrough()
        case _:
            assert_never(settings.auth.mode)


def _may_repeat(
    fault: grpc.aio.AioRpcError, method: Method[_Request, _Response], request: _Request
) -> bool:
    match fault.code():
        case grpc.StatusCode.UNAVAILABLE:
            return method.may_repeat(request)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return method.effect is Effect.READ
        case _:
            return False
