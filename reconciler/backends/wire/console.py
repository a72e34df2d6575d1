"""Where the web console of an endpoint is, as far as an endpoint tells."""

from __future__ import annotations

from reconciler.backends.settings import Settings


def guess(settings: Settings) -> str:
    """Make the address of the console that is served beside the endpoint; empty for a socket."""
    if settings.endpoint.startswith("unix:"):
        return ""
    scheme = "http" if settings.insecure else "https"
    return f"{scheme}://{settings.endpoint.removesuffix(':443' if scheme == 'https' else ':80')}"
