"""The refusals of flyteadmin 1.16.8.

The texts begin as flyteadmin writes them, because people and clients match on these beginnings;
what follows a beginning (a whole identifier, a diff) may be formatted differently. Nearly every
refusal is INVALID_ARGUMENT.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import grpc
from google.protobuf import text_format

from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    from google.protobuf.message import Message

# A quoted text, or the space that text format puts after a colon and around braces.
_SPACES = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=:) | (?=\{)|(?<=\{) | (?=\})')
# An apostrophe that Go does not escape, and the fraction of a float that it does not show.
_ESCAPED = re.compile(r"\\([0-7]{3}|.)")
_WHOLE = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=[0-9])\.0(?=[ }]|$)')
_BRACE = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=[\w\]])\{')


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


def bad_text() -> StatusError:
    """UNKNOWN for text with a NUL in it."""
    return database('invalid byte sequence for encoding "UTF8": 0x00')


def compact(message: Message | None) -> str:
    """One line of text format with a colon and no spaces after a field's name, as in Go."""
    if message is None:
        return "<nil>"
    line = text_format.MessageToString(message, as_one_line=True, use_index_order=True)
    line = _SPACES.sub(lambda found: found.group(1) or "", line)
    line = _BRACE.sub(lambda found: found.group(1) or ":{", line)
    line = _ESCAPED.sub(_escape, line)
    return _WHOLE.sub(lambda found: found.group(1) or "", line)


def _escape(found: re.Match[str]) -> str:
    """An escape of Python's as Go writes it."""
    if len(found[1]) > 1:
        return f"\\x{int(found[1], 8):02x}"
    return "'" if found[1] == "'" else found[0]
