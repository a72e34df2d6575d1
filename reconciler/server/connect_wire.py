"""What Connect puts on the wire: messages, compression, envelopes and errors.

As connect-go writes and reads them (https://connectrpc.com/docs/protocol).
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError

from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

GZIP = "gzip"
_IDENTITY = ("", "identity")
# Speed, for clients that are on the same machine.
_LEVEL = 1
_COMPRESSED, _END = 1, 2
_PREFIX = struct.Struct(">BI")

_HTTP_STATUS = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to write messages."""

    _parse: Callable[[type[Message], bytes], Message]
    _dump: Callable[[Message], bytes]

    def parse(self, kind: type[Message], raw: bytes) -> Message:
        """The message; StatusError when the bytes are none."""
        try:
            return self._parse(kind, raw)
        except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
            raise refused(f"unmarshal message: {error}") from None

    def dump(self, message: Message) -> bytes:
        """The bytes; StatusError for a message that this codec cannot say."""
        try:
            return self._dump(message)
        except (EncodeError, json_format.SerializeToJsonError, TypeError, ValueError) as error:
            raise internal(f"marshal message: {error}") from None


def _parse_json(kind: type[Message], raw: bytes) -> Message:
    # A client that is newer than the server sends fields that it does not know.
    document = json.loads(raw.decode())
    if not isinstance(document, dict):
        raise json_format.ParseError("not a JSON object")
    return json_format.ParseDict(document, kind(), ignore_unknown_fields=True)


CODECS: Mapping[str, Codec] = {
    "proto": Codec(lambda kind, raw: kind.FromString(raw), lambda m: m.SerializeToString()),
    "json": Codec(_parse_json, lambda m: json_format.MessageToJson(m, indent=None).encode()),
}


def inflate(raw: bytes, encoding: str) -> bytes:
    """The bytes before compression; StatusError for another encoding than gzip."""
    if encoding in _IDENTITY:
        return raw
    if encoding != GZIP:
        raise StatusError(
            grpc.StatusCode.UNIMPLEMENTED,
            f'unknown compression "{encoding}": supported encodings are {GZIP}',
        )
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise refused(f"decompress: {error}") from None


def accepts_gzip(header: str) -> bool:
    """Whether a list of encodings names gzip."""
    return GZIP in (one.partition(";")[0].strip() for one in header.split(","))


def unwrap(raw: bytes, encoding: str) -> bytes:
    """The one message of a stream's request, whose messages are compressed with `encoding`."""
    if len(raw) < _PREFIX.size:
        raise refused("protocol error: incomplete envelope")
    flags, length = _PREFIX.unpack_from(raw)
    message = raw[_PREFIX.size :]
    if len(message) < length:
        raise refused(f"protocol error: promised {length} bytes, got {len(message)}")
    if len(message) > length:
        raise refused("unary request has multiple messages")
    if flags & _COMPRESSED and encoding in _IDENTITY:
        raise refused("protocol error: sent compressed message without compression support")
    # Whether the encoding is one that we know matters also when this message does not use it.
    return inflate(message, encoding if flags & _COMPRESSED or encoding != GZIP else "")


def wrap(message: bytes, *, compress: bool) -> bytes:
    """The envelope of one answer of a stream."""
    if compress:
        message = gzip.compress(message, _LEVEL)
    return _PREFIX.pack(_COMPRESSED if compress else 0, len(message)) + message


def end(error: StatusError | None) -> bytes:
    """The envelope that ends a stream."""
    trailer = json.dumps({} if error is None else {"error": _error(error)}).encode()
    return _PREFIX.pack(_END, len(trailer)) + trailer


def refusal(error: StatusError) -> tuple[int, bytes]:
    """HTTP status and body of a call that is refused."""
    return _HTTP_STATUS[error.code], json.dumps(_error(error)).encode()


def _error(error: StatusError) -> dict[str, Any]:
    code = error.code.name.lower()
    # The protocol spells this one its own way.
    said: dict[str, Any] = {"code": "canceled" if code == "cancelled" else code}
    if error.text:
        said["message"] = error.text
    if error.detail is not None:
        value = base64.b64encode(error.detail.SerializeToString()).decode().rstrip("=")
        said["details"] = [{"type": error.detail.DESCRIPTOR.full_name, "value": value}]
    return said
