"""What a channel must know of the Flyte behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.backends.auth import tokens
    from reconciler.backends.wire.channel import Channel
    from reconciler.backends.wire.faults import Faults
    from reconciler.backends.wire.method import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One Flyte: its calls, what its errors mean, and how it says where tokens come from.

    `authority` answers None where the server serves no authentication.
    """

    methods: Table
    faults: Faults
    authority: Callable[[Channel], Awaitable[tokens.Authority | None]]
