"""What a channel must know of the Flyte behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from google.protobuf.message import Message

    from reconciler.backends.auth import tokens
    from reconciler.backends.wire.channel import Channel
    from reconciler.backends.wire.faults import Faults
    from reconciler.backends.wire.method import Table


def _no_rules(_request: Message) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One Flyte: its calls, what its errors mean, and how it says where tokens come from.

    `authority` answers None where the server serves no authentication. `broken` names the rules of
    its messages that a write does not keep.
    """

    methods: Table
    faults: Faults
    authority: Callable[[Channel], Awaitable[tokens.Authority | None]]
    broken: Callable[[Message], Sequence[str]] = _no_rules
