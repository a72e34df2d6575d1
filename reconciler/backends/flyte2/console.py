"""Where the web console of a Flyte 2 is."""

from __future__ import annotations

from reconciler.backends.settings import Settings
from reconciler.backends.wire import console

_LOCAL = frozenset({"http://localhost:8090", "http://127.0.0.1:8090"})


def guess(settings: Settings) -> str:
    """Make the address at which the console would be; local ones have a port apart."""
    found = console.guess(settings)
    return "http://localhost:8080" if found in _LOCAL else found
