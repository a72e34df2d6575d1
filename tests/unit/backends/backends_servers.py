"""A small gRPC server whose answers a test writes itself, certificates, and a token endpoint."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import trustme
from aiohttp import web

from reconciler.backends import settings as connection
from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte2 import methods as flyte2_methods
from reconciler.backends.flyte2.run import methods as flyte2_runs
from reconciler.backends.wire.method import Method

PATHS = {
    method.path: method
    for table in (methods.TABLE, flyte2_methods.TABLE, flyte2_runs.TABLE)
    for method in table.values()
}

Answer = Callable[[Any, Any], Awaitable[Any]]
Stream = Callable[[Any, Any], AsyncIterator[Any]]


@dataclass
class FlyteServer(grpc.GenericRpcHandler):
    """Answers what `answers` and `streams` hold by a method's path; the rest is UNIMPLEMENTED."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    metadata: list[dict[str, str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def on(self, method: Method[Any, Any], answer: Answer) -> None:
        self.answers[method.path] = answer

    def on_stream(self, method: Method[Any, Any], answers: Stream) -> None:
        self.streams[method.path] = answers

    def service(self, details: Any) -> Any:
        method = PATHS.get(details.method)
        if method is None or method.path not in self.answers.keys() | self.streams.keys():
            return None
        name = method.name

        async def handle(request: Any, context: Any) -> Any:
            self.calls[name] += 1
            self.metadata.append(dict(context.invocation_metadata()))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                return await self.answers[method.path](request, context)
            finally:
                self.in_flight -= 1

        async def stream(request: Any, context: Any) -> Any:
            self.calls[name] += 1
            self.metadata.append(dict(context.invocation_metadata()))
            self.in_flight += 1
            try:
                async for answer in self.streams[method.path](request, context):
                    yield answer
            finally:
                self.in_flight -= 1

        if method.is_stream:
            return grpc.unary_stream_rpc_method_handler(
                stream,
                request_deserializer=method.request.FromString,
                response_serializer=method.response.SerializeToString,
            )
        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )

    def settings(self, **changes: Any) -> connection.Settings:
        changes.setdefault("tls", connection.Tls(insecure=True))
        return connection.Settings(endpoint=self.endpoint, chosen_by="test", **changes)


@asynccontextmanager
async def serving(
    credentials: grpc.ServerCredentials | None = None, port: int = 0
) -> AsyncIterator[FlyteServer]:
    handler = FlyteServer()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((handler,))
    address = f"127.0.0.1:{port}"
    if credentials is None:
        handler.port = server.add_insecure_port(address)
    else:
        handler.port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield handler
    finally:
        await server.stop(None)


@dataclass
class Certificates:
    folder: Path
    ca: trustme.CA

    @property
    def ca_file(self) -> Path:
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return path

    def pair(self, *names: str, stem: str) -> tuple[Path, Path]:
        issued = self.ca.issue_cert(*names)
        chain, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return chain, key

    def server(self, *names: str, demand_client: bool = False) -> grpc.ServerCredentials:
        chain, key = self.pair(*names, stem="server")
        return grpc.ssl_server_credentials(
            [(key.read_bytes(), chain.read_bytes())],
            root_certificates=self.ca_file.read_bytes() if demand_client else None,
            require_client_auth=demand_client,
        )


@dataclass
class TokenEndpoint:
    url: str = ""
    tokens: list[str] = field(default_factory=list)
    """Tokens given out, in order; `token-1` is the first."""
    requests: list[dict[str, str]] = field(default_factory=list)
    lifetime: int | None = 3600
    refusal: tuple[int, object] | None = None
    failures: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.requests.append({**form, "Authorization": request.headers.get("Authorization", "")})
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            return web.Response(status=503, text="busy")
        if self.refusal is not None:
            status, body = self.refusal
            return web.Response(status=status, text=json.dumps(body))
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        body = {"access_token": self.tokens[-1], "token_type": "bearer"}
        if self.lifetime is not None:
            body["expires_in"] = self.lifetime
        return web.json_response(body)


@asynccontextmanager
async def http_serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], ssl: Any = None
) -> AsyncIterator[str]:
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl, shutdown_timeout=0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'https' if ssl else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
