"""The tables of Flyte 2. Their names begin with `v2_`, since both Flytes share one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.server.store import Store

SCHEMA = ""


def seed(_store: Store) -> None:
    """What is there from the start."""
