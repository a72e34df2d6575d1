"""One embedded Flyte that listens."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from aiohttp import web as http

from reconciler.server.auth import Authority, AuthSettings
from reconciler.server.dispatch import WRITES, Dispatch, Hook
from reconciler.server.front import Front
from reconciler.server.grpc_calls import Handlers
from reconciler.server.web import application

if TYPE_CHECKING:
    from reconciler.server.store import Store

__all__ = ["WRITES", "Server"]

_STOP_SECONDS = 0.2
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


class Server(Dispatch):
    """One embedded Flyte over a store: Dispatch by gRPC and Connect, and files by HTTP."""

    def __init__(
        self,
        store: Store,
        *,
        auth: AuthSettings | None = None,
        on_call: Hook | None = None,
        after_call: Hook | None = None,
    ) -> None:
        authority = None if auth is None else Authority(auth)
        super().__init__(store, authority, on_call=on_call, after_call=after_call)
        self.instance = secrets.token_hex(16)
        self.grpc_address = ""
        self.http_url = ""
        self._front: Front | None = None
        self._grpc: grpc.aio.Server | None = None
        self._http: http.AppRunner | None = None

    def uploaded(self, native_url: str) -> bytes | None:
        """The bytes of a file that a client uploaded; None when there is none."""
        return self.store.objects.read(native_url)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. OSError when the port is taken."""
        server = grpc.aio.server(options=_OPTIONS)
        self._grpc = server
        self._http = http.AppRunner(
            application(self, instance=self.instance),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_STOP_SECONDS,
            # A client that leaves ends its stream; an upload is stored as it was sent.
            handler_cancellation=True,
            auto_decompress=False,
        )
        await self._http.setup()
        assert self._http.server is not None
        self._front = Front(self._http.server, server.add_insecure_port("127.0.0.1:0"))
        port = await self._front.start(host, port)
        self.grpc_address = f"{host}:{port}"
        self.http_url = f"http://{self.grpc_address}"
        self.store.objects.base_url = self.http_url
        if self.authority is not None:
            self.authority.base_url = self.http_url
        server.add_generic_rpc_handlers([Handlers(self, self.grpc_address)])
        await server.start()

    async def stop(self) -> None:
        """Stop listening; calls under way get a moment to end. The store stays open."""
        if self._front is not None:
            self._front.close()
        if self._grpc is not None:
            await self._grpc.stop(_STOP_SECONDS)
        if self._http is not None:
            await self._http.cleanup()
        if self._front is not None:
            self._front.abort()
