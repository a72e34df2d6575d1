"""A gRPC client that knows only the published stubs, keeps what it saw, and can write it down."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from flyteidl.service import admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2
from google.protobuf import json_format, message_factory
from google.rpc import status_pb2

if TYPE_CHECKING:
    import pathlib

    from google.protobuf.message import Message

METHODS = {
    method.name: method
    for module in (admin_pb2, dataproxy_pb2, identity_pb2, auth_pb2, signal_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
OPTIONS = [
    ("grpc.max_metadata_size", 128 * 1024),
    ("grpc.absolute_max_metadata_size", 256 * 1024),
    ("grpc.max_receive_message_length", 20 * 1024 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
]
PLACEHOLDER = "PROJECT"
_DEADLINE = 30.0

# Values that differ from server to server or from run to run.
_TIMES = frozenset(
    {"createdAt", "updatedAt", "occurredAt", "expiresAt", "startedAt", "datetimeOfRecording"}
)
_URLS = frozenset({"signedUrl"})
# An execution runs, fails or waits, as the server's surroundings allow.
_FATE = frozenset(
    {"phase", "error", "abortMetadata", "duration", "systemMetadata", "stateChangeDetails"}
)
_BUILD = frozenset({"Build", "BuildTime"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status that is not OK: `code` by name, `text`, and the first typed detail's name."""

    code: str
    text: str
    detail: str = ""


@dataclass(slots=True)
class Client:
    """Calls by method name against one endpoint; `project` is the test's own, not yet made."""

    channel: grpc.aio.Channel
    project: str
    kind: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    recorded: bool = True

    def do_not_record(self) -> None:
        """For a test whose outcome is chance, or whose request JSON cannot express."""
        self.recorded = False

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

    async def _call(self, method: str, request: Message, metadata: dict[str, str]) -> Any:
        pairs = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
        answer = await call(self.channel, method, request, pairs)
        if self.recorded:
            sent = json_format.MessageToDict(request)
            self.steps.append(step(method, sent, answer, project=self.project))
        return answer

    def write(self, path: pathlib.Path, version: str) -> None:
        """Keep requests and answers, with the project's name replaced."""
        if not self.recorded:
            return
        text = json.dumps({"version": version, "steps": self.steps}, indent=1, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(self.project, PLACEHOLDER) + "\n")


async def call(
    channel: grpc.aio.Channel,
    method: str,
    request: Message,
    metadata: tuple[tuple[str, str], ...] = (),
) -> Any:
    """One call; the answer or a Refusal."""
    descriptor = METHODS[method]
    answer_type = message_factory.GetMessageClass(descriptor.output_type)
    path = f"/{descriptor.containing_service.full_name}/{method}"
    unary = channel.unary_unary(
        path,
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


def parse_request(method: str, sent: dict[str, Any]) -> Message:
    request = message_factory.GetMessageClass(METHODS[method].input_type)()
    return json_format.ParseDict(sent, request)


def step(method: str, sent: dict[str, Any], answer: Any, *, project: str) -> dict[str, Any]:
    """What is kept of one call: the request, and the answer or the refusal, made comparable."""
    kept: dict[str, Any] = {"method": method, "request": sent}
    if isinstance(answer, Refusal):
        return kept | {
            "code": answer.code,
            "text": stem(answer.text.replace(project, PLACEHOLDER)),
            "detail": answer.detail,
        }
    body = json_format.MessageToDict(_own(answer, project))
    return kept | {"code": "OK", "answer": comparable(body)}


def _own(answer: Any, project: str) -> Any:
    """An answer about the whole installation, cut down to the test's project."""
    name = answer.DESCRIPTOR.name
    if name == "Projects":
        return type(answer)(projects=[one for one in answer.projects if one.id.startswith(project)])
    if name == "ListMatchableAttributesResponse":
        own = [one for one in answer.configurations if one.project == project]
        return type(answer)(configurations=own)
    return answer


def comparable(value: Any, name: str = "") -> Any:
    """Protobuf JSON without what differs between two servers that behave alike."""
    if isinstance(value, dict):
        left_out = _FATE | _BUILD
        return {key: comparable(inner, key) for key, inner in value.items() if key not in left_out}
    if isinstance(value, list):
        items = [comparable(inner, name) for inner in value]
        # Merged plugin overrides come in random order.
        return sorted(items, key=json.dumps) if name == "overrides" else items
    if name in _TIMES:
        return "TIME"
    if name in _URLS:
        return "URL"
    if name == "nativeUrl":
        return "/".join(value.split("/")[-4:])
    return value


def stem(text: str) -> str:
    """The beginning of a refusal's text that does not depend on how values are printed."""
    first = re.split(r"[\[{\n\"']|(?<=database operation with)", text, maxsplit=1)[0]
    return " ".join(first.split())
