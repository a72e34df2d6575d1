"""What the contract suites of both Flytes share: a client that keeps what it saw, and the replay.

The client knows only the published stubs. What it keeps of a call is made comparable, so that the
recording of one server can be compared with another server that behaves alike.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf import json_format, message_factory
from google.rpc import status_pb2

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Mapping

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message

OPTIONS = [
    ("grpc.max_metadata_size", 128 * 1024),
    ("grpc.absolute_max_metadata_size", 256 * 1024),
    ("grpc.max_receive_message_length", 20 * 1024 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
]
_DEADLINE = 30.0
# Places that requests name are in a container of the server's own.
_OWN_PLACES = re.compile(r's3://[^/"]+/(uploads|metadata)/')
_CONTAINER = "CONTAINER"
# Printed values, and the number of a row.
_VARYING = re.compile(r"[\[{\n\"']|(?<=database operation with)|(?<=for node execution )[0-9]")


@dataclass(frozen=True, slots=True)
class Wire:
    """One Flyte's services, and what differs in its answers from server to server, run to run.

    `methods` by name; where two services share a name, by `Service.Method` as well. `times` and
    `urls` are fields whose values are replaced, `places` are locations cut to their last parts,
    `left_out` fields are dropped and `unordered` lists sorted. `own` cuts an answer about the whole
    installation down to a project, whose name `placeholder` replaces.
    """

    methods: Mapping[str, MethodDescriptor]
    times: frozenset[str]
    urls: frozenset[str] = frozenset({"signedUrl"})
    places: frozenset[str] = frozenset({"nativeUrl"})
    left_out: frozenset[str] = frozenset()
    unordered: frozenset[str] = frozenset()
    own: Callable[[Any, str], Any] = lambda answer, _project: answer
    placeholder: str = "PROJECT"
    name: str = ""


def methods(*modules: Any) -> dict[str, MethodDescriptor]:
    """The methods of all services of these modules; the first one keeps a name that two share."""
    found: dict[str, MethodDescriptor] = {}
    for module in modules:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                found.setdefault(method.name, method)
                found[f"{service.name}.{method.name}"] = method
    return found


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status that is not OK: `code` by name, `text`, and the first typed detail's name."""

    code: str
    text: str
    detail: str = ""


@dataclass(slots=True)
class Client:
    """Calls by method name against one endpoint; `project` is the test's own, not yet made."""

    wire: Wire
    channel: grpc.aio.Channel
    project: str
    kind: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    recorded: bool = True

    def do_not_record(self) -> None:
        """For a test whose outcome is chance, or whose request JSON cannot express."""
        self.recorded = False

    def request(self, method: str) -> Message:
        """An empty request."""
        return message_factory.GetMessageClass(self.wire.methods[method].input_type)()

    async def ok(self, method: str, request: Message, **metadata: str) -> Any:
        """The answer; fails the test when the call is refused."""
        answer = await self._call(method, request, metadata)
        assert not isinstance(answer, Refusal), f"{method}: {answer}"
        return answer

    async def refused(self, method: str, request: Message, **metadata: str) -> Refusal:
        """The refusal; fails the test when the call succeeds."""
        answer = await self._call(method, request, metadata)
        assert isinstance(answer, Refusal), f"{method} was not refused: {answer}"
        return answer

    async def attempt(self, method: str, request: Message) -> Any:
        """The answer or the refusal."""
        return await self._call(method, request, {})

    async def first(self, method: str, request: Message) -> Any:
        """The first message of a stream, which is then left; never recorded."""
        return await self.until(method, request, lambda _message: True)

    async def until(self, method: str, request: Message, found: Callable[[Any], bool]) -> Any:
        """The first message of a stream that is `found`; fails the test when it ends before."""
        stream = _stream(self.wire, self.channel, method)(request, timeout=_DEADLINE)
        async for message in stream:
            if found(message):
                stream.cancel()
                return message
        raise AssertionError(f"{method} ended before")

    def open(self, method: str, request: Message) -> Any:
        """A stream that is open until it is cancelled; never recorded."""
        return _stream(self.wire, self.channel, method)(request, timeout=_DEADLINE)

    async def _call(self, method: str, request: Message, metadata: dict[str, str]) -> Any:
        pairs = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
        answer = await call(self.wire, self.channel, method, request, pairs)
        if self.recorded:
            sent = json_format.MessageToDict(request)
            self.steps.append(step(self.wire, method, sent, answer, project=self.project))
        return answer

    def write(self, path: pathlib.Path, version: str) -> None:
        """Keep requests and answers, with the project's name replaced."""
        if not self.recorded:
            return
        about = {"version": version} | ({"wire": self.wire.name} if self.wire.name else {})
        text = json.dumps(about | {"steps": self.steps}, indent=1, sort_keys=True)
        text = _OWN_PLACES.sub(rf"s3://{_CONTAINER}/\1/", text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(self.project, self.wire.placeholder) + "\n")


def _path(descriptor: MethodDescriptor) -> str:
    return f"/{descriptor.containing_service.full_name}/{descriptor.name}"


def _stream(wire: Wire, channel: grpc.aio.Channel, method: str) -> Any:
    descriptor = wire.methods[method]
    answer_type = message_factory.GetMessageClass(descriptor.output_type)
    return channel.unary_stream(
        _path(descriptor),
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_type.FromString,
    )


async def call(
    wire: Wire,
    channel: grpc.aio.Channel,
    method: str,
    request: Message,
    metadata: tuple[tuple[str, str], ...] = (),
) -> Any:
    """One call; the answer or a Refusal."""
    descriptor = wire.methods[method]
    answer_type = message_factory.GetMessageClass(descriptor.output_type)
    unary = channel.unary_unary(
        _path(descriptor),
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_type.FromString,
    )
    try:
        return await unary(request, metadata=metadata, timeout=_DEADLINE)
    except grpc.aio.AioRpcError as error:
        return Refusal(error.code().name, error.details() or "", _detail(error))


def _detail(error: grpc.aio.AioRpcError) -> str:
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            details = status_pb2.Status.FromString(value).details
            return details[0].TypeName() if details else ""
    return ""


async def replay(
    wire: Wire, channel: grpc.aio.Channel, path: pathlib.Path, *, project: str
) -> None:
    """Send a recording's requests again, and compare each answer with the recorded one."""
    for number, recorded in enumerate(_steps(wire, path, project)):
        method, sent = recorded["method"], recorded["request"]
        request = message_factory.GetMessageClass(wire.methods[method].input_type)()
        answer = await call(wire, channel, method, json_format.ParseDict(sent, request))
        seen = json.dumps(step(wire, method, sent, answer, project=project))
        seen = seen.replace(wire.placeholder, project)
        assert json.loads(seen) == recorded, f"step {number} ({method}) of {path.name}"


def _steps(wire: Wire, path: pathlib.Path, project: str) -> list[dict[str, Any]]:
    text = path.read_text().replace(f"s3://{_CONTAINER}/", "s3://embedded/")
    return json.loads(text.replace(wire.placeholder, project))["steps"]


def step(
    wire: Wire, method: str, sent: dict[str, Any], answer: Any, *, project: str
) -> dict[str, Any]:
    """What is kept of one call: the request, and the answer or the refusal, made comparable."""
    kept: dict[str, Any] = {"method": method, "request": sent}
    if isinstance(answer, Refusal):
        return kept | {
            "code": answer.code,
            "text": stem(answer.text.replace(project, wire.placeholder)),
            "detail": answer.detail,
        }
    body = json_format.MessageToDict(wire.own(answer, project))
    return kept | {"code": "OK", "answer": comparable(wire, body)}


def comparable(wire: Wire, value: Any, name: str = "") -> Any:
    """Protobuf JSON without what differs between two servers that behave alike."""
    if isinstance(value, dict):
        return {
            key: comparable(wire, inner, key)
            for key, inner in value.items()
            if key not in wire.left_out
        }
    if isinstance(value, list):
        items = [comparable(wire, inner, name) for inner in value]
        return sorted(items, key=json.dumps) if name in wire.unordered else items
    if name in wire.times:
        return "TIME"
    if name in wire.urls:
        return "URL"
    if name in wire.places:
        return "/".join(value.split("/")[-4:])
    return value


def stem(text: str) -> str:
    """The beginning of a refusal's text that does not depend on how values are printed."""
    first = _VARYING.split(text, maxsplit=1)[0]
    return " ".join(first.split())


async def settle() -> None:
    """Let the clock move on, so that what is written next is younger than what was before."""
    await asyncio.sleep(0.002)
