"""The client of Kubernetes against a server whose answers a test writes itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from backends_servers import http_serving

from reconciler.backends.kubernetes.access import Access
from reconciler.backends.kubernetes.client import Cluster, open_cluster
from reconciler.backends.kubernetes.faults import ExpiredError, NotServedError
from reconciler.errors import (
    BackendError,
    ConflictError,
    DeniedError,
    ReconcilerError,
    RefusedError,
    UnavailableError,
)
from reconciler.model.secret import Secret

PODS = "/api/v1/namespaces/a/pods"
POD = f"{PODS}/one"
SECRET = "/api/v1/namespaces/a/secrets/one"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    verb: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class ApiServer:
    """Gives its answers in turn; the last one stays."""

    url: str = ""
    answers: list[web.StreamResponse | Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.seen.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                dict(request.headers),
                json.loads(text) if text else None,
            )
        )
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await found(request) if callable(found) else found


def said(code: int, reason: str, message: str, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        body = {"kind": "Status", "code": code, "reason": reason, "message": message}
        return web.json_response(body, status=code, headers=headers)

    return answer


def given(body: object) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer


async def dropped(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def slow(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.json_response({})


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    found = ApiServer()
    async with http_serving(found.answer) as url:
        found.url = url
        yield found


def access(url: str, *tokens: str) -> Access:
    left = list(tokens) or ["one"]

    async def authorize(*, is_refused: bool = False) -> Secret[str]:
        if is_refused and len(left) > 1:
            left.pop(0)
        return Secret(f"Bearer {left[0]}")

    return Access(url, "test", None, authorize)


@pytest.fixture
async def cluster(server: ApiServer) -> AsyncIterator[Cluster]:
    async with open_cluster(access(server.url), deadline=2.0) as found:
        yield found


async def test_an_object_is_read_and_absence_is_none(server: ApiServer, cluster: Cluster) -> None:
    server.answers = [given({"kind": "Pod"}), said(404, "NotFound", "pods one not found")]

    assert await cluster.get(POD) == {"kind": "Pod"}
    assert await cluster.get(POD) is None
    assert server.seen[0].headers["Authorization"] == "Bearer one"


async def test_a_list_is_read_in_pages(server: ApiServer, cluster: Cluster) -> None:
    server.answers = [
        given({"items": [1], "metadata": {"continue": "next", "resourceVersion": "7"}}),
        given({"items": [2], "metadata": {"resourceVersion": "7"}}),
    ]

    found = await cluster.list(PODS, selector="app=x", fields="metadata.name=y")

    assert found == ([1, 2], "7")
    shown = {"labelSelector": "app=x", "fieldSelector": "metadata.name=y", "limit": "500"}
    assert [one.query for one in server.seen] == [shown, {**shown, "continue": "next"}]


async def test_a_list_whose_page_expired_starts_again(server: ApiServer, cluster: Cluster) -> None:
    first = given({"items": [1], "metadata": {"continue": "next", "resourceVersion": "7"}})
    gone = said(410, "Expired", "The provided continue parameter is too old")
    server.answers = [first, gone, given({"items": [3], "metadata": {"resourceVersion": "9"}})]

    assert await cluster.list(PODS) == ([3], "9")

    server.answers = [gone]
    with pytest.raises(ExpiredError, match="too old"):
        await cluster.list(PODS)


async def test_a_list_that_is_not_there_is_not_empty(server: ApiServer, cluster: Cluster) -> None:
    server.answers = [said(404, "NotFound", "the server could not find the requested resource")]

    with pytest.raises(NotServedError, match="has no such list"):
        await cluster.list("/apis/flyte.reconciler.dev/v1/flytesyncs")


async def test_writes_are_what_their_names_say(server: ApiServer, cluster: Cluster) -> None:
    server.answers = [given({"done": True})]
    body = {"apiVersion": "v1", "kind": "Pod"}

    await cluster.apply(POD, body, manager="me", force=True, subresource="status")
    await cluster.merge(POD, body)
    await cluster.create(PODS, body)
    await cluster.replace(POD, body)
    assert await cluster.delete(POD, precondition_uid="u1")

    seen = [(one.verb, one.path, one.headers["Content-Type"]) for one in server.seen]
    assert seen == [
        ("PATCH", f"{POD}/status", "application/apply-patch+yaml"),
        ("PATCH", POD, "application/merge-patch+json"),
        ("POST", PODS, "application/json"),
        ("PUT", POD, "application/json"),
        ("DELETE", POD, "application/json"),
    ]
    assert server.seen[0].query == {"fieldManager": "me", "force": "true"}
    assert server.seen[4].body["preconditions"] == {"uid": "u1"}


async def test_what_is_gone_is_neither_changed_nor_deleted(
    server: ApiServer, cluster: Cluster
) -> None:
    server.answers = [said(404, "NotFound", "gone")]

    assert await cluster.merge(POD, {}) is None
    assert not await cluster.delete(POD)
    with pytest.raises(BackendError, match="no such object, namespace or kind") as raised:
        await cluster.apply(POD, {}, manager="me")
    assert raised.value.code == "NotFound"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, BackendError),
        (401, DeniedError),
        (403, DeniedError),
        (409, ConflictError),
        (410, ExpiredError),
        (422, BackendError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_a_refusal_has_its_class_and_the_servers_words(
    server: ApiServer, cluster: Cluster, code: int, kind: type[ReconcilerError]
) -> None:
    server.answers = [said(code, "Because", "the moon\nis wrong", **{"Retry-After": "60"})]

    with pytest.raises(kind) as raised:
        await cluster.create(PODS, {"kind": "Pod", "spec": {"nobody": "repeats"}})

    assert type(raised.value) is kind
    assert isinstance(raised.value, BackendError)
    assert raised.value.code == "Because"
    assert f"{server.url}: POST {PODS}: " in str(raised.value)
    assert f"({code} Because: the moon is wrong); " in str(raised.value)
    assert "repeats" not in str(raised.value)


@pytest.mark.parametrize(
    "shown", ["hunter2-value", "aHVudGVyMi12YWx1ZQ==", "two\\nlines of it", "lines of it"]
)
@pytest.mark.parametrize("body", [{"stringData": {"k": "hunter2-value", "l": "two\nlines of it"}}])
async def test_no_error_repeats_a_value_of_a_secret(
    server: ApiServer, cluster: Cluster, shown: str, body: dict[str, Any]
) -> None:
    body = {"kind": "Secret", **body, "data": {"m": "aHVudGVyMi12YWx1ZQ=="}}
    server.answers = [said(422, "Invalid", f'data: Invalid value: "{shown}": no')]

    with pytest.raises(BackendError) as raised:
        await cluster.apply(SECRET, body, manager="me")

    assert "(422 Invalid); " in str(raised.value)
    assert shown not in str(raised.value)
    assert shown not in repr(raised.value.__context__)


async def test_a_namespace_that_ends_is_told_from_a_lack_of_rights(
    server: ApiServer, cluster: Cluster
) -> None:
    async def ending(_request: web.Request) -> web.StreamResponse:
        causes = [{"reason": "NamespaceTerminating", "message": "a is being terminated"}]
        body = {"kind": "Status", "code": 403, "reason": "Forbidden", "details": {"causes": causes}}
        return web.json_response(body, status=403)

    server.answers = [ending]

    with pytest.raises(BackendError, match="its namespace is being deleted") as raised:
        await cluster.create(PODS, {})
    assert raised.value.code == "NamespaceTerminating"


async def test_a_busy_server_is_asked_again_when_it_says(
    server: ApiServer, cluster: Cluster
) -> None:
    busy = said(429, "TooManyRequests", "later", **{"Retry-After": "1"})
    server.answers = [busy, given({"done": True})]
    began = time.monotonic()

    assert await cluster.create(PODS, {}) == {"done": True}

    assert time.monotonic() - began >= 1.0
    assert len(server.seen) == 2


async def test_a_server_that_is_busy_for_longer_than_the_deadline_is_not_waited_for(
    server: ApiServer, cluster: Cluster
) -> None:
    server.answers = [said(429, "TooManyRequests", "later", **{"Retry-After": "30"})]
    began = time.monotonic()

    with pytest.raises(UnavailableError, match="too busy"):
        await cluster.get(POD)

    assert time.monotonic() - began < 1.0
    assert len(server.seen) == 1


async def test_a_lost_connection_is_tried_again_where_that_changes_nothing(
    server: ApiServer, cluster: Cluster
) -> None:
    server.answers = [dropped, given({"done": True})]
    assert await cluster.get(POD) == {"done": True}

    server.answers = [dropped, given({"done": True})]
    assert await cluster.apply(POD, {}, manager="me") == {"done": True}

    server.seen.clear()
    server.answers = [dropped, given({"done": True})]
    with pytest.raises(UnavailableError, match="closed before an answer"):
        await cluster.create(PODS, {})
    assert len(server.seen) == 1


async def test_a_failure_of_the_server_is_tried_again_where_that_changes_nothing(
    server: ApiServer, cluster: Cluster
) -> None:
    server.answers = [said(503, "ServiceUnavailable", "starting"), given({"done": True})]
    assert await cluster.apply(POD, {}, manager="me") == {"done": True}

    server.answers = [said(503, "ServiceUnavailable", "starting"), given({"done": True})]
    with pytest.raises(UnavailableError, match="starting"):
        await cluster.replace(POD, {})


async def test_a_slow_answer_ends_at_the_deadline(server: ApiServer) -> None:
    server.answers = [slow]
    async with open_cluster(access(server.url), deadline=0.2) as cluster:
        with pytest.raises(UnavailableError, match=r"GET .* no answer within 0\.2 s"):
            await cluster.get(POD)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with open_cluster(access("http://127.0.0.1:1"), deadline=5.0) as cluster:
        with pytest.raises(UnavailableError, match=r"cannot be reached \(.*refused"):
            await cluster.create(PODS, {})


async def test_a_web_page_is_no_api_server(server: ApiServer, cluster: Cluster) -> None:
    server.answers = [web.Response(text="<html>hello</html>")]

    with pytest.raises(BackendError, match="no API server of Kubernetes"):
        await cluster.get(POD)


async def test_no_token_follows_a_redirection(server: ApiServer, cluster: Cluster) -> None:
    server.answers = [web.Response(status=302, headers={"Location": f"{server.url}/elsewhere"})]

    with pytest.raises(BackendError, match="302"):
        await cluster.get(POD)
    assert [one.path for one in server.seen] == [POD]


async def test_a_refused_token_is_replaced_once(server: ApiServer) -> None:
    server.answers = [said(401, "Unauthorized", "Unauthorized"), given({"done": True})]
    async with open_cluster(access(server.url, "old", "new")) as cluster:
        assert await cluster.get(POD) == {"done": True}

        server.answers = [said(401, "Unauthorized", "Unauthorized")]
        with pytest.raises(DeniedError, match="does not know who calls"):
            await cluster.get(POD)

    tokens = [one.headers["Authorization"] for one in server.seen]
    assert tokens == ["Bearer old", "Bearer new", "Bearer new", "Bearer new"]


async def test_nothing_is_written_without_leave(server: ApiServer) -> None:
    def refuse() -> None:
        raise RefusedError("somebody else leads")

    server.answers = [given({"items": [], "metadata": {}})]
    async with open_cluster(access(server.url), permit=refuse) as cluster:
        await cluster.list(PODS)
        for write in (
            cluster.apply(POD, {}, manager="me"),
            cluster.merge(POD, {}),
            cluster.create(PODS, {}),
            cluster.replace(POD, {}),
            cluster.delete(POD),
        ):
            with pytest.raises(RefusedError, match="somebody else leads"):
                await write
    assert [one.verb for one in server.seen] == ["GET"]


def _watched(*events: object, chunk: int = 1 << 20) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        text = b"".join(json.dumps(one).encode() + b"\n" for one in events)
        for start in range(0, len(text), chunk):
            await response.write(text[start : start + chunk])
        return response

    return answer


async def test_a_watch_gives_events_and_ends_with_the_server(
    server: ApiServer, cluster: Cluster
) -> None:
    large = {"type": "ADDED", "object": {"name": "x" * 300_000}}
    small = {"type": "DELETED", "object": {"name": "y"}}
    server.answers = [_watched(large, small, chunk=1000)]

    async with aclosing(cluster.watch(PODS, resource_version="5")) as events:
        found = [event async for event in events]

    assert [event.type for event in found] == ["ADDED", "DELETED"]
    assert [len(event.object["name"]) for event in found] == [300_000, 1]
    assert server.seen[0].query["resourceVersion"] == "5"
    assert server.seen[0].query["allowWatchBookmarks"] == "true"


@pytest.mark.parametrize("is_early", [True, False])
async def test_a_watch_whose_version_is_too_old_says_so(
    server: ApiServer, cluster: Cluster, is_early: bool
) -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old: 1 (9)"}
    server.answers = [
        said(410, "Expired", "too old: 1 (9)")
        if is_early
        else _watched({"type": "ERROR", "object": status})
    ]

    with pytest.raises(ExpiredError, match="too old"):
        async for _ in cluster.watch(PODS, resource_version="1"):
            pass


async def test_a_watch_outlives_the_deadline_of_a_call(server: ApiServer) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for name in "ab":
            await response.write(json.dumps({"type": "ADDED", "object": name}).encode() + b"\n")
            await asyncio.sleep(0.3)
        return response

    server.answers = [answer]
    async with open_cluster(access(server.url), deadline=0.2) as cluster:
        assert [event.object async for event in cluster.watch(PODS)] == ["a", "b"]


async def test_a_watch_that_breaks_off_is_unavailable(server: ApiServer, cluster: Cluster) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type": "ADDED", "object": {}}\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    server.answers = [answer]
    with pytest.raises(UnavailableError):
        async for _ in cluster.watch(PODS):
            pass
