"""Whether a webhook is from whom it says: by the raw bytes, before anything of it is read."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.secret import Secret
from reconciler.notify.signature import hmac_of
from reconciler.specs.git import ForgeName

WINDOW_SECONDS = 300
"""How old a generic webhook may be by its own, signed time."""

_GENERIC = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")

_IDS = {
    ForgeName.GITEA: ("x-gitea-delivery",),
    ForgeName.GITHUB: ("x-github-delivery",),
    ForgeName.GITLAB: ("idempotency-key", "x-gitlab-event-uuid"),
    ForgeName.BITBUCKET: ("x-request-uuid", "x-request-id"),
    ForgeName.GENERIC: ("x-reconcile-signature",),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A secret of a forge."""

    forge: ForgeName
    secret: Secret[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A request as it came: headers in lower case, and the body."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def forge(self) -> ForgeName:
        """The forge that it says it is of; Gitea also says what GitHub would."""
        for name, forge in (
            ("x-gitea-event", ForgeName.GITEA),
            ("x-gitlab-event", ForgeName.GITLAB),
            ("x-event-key", ForgeName.BITBUCKET),
            ("x-github-event", ForgeName.GITHUB),
        ):
            if name in self.headers:
                return forge
        return ForgeName.GENERIC

    @property
    def event(self) -> str:
        """What happened, in the words of the forge."""
        names = ("x-gitea-event", "x-gitlab-event", "x-event-key", "x-github-event")
        return next((self.headers[name] for name in names if name in self.headers), "push")

    @property
    def id(self) -> str:
        """What tells it from others: the forge's own id, or a generic one's signature; the body.

        An id alone would not do: GitLab gives one to all events that follow from one another.
        """
        names = _IDS[self.forge]
        given = next((self.headers[name] for name in names if self.headers.get(name)), "")
        return f"{self.forge}:{given[:100]}:{hashlib.sha256(self.body).hexdigest()}"


def is_by(delivery: Delivery, key: Key, *, now: float) -> bool:
    """Say whether whoever sent it knows a secret; takes the same time for each wrong answer."""
    if key.forge is not delivery.forge:
        return False
    secret, headers = key.secret.reveal().encode(), delivery.headers
    match key.forge:
        case ForgeName.GITLAB:
            return _is(headers.get("x-gitlab-token", ""), secret.decode())
        case ForgeName.GITEA:
            return _is(headers.get("x-gitea-signature", ""), hmac_of(secret, delivery.body))
        case ForgeName.GITHUB:
            given = headers.get("x-hub-signature-256", "")
            return _is(given, f"sha256={hmac_of(secret, delivery.body)}")
        case ForgeName.BITBUCKET:
            return _is(
                headers.get("x-hub-signature", ""), f"sha256={hmac_of(secret, delivery.body)}"
            )
        case ForgeName.GENERIC:
            return _is_generic(headers.get("x-reconcile-signature", ""), secret, delivery.body, now)


def _is_generic(given: str, secret: bytes, body: bytes, now: float) -> bool:
    found = _GENERIC.fullmatch(given)
    moment, signature = (found[1], found[2]) if found else ("0", "")
    wanted = hmac_of(secret, f"{moment}.".encode() + body)
    is_recent = abs(now - int(moment)) <= WINDOW_SECONDS
    return _is(signature, wanted) and is_recent


def _is(given: str, wanted: str) -> bool:
    # A header may hold bytes that are no text.
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
