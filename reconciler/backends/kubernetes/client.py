"""A small client for the API of Kubernetes: objects as they are in JSON, and errors as ours are.

A call has one deadline, repetitions included. What a server was too busy for is sent again after
the time that it asks for; what may have been done already is sent again only where that changes
nothing. No error holds anything that was sent, since it may be a secret.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import aiohttp

from reconciler.backends.kubernetes import faults
from reconciler.backends.kubernetes.access import Access
from reconciler.model.document import filled

Object = dict[str, Any]
"""An object of Kubernetes, as JSON has it."""

DEADLINE_SECONDS = 10.0
_PAGE = 500
_TRIES = 4
_FRESH_STARTS = 3
_BACK_OFF_SECONDS = 0.2
_WATCH_SECONDS = 290
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class Listing(NamedTuple):
    """All objects of a list, and the version that a watch goes on from."""

    items: list[Object]
    resource_version: str


class Event(NamedTuple):
    """What a watch tells: ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    type: str
    object: Object


@dataclass(frozen=True, slots=True)
class _Request:
    verb: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = field(default=None, repr=False)
    content_type: str = "application/json"
    is_repeatable: bool = True

    @property
    def shown(self) -> str:
        return f"{self.verb} {self.path}"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str
    content: bytes = field(repr=False)


@asynccontextmanager
async def open_cluster(
    access: Access,
    *,
    permit: Callable[[], None] | None = None,
    deadline: float = DEADLINE_SECONDS,
) -> AsyncIterator[Cluster]:
    """Open a client; nothing is called yet. `permit` is called before every write and may raise."""
    connector = aiohttp.TCPConnector(limit=32, ssl=access.tls if access.tls is not None else True)
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Accept": "application/json", "User-Agent": "flyte-reconciler"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield Cluster(session, access, permit, deadline)


class Cluster:
    """One API server. Paths begin with `/api/` or `/apis/`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        access: Access,
        permit: Callable[[], None] | None,
        deadline: float,
    ) -> None:
        self.access = access
        self._session = session
        self._permit = permit
        self._deadline = deadline

    async def get(self, path: str) -> Object | None:
        """Read an object; None when it, its namespace or its kind is not there."""
        return await self._call(_Request("GET", path), or_none=True)

    async def list(self, path: str, *, selector: str = "", fields: str = "") -> Listing:
        """Read all objects of a list, in pages of one moment.

        Raises NotServedError when the server has no such list.
        """
        query = filled({"labelSelector": selector, "fieldSelector": fields})
        for _ in range(_FRESH_STARTS):
            try:
                return await self._listed(path, query)
            except faults.ExpiredError as error:
                expired = error
        raise expired

    async def apply(
        self,
        path: str,
        body: Object,
        *,
        manager: str,
        force: bool = False,
        subresource: str = "",
    ) -> Object:
        """Declare the fields that `manager` wants; those of others stay (server-side apply)."""
        query = {"fieldManager": manager} | ({"force": "true"} if force else {})
        path = _below(path, subresource)
        return _there(await self._call(_Request("PATCH", path, query, body, _APPLY)))

    async def merge(self, path: str, body: Object, *, subresource: str = "") -> Object | None:
        """Change the fields of `body`, null removes one (merge patch); None without an object."""
        request = _Request("PATCH", _below(path, subresource), {}, body, _MERGE)
        return await self._call(request, or_none=True)

    async def create(self, path: str, body: Object) -> Object:
        """Create an object in a list; raises ConflictError where it exists."""
        return _there(await self._call(_Request("POST", path, body=body, is_repeatable=False)))

    async def replace(self, path: str, body: Object) -> Object:
        """Replace an object; raises ConflictError when its resourceVersion is another by now."""
        return _there(await self._call(_Request("PUT", path, body=body, is_repeatable=False)))

    async def delete(
        self, path: str, *, precondition_uid: str = "", precondition_version: str = ""
    ) -> bool:
        """Delete an object, of that uid and version alone where given; False when it is gone."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if known := filled({"uid": precondition_uid, "resourceVersion": precondition_version}):
            body["preconditions"] = known
        return await self._call(_Request("DELETE", path, body=body), or_none=True) is not None

    async def watch(
        self, path: str, *, fields: str = "", resource_version: str = ""
    ) -> AsyncGenerator[Event]:
        """Yield the events after a version, until the server ends the watch, as it does in time.

        Raises ExpiredError when that version is too old: list again. Close it with `aclosing`.
        """
        query = filled({"fieldSelector": fields, "resourceVersion": resource_version})
        query |= {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        request = _Request("GET", path, query)
        try:
            async with asyncio.timeout(self._deadline) as limit:
                async with await self._send(request) as response:
                    if response.status != 200:
                        await self._refuse(request, await _answer(response))
                    limit.reschedule(None)
                    async for event in _events(response.content):
                        if event.type == "ERROR":
                            raise faults.of_status(self._place(request), event.object, 0, None)
                        yield event
        except TimeoutError:
            raise faults.late(self._place(request), self._deadline) from None
        except aiohttp.ClientError as error:
            raise faults.unreachable(self._place(request), error) from error

    async def _listed(self, path: str, query: Mapping[str, str]) -> Listing:
        items: list[Object] = []
        token = ""
        while True:
            rest = {"continue": token} if token else {}
            page = _Request("GET", path, {**query, "limit": str(_PAGE), **rest})
            answer = await self._call(page, or_none=True)
            if answer is None or not isinstance(answer.get("items"), Sequence):
                raise faults.NotServedError(
                    f"{self._place(page)}: the server has no such list; "
                    "check the version of the cluster and that its CRDs are installed",
                    method=page.shown,
                    code="NotFound",
                )
            items += answer["items"]
            metadata = answer.get("metadata") or {}
            token = str(metadata.get("continue") or "")
            if not token:
                return Listing(items, str(metadata.get("resourceVersion") or ""))

    async def _call(self, request: _Request, *, or_none: bool = False) -> Object | None:
        """Send until there is an answer that stays."""
        try:
            async with asyncio.timeout(self._deadline) as limit:
                answer = await self._answered(request, limit)
        except TimeoutError:
            raise faults.late(self._place(request), self._deadline) from None
        if answer.status == 404 and or_none:
            return None
        if answer.status >= 300:
            await self._refuse(request, answer)
        return faults.parsed(self._place(request), answer.content)

    async def _answered(self, request: _Request, limit: asyncio.Timeout) -> _Answer:
        is_refused = False
        for attempt in range(_TRIES):
            wait = _BACK_OFF_SECONDS * 2**attempt
            is_last = attempt == _TRIES - 1
            try:
                async with await self._send(request, is_refused=is_refused) as response:
                    answer = await _answer(response)
            except aiohttp.ClientError as error:
                is_unsent = isinstance(error, aiohttp.ClientConnectorError)
                is_final = isinstance(error, aiohttp.ClientSSLError)
                if is_last or is_final or not (is_unsent or request.is_repeatable):
                    raise faults.unreachable(self._place(request), error) from error
            else:
                if answer.status == 401 and not is_refused:
                    is_refused = True
                    continue
                if is_last or not _is_passing(request, answer.status):
                    return answer
                wait = max(wait, _seconds(answer.retry_after))
                if not _fits(wait, limit):
                    return answer
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, request: _Request, *, is_refused: bool = False) -> aiohttp.ClientResponse:
        if request.verb != "GET" and self._permit is not None:
            self._permit()
        headers: dict[str, str] = {}
        token = await self.access.authorize(is_refused=is_refused)
        if token is not None:
            headers["Authorization"] = token.reveal()
        data = None
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            data = json.dumps(request.body, separators=(",", ":")).encode()
        return await self._session.request(
            request.verb,
            self.access.server + request.path,
            params=dict(request.query),
            data=data,
            headers=headers,
            allow_redirects=False,
            server_hostname=self.access.server_name or None,
            proxy=self.access.proxy or None,
        )

    async def _refuse(self, request: _Request, answer: _Answer) -> NoReturn:
        status = faults.status_of(answer.content)
        raise faults.of_status(self._place(request), status, answer.status, request.body)

    def _place(self, request: _Request) -> faults.Call:
        return faults.Call(self.access.server, request.shown)


def _is_passing(request: _Request, status: int) -> bool:
    return status == 429 or (request.is_repeatable and status in {500, 502, 503, 504})


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0


def _fits(wait: float, limit: asyncio.Timeout) -> bool:
    when = limit.when()
    return when is None or asyncio.get_running_loop().time() + wait < when


async def _answer(response: aiohttp.ClientResponse) -> _Answer:
    retry_after = response.headers.get("Retry-After", "")
    return _Answer(response.status, retry_after, await response.read())


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """Split a watch into its lines, which may be larger than a reader's buffer."""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                found = json.loads(line)
                yield Event(str(found["type"]), found["object"])


def _below(path: str, subresource: str) -> str:
    return f"{path}/{subresource}" if subresource else path


def _there(answer: Object | None) -> Object:
    assert answer is not None
    return answer
