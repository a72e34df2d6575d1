"""How a call is refused: a gRPC code, a text and, for three refusals, a typed detail.

The texts begin as flyteadmin 1.16.8 writes them, because people and clients match on these
beginnings; what follows a beginning (a whole identifier, a diff) may be formatted differently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import grpc
from google.protobuf import text_format

if TYPE_CHECKING:
    from google.protobuf.message import Message

# flyteadmin cuts longer texts and loses their details with the rest.
MAX_TEXT_BYTES = 32000

# A quoted text, or the space that text format puts after a colon and around braces.
_SPACES = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=:) | (?=\{)|(?<=\{) | (?=\})')
_BRACE = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=[\w\]])\{')


class StatusError(Exception):
    """A call ends with this status instead of an answer.

    `code` is a grpc.StatusCode, `detail` an optional message for `grpc-status-details-bin`.
    """

    def __init__(self, code: grpc.StatusCode, text: str, detail: Message | None = None) -> None:
        raw = text.encode()
        if len(raw) > MAX_TEXT_BYTES:
            text, detail = raw[:MAX_TEXT_BYTES].decode(errors="ignore"), None
        self.code = code
        self.text = text
        self.detail = detail
        super().__init__(f"{code.name}: {text}")


def refused(text: str, detail: Message | None = None) -> StatusError:
    """INVALID_ARGUMENT, which flyteadmin answers to nearly every refusal."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, text, detail)


def missing(field: str) -> StatusError:
    """INVALID_ARGUMENT for a field that must be set."""
    return refused(f"missing {field}")


def invalid(field: str) -> StatusError:
    """INVALID_ARGUMENT for a field whose value is not allowed."""
    return refused(f"invalid value for {field}")


def not_found(kind: str, identifier: Message) -> StatusError:
    """NOT_FOUND for a versioned entity; `kind` is TASK, WORKFLOW, LAUNCH_PLAN or execution."""
    text = f"missing entity of type {kind} with identifier {compact(identifier)}"
    return StatusError(grpc.StatusCode.NOT_FOUND, text)


def taken(constraint: str) -> StatusError:
    """ALREADY_EXISTS as a unique index of the database answers it."""
    text = f'duplicate key value violates unique constraint "{constraint}"'
    return StatusError(
        grpc.StatusCode.ALREADY_EXISTS, f"value with matching already exists ({text})"
    )


def database(text: str) -> StatusError:
    """UNKNOWN, the code of every query that the database itself refuses."""
    return StatusError(grpc.StatusCode.UNKNOWN, f"failed database operation with {text}")


def internal(text: str = "") -> StatusError:
    """INTERNAL; without a text it is what a panic inside flyteadmin looks like."""
    return StatusError(grpc.StatusCode.INTERNAL, text)


def compact(message: Message | None) -> str:
    """One line of text format with a colon and no spaces after a field's name, as in Go."""
    if message is None:
        return "<nil>"
    line = text_format.MessageToString(message, as_one_line=True)
    line = _SPACES.sub(lambda found: found.group(1) or "", line)
    return _BRACE.sub(lambda found: found.group(1) or ":{", line)
