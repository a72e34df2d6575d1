"""Who makes the call that is being answered.

Handlers are functions of store and request; the few that must know more ask here.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Caller:
    """`host` is the address that the client called, `metadata` its headers in lower case."""

    host: str
    metadata: Sequence[tuple[str, str | bytes]]

    def header(self, name: str) -> str:
        """The value of a header; empty when there is none."""
        for key, value in self.metadata:
            if key == name and isinstance(value, str):
                return value
        return ""


CALLER: ContextVar[Caller] = ContextVar("caller")
