"""How a call is refused: a gRPC code, a text and, for some refusals, a typed detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from google.protobuf.message import Message

# Headers carry the text; flyteadmin cuts longer ones and loses their details with the rest.
MAX_TEXT_BYTES = 32000


class StatusError(Exception):
    """A call ends with this status instead of an answer.

    `code` is a grpc.StatusCode, `detail` an optional message that travels with it.
    """

    def __init__(self, code: grpc.StatusCode, text: str, detail: Message | None = None) -> None:
        raw = text.encode()
        if len(raw) > MAX_TEXT_BYTES:
            text, detail = raw[:MAX_TEXT_BYTES].decode(errors="ignore"), None
        self.code = code
        self.text = text
        self.detail = detail
        super().__init__(f"{code.name}: {text}")

    @property
    def is_panic(self) -> bool:
        """Whether it is what a panic inside flyteadmin looks like, which nothing wraps."""
        return self.code is grpc.StatusCode.INTERNAL and not self.text


def refused(text: str, detail: Message | None = None) -> StatusError:
    """INVALID_ARGUMENT."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, text, detail)


def internal(text: str = "") -> StatusError:
    """INTERNAL; without a text it is what a panic inside flyteadmin looks like."""
    return StatusError(grpc.StatusCode.INTERNAL, text)
