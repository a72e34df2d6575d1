"""How a body is signed that is sent by POST, in the form that `serve` takes itself."""

from __future__ import annotations

import hashlib
import hmac

from reconciler.model.secret import Secret


def sign(secret: Secret[str], body: bytes, *, now: float) -> str:
    """Return what is written into `X-Reconcile-Signature`: a time, and both under the secret."""
    moment = f"{int(now)}"
    return f"t={moment},v1={hmac_of(secret.reveal().encode(), f'{moment}.'.encode() + body)}"


def hmac_of(secret: bytes, body: bytes) -> str:
    """Return HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()
