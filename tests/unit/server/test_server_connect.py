"""Calls by Connect: bodies, queries, envelopes, compression, timeouts and refusals."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import struct
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import grpc
import pytest
import yarl
from flyteidl2.cluster import payload_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf import json_format, wrappers_pb2

from reconciler.server import connect_wire
from reconciler.server.auth import AuthSettings
from reconciler.server.embedded import Server, Store
from reconciler.server.methods import methods
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Iterator, Mapping

RUNS = "flyteidl2.workflow.RunService"
CLUSTER = "/flyteidl2.cluster.ClusterService/SelectCluster"
CLIENT = "/flyteidl2.auth.AuthMetadataService/GetPublicClientConfig"
METADATA = "/flyteidl2.auth.AuthMetadataService/GetOAuth2Metadata"
USER = "/flyteidl2.auth.IdentityService/UserInfo"
WATCH = f"/{RUNS}/WatchRuns"
LIST = f"/{RUNS}/ListRuns"
PROTO = {"Content-Type": "application/proto"}
JSON = {"Content-Type": "application/json"}
STREAM = {"Content-Type": "application/connect+proto"}


class Client:
    """One connection to a server, whose answers come as they are on the wire."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self._session = session

    async def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and bytes."""
        url = yarl.URL(self.server.http_url + path, encoded=True)
        async with self._session.request(method, url, data=body, headers=headers) as answer:
            return answer.status, answer.headers, await answer.read()

    async def post(
        self, path: str, body: bytes = b"", headers: Mapping[str, str] = PROTO
    ) -> tuple[int, Mapping[str, str], bytes]:
        """A call with a body."""
        return await self.call("POST", path, body, headers)


@asynccontextmanager
async def serving(path: pathlib.Path, services: Any = None, **rest: Any) -> AsyncIterator[Client]:
    with closing(Store(path / "flyte.db")) as store:
        server = Server(store, **rest)
        server.methods.update(methods(services or {}))
        await server.start()
        headers = {"Accept-Encoding": "identity"}
        async with aiohttp.ClientSession(auto_decompress=False, headers=headers) as session:
            yield Client(server, session)
        await server.stop()


def echo(_store: Store, request: run_service_pb2.ListRunsRequest) -> Any:
    return run_service_pb2.ListRunsResponse(token=request.org)


def request(org: str) -> bytes:
    return run_service_pb2.ListRunsRequest(org=org).SerializeToString()


def token(body: bytes) -> str:
    return run_service_pb2.ListRunsResponse.FromString(body).token


ECHO = {RUNS: {"ListRuns": echo}}


async def test_body_is_protobuf(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, ECHO) as client:
        status, headers, body = await client.post(LIST, request("a"))
        assert (status, headers["Content-Type"], token(body)) == (200, "application/proto", "a")
        assert client.server.calls == {"ListRuns": 1}
        status, _, body = await client.post(LIST)
        assert (status, body) == (200, b"")


@pytest.mark.parametrize("parameters", ["", "; charset=utf-8"])
async def test_body_is_json(tmp_path: pathlib.Path, parameters: str) -> None:
    headers = {"Content-Type": f"application/json{parameters}"}
    async with serving(tmp_path, ECHO) as client:
        sent = b'{"org": "a", "ofTomorrow": [1]}'
        status, got, body = await client.post(LIST, sent, headers)
        assert (status, got["Content-Type"]) == (200, headers["Content-Type"])
        assert json.loads(body) == {"token": "a"}


@pytest.mark.parametrize("encoding", [{}, {"Content-Encoding": "identity"}], ids=["plain", "named"])
async def test_cluster_is_where_the_client_is(
    tmp_path: pathlib.Path, encoding: dict[str, str]
) -> None:
    async with serving(tmp_path) as client:
        headers = {**PROTO, **encoding, "Host": "flyte.example.com:99"}
        _, _, body = await client.post(CLUSTER, headers=headers)
        answer = payload_pb2.SelectClusterResponse.FromString(body)
        assert answer.cluster_endpoint == "http://flyte.example.com:99"


async def test_both_ways_are_compressed_when_the_client_says_so(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, ECHO) as client:
        headers = {
            **PROTO,
            "Content-Encoding": "gzip",
            "Accept-Encoding": "br, gzip;q=0.5",
        }
        _, got, body = await client.post(LIST, gzip.compress(request("a" * 999)), headers)
        assert got["Content-Encoding"] == "gzip"
        assert len(body) < 99
        assert token(gzip.decompress(body)) == "a" * 999


async def test_answer_is_plain_when_the_client_takes_no_gzip(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, ECHO) as client:
        headers = {**PROTO, "Accept-Encoding": "br, zstd"}
        _, got, body = await client.post(LIST, request("a"), headers)
        assert "Content-Encoding" not in got
        assert token(body) == "a"


@pytest.mark.parametrize(
    "query",
    [
        "encoding=json&message=" + quote('{"org": "ä b+c"}'),
        "encoding=proto&base64=1&message="
        + base64.urlsafe_b64encode(request("ä b+c")).decode().rstrip("="),
        "encoding=proto&base64=1&message="
        + quote(base64.urlsafe_b64encode(request("ä b+c")).decode()),
        "connect=v1&encoding=proto&message=" + quote(request("ä b+c")),
        "encoding=proto&base64=1&compression=gzip&message="
        + base64.urlsafe_b64encode(gzip.compress(request("ä b+c"))).decode().rstrip("="),
    ],
    ids=["json", "base64", "padded", "raw", "gzip"],
)
async def test_call_that_changes_nothing_may_be_a_get(tmp_path: pathlib.Path, query: str) -> None:
    async with serving(tmp_path, ECHO) as client:
        status, headers, body = await client.call("GET", f"{LIST}?{query}")
        assert status == 200
        answer = run_service_pb2.ListRunsResponse()
        if headers["Content-Type"] == "application/json":
            json_format.Parse(body, answer)
        else:
            answer.ParseFromString(body)
        assert answer.token == "ä b+c"


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("GET", f"{CLUSTER}?encoding=json&message=%7B%7D", "POST"),
        ("PUT", CLUSTER, "POST"),
        ("DELETE", CLIENT, "GET, POST"),
        ("GET", WATCH, "POST"),
    ],
    ids=["unsafe", "put", "delete", "stream"],
)
async def test_other_verbs_are_not_allowed(
    tmp_path: pathlib.Path, verb: str, path: str, allow: str
) -> None:
    async with serving(tmp_path, {RUNS: {}}) as client:
        status, headers, body = await client.call(verb, path)
        assert (status, headers["Allow"], body) == (405, allow, b"")
        assert not client.server.calls


@pytest.mark.parametrize(
    ("verb", "path", "content_type", "accepted"),
    [
        ("POST", CLUSTER, "text/plain", "application/proto, application/json, "),
        ("POST", CLUSTER, "application/connect+proto", "application/proto, application/json, "),
        ("GET", f"{CLIENT}?encoding=xml&message=a", "", "application/proto, application/json, "),
        ("GET", CLIENT, "", "application/proto, application/json, "),
        ("POST", WATCH, "application/proto", "application/connect+proto, "),
    ],
    ids=["text", "envelope", "query", "nothing", "no envelope"],
)
async def test_other_types_are_not_supported(
    tmp_path: pathlib.Path, verb: str, path: str, content_type: str, accepted: str
) -> None:
    async with serving(tmp_path, {RUNS: {}}) as client:
        headers = {"Content-Type": content_type} if content_type else {}
        status, got, _ = await client.call(verb, path, headers=headers)
        assert status == 415
        assert got["Accept-Post"].startswith(accepted)


@pytest.mark.parametrize(
    "path", ["/flyteidl2.nobody.Nothing/Do", "/flyteidl2.cluster.ClusterService/Do"]
)
@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_what_nobody_mounts_is_not_found(
    tmp_path: pathlib.Path, verb: str, path: str
) -> None:
    async with serving(tmp_path) as client:
        status, headers, body = await client.call(verb, path, headers=JSON)
        assert (status, body) == (404, b"404 page not found\n")
        assert headers["Content-Type"] == "text/plain; charset=utf-8"


BAD = "400 invalid_argument"
GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("path", "headers", "body", "refusal"),
    [
        (METADATA, JSON, b"{}", "501 unimplemented: oauth2 metadata is not configured"),
        (LIST, JSON, b"{}", "501 unimplemented: the embedded Flyte does not serve ListRuns"),
        (USER, JSON, b"{}", "401 unauthenticated: no authenticated identity"),
        (CLUSTER, JSON, b"", f"{BAD}: unmarshal message: "),
        (CLUSTER, JSON, b"{", f"{BAD}: unmarshal message: "),
        (CLUSTER, JSON, b"[]", f"{BAD}: unmarshal message: not a JSON object"),
        (CLUSTER, JSON, b"\xff", f"{BAD}: unmarshal message: "),
        (CLUSTER, JSON, b'{"operation": []}', f"{BAD}: unmarshal message: "),
        (CLUSTER, PROTO, b"\xff", f"{BAD}: unmarshal message: "),
        (CLUSTER, JSON | GZIP, b"{}", f"{BAD}: decompress: "),
        (CLUSTER, PROTO | GZIP, gzip.compress(b"a", mtime=0)[:-9], f"{BAD}: decompress: "),
        (
            CLUSTER,
            JSON | {"Content-Encoding": "br"},
            b"{}",
            '501 unimplemented: unknown compression "br": supported encodings are gzip',
        ),
        (
            CLUSTER,
            JSON | {"Connect-Protocol-Version": "2"},
            b"{}",
            f'{BAD}: Connect-Protocol-Version must be "1": got "2"',
        ),
        (CLUSTER, JSON | {"Connect-Timeout-Ms": "1.5"}, b"{}", f"{BAD}: parse timeout: "),
        (CLUSTER, JSON | {"Connect-Timeout-Ms": "9" * 11}, b"{}", f"{BAD}: parse timeout: "),
        (
            CLUSTER,
            JSON | {"Connect-Timeout-Ms": "0"},
            b"{}",
            "504 deadline_exceeded: context deadline exceeded",
        ),
    ],
)
async def test_refusal_is_json_with_its_status(
    tmp_path: pathlib.Path, path: str, headers: dict[str, str], body: bytes, refusal: str
) -> None:
    async with serving(tmp_path, {RUNS: {}}) as client:
        status, seen, raw = await client.post(path, body, headers)
        error = json.loads(raw)
        assert seen["Content-Type"] == "application/json"
        assert f"{status} {error['code']}: {error['message']}".startswith(refusal)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("encoding=json", "missing message parameter"),
        ("encoding=json&message=%7B%7D&connect=v2", 'connect must be "v1": got "v2"'),
        ("encoding=json&message=e30!&base64=1", "read message: "),
        ("encoding=json&message=%7B", "unmarshal message: "),
    ],
)
async def test_bad_query_is_refused(tmp_path: pathlib.Path, query: str, text: str) -> None:
    async with serving(tmp_path) as client:
        status, _, body = await client.call("GET", f"{CLIENT}?{query}")
        assert status == 400
        assert json.loads(body)["message"].startswith(text)


@pytest.mark.parametrize("code", [one for one in grpc.StatusCode if one is not grpc.StatusCode.OK])
def test_every_code_has_a_status(code: grpc.StatusCode) -> None:
    status, body = connect_wire.refusal(StatusError(code, ""))
    assert 400 <= status < 600
    assert list(json.loads(body)) == ["code"]


@pytest.mark.parametrize(
    ("code", "name", "status"),
    [
        ("CANCELLED", "canceled", 499),
        ("ALREADY_EXISTS", "already_exists", 409),
        ("RESOURCE_EXHAUSTED", "resource_exhausted", 429),
        ("UNAVAILABLE", "unavailable", 503),
        ("INTERNAL", "internal", 500),
        ("FAILED_PRECONDITION", "failed_precondition", 400),
    ],
)
def test_codes_are_spelled_as_the_protocol_does(code: str, name: str, status: int) -> None:
    got, body = connect_wire.refusal(StatusError(grpc.StatusCode[code], "why"))
    assert (got, json.loads(body)) == (status, {"code": name, "message": "why"})


def test_refusal_carries_its_detail() -> None:
    detail = wrappers_pb2.StringValue(value="what")
    _, body = connect_wire.refusal(StatusError(grpc.StatusCode.ABORTED, "why", detail))
    (one,) = json.loads(body)["details"]
    assert one["type"] == "google.protobuf.StringValue"
    raw = base64.b64decode(one["value"] + "=" * (-len(one["value"]) % 4))
    assert wrappers_pb2.StringValue.FromString(raw) == detail


async def test_fault_of_ours_is_internal_without_a_text(tmp_path: pathlib.Path) -> None:
    def broken(_store: Store, _request: Any) -> Any:
        raise TimeoutError("a fault of ours")

    async with serving(tmp_path, {RUNS: {"ListRuns": broken}}) as client:
        status, _, body = await client.post(LIST)
        assert (status, json.loads(body)) == (500, {"code": "internal"})


async def test_late_answer_is_a_deadline(tmp_path: pathlib.Path) -> None:
    async def slow(_method: str, _message: Any) -> None:
        await asyncio.sleep(60)

    async with serving(tmp_path, ECHO, on_call=slow) as client:
        status, _, body = await client.post(LIST, headers={**PROTO, "Connect-Timeout-Ms": "20"})
        assert (status, json.loads(body)["code"]) == (504, "deadline_exceeded")


async def test_sign_in_covers_connect(tmp_path: pathlib.Path) -> None:
    settings = AuthSettings(client_id="robot", client_secret="hidden value")
    async with serving(tmp_path, auth=settings) as client:
        status, _, body = await client.post(USER)
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
        status, _, body = await client.post(METADATA, b"{}", JSON)
        assert json.loads(body)["tokenEndpoint"] == f"{client.server.http_url}/oauth2/token"
        assert client.server.authority is not None
        bearer = f"Bearer {client.server.authority.issue()}"
        status, _, body = await client.post(USER, b"{}", {**JSON, "Authorization": bearer})
        assert (status, json.loads(body)) == (200, {"subject": "robot"})


def wrapped(message: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(message)) + message


def envelopes(raw: bytes) -> list[tuple[int, bytes]]:
    found = []
    while raw:
        flags, length = struct.unpack_from(">BI", raw)
        found.append((flags, raw[5 : 5 + length]))
        raw = raw[5 + length :]
    return found


def two(_store: Store, request: run_service_pb2.WatchRunsRequest) -> Iterator[Any]:
    yield run_service_pb2.WatchRunsResponse(runs=[{}])
    if request.org == "fail":
        raise StatusError(grpc.StatusCode.ABORTED, "enough")
    yield run_service_pb2.WatchRunsResponse(runs=[{}, {}])


TWO = {RUNS: {"WatchRuns": two}}


async def test_stream_is_envelopes(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, TWO) as client:
        status, headers, body = await client.post(WATCH, wrapped(b""), STREAM)
        assert (status, headers["Content-Type"]) == (200, STREAM["Content-Type"])
        first, second, last = envelopes(body)
        assert [first[0], second[0]] == [0, 0]
        assert len(run_service_pb2.WatchRunsResponse.FromString(second[1]).runs) == 2
        assert last == (2, b"{}")


async def test_stream_may_be_json(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, TWO) as client:
        headers = {"Content-Type": "application/connect+json"}
        _, _, body = await client.post(WATCH, wrapped(b"{}"), headers)
        assert [json.loads(message) for _, message in envelopes(body)] == [
            {"runs": [{}]},
            {"runs": [{}, {}]},
            {},
        ]


async def test_stream_is_compressed_both_ways(tmp_path: pathlib.Path) -> None:
    headers = {
        **STREAM,
        "Connect-Content-Encoding": "gzip",
        "Connect-Accept-Encoding": "gzip",
    }
    sent = run_service_pb2.WatchRunsRequest(org="fail").SerializeToString()
    async with serving(tmp_path, TWO) as client:
        _, got, body = await client.post(WATCH, wrapped(gzip.compress(sent), flags=1), headers)
        assert got["Connect-Content-Encoding"] == "gzip"
        first, last = envelopes(body)
        assert first[0] == 1
        answer = run_service_pb2.WatchRunsResponse.FromString(gzip.decompress(first[1]))
        assert len(answer.runs) == 1
        assert last[0] == 2
        assert json.loads(last[1]) == {"error": {"code": "aborted", "message": "enough"}}


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", {}, "invalid_argument"),
        (b"\0\0\0\0\2a", {}, "invalid_argument"),
        (wrapped(b"") * 2, {}, "invalid_argument"),
        (wrapped(b"\xff"), {}, "invalid_argument"),
        (wrapped(b"", flags=1), {}, "invalid_argument"),
        (wrapped(b""), {"Connect-Content-Encoding": "br"}, "unimplemented"),
        (wrapped(b""), {"Connect-Protocol-Version": "2"}, "invalid_argument"),
        (wrapped(b""), {"Connect-Timeout-Ms": "x"}, "invalid_argument"),
    ],
    ids=["empty", "short", "two", "broken", "flag", "compression", "version", "timeout"],
)
async def test_bad_stream_is_refused_in_its_end(
    tmp_path: pathlib.Path, body: bytes, headers: dict[str, str], code: str
) -> None:
    async with serving(tmp_path, TWO) as client:
        status, _, got = await client.post(WATCH, body, {**STREAM, **headers})
        ((flags, last),) = envelopes(got)
        assert (status, flags, json.loads(last)["error"]["code"]) == (200, 2, code)


async def test_stream_ends_at_its_deadline(tmp_path: pathlib.Path) -> None:
    async def endless(_store: Store, _request: Any) -> AsyncIterator[Any]:
        yield run_service_pb2.WatchRunsResponse()
        await asyncio.sleep(60)

    async with serving(tmp_path, {RUNS: {"WatchRuns": endless}}) as client:
        headers = {**STREAM, "Connect-Timeout-Ms": "50"}
        _, _, body = await client.post(WATCH, wrapped(b""), headers)
        first, last = envelopes(body)
        assert first == (0, b"")
        assert json.loads(last[1])["error"]["code"] == "deadline_exceeded"


async def test_client_that_leaves_ends_its_stream(tmp_path: pathlib.Path) -> None:
    ended = asyncio.Event()

    async def endless(_store: Store, _request: Any) -> AsyncIterator[Any]:
        try:
            yield run_service_pb2.WatchRunsResponse()
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with serving(tmp_path, {RUNS: {"WatchRuns": endless}}) as client:
        url = client.server.http_url + WATCH
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=wrapped(b""), headers=STREAM) as answer,
        ):
            assert await answer.content.readexactly(5) == wrapped(b"")
        async with asyncio.timeout(10):
            await ended.wait()
