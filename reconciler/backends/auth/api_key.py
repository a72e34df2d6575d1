"""API keys of Flyte 2: one text that names endpoint, client, the client's secret and organisation.

The key is base64 of the four, joined by colons (flyte 2.12, `_client/auth/_auth_utils.py`). The SDK
splits from the left, so that an endpoint with a port breaks it; here the endpoint may have colons.
The organisation is known to a server from the client, and is not sent.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.backends.auth import secret
from reconciler.model.secret import Secret

_PARTS = ("endpoint", "client id", "client secret", "organisation")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What an API key says; the secret is a reference, as if it had been named by itself."""

    endpoint: str
    client_id: str
    client_secret: secret.Reference = field(repr=False)


def read(reference: secret.Reference, *, place: str) -> ApiKey:
    """Look an API key up and take it apart; raises UsageError, which never shows any of it."""
    text = secret.resolve(reference, purpose=f"{place}: auth.apiKey").reveal()
    try:
        decoded = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        decoded = ""
    parts = decoded.rsplit(":", len(_PARTS) - 1)
    if len(parts) != len(_PARTS) or not all(parts[:-1]):
        raise errors.UsageError(
            f"{place}: auth.apiKey: {reference}: is no API key, which is base64 of "
            f"{', '.join(_PARTS[:-1])} and {_PARTS[-1]}, joined by colons; store it as it was given"
        )
    endpoint, client_id, client_secret, _ = parts
    given = secret.Given(Secret(client_secret), f"API key in {reference}")
    return ApiKey(endpoint, client_id, given)


def host_of(endpoint: str) -> str:
    """Return the host of an endpoint in any form that keys have."""
    bare = endpoint
    for prefix in ("dns:///", "https://", "http://"):
        bare = bare.removeprefix(prefix)
    bare = bare.partition("/")[0]
    host, _, port = bare.rpartition(":")
    return host if host and port.isdecimal() else bare
