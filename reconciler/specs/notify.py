"""`notify` of a FlyteSync: who is told, of what, and over which way."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from reconciler.specs.fields import Choice, Email, Many, Text, WebAddress
from reconciler.specs.git import Bundle
from reconciler.specs.shape import Shape


class Occasion(StrEnum):
    """What somebody may be told of."""

    FAILED = "Failed"
    """The set is not as declared, and why; what the service mends by itself, after five minutes."""

    RECOVERED = "Recovered"
    """It is as declared again."""

    APPLIED = "Applied"
    """Something was changed on Flyte."""

    DRIFT = "Drift"
    """Somebody else changed what the set owns."""

    CONTESTED = "Contested"
    """An object was put back three times, changed again each time, and is left alone."""

    MISSED_TICKS = "MissedTicks"
    """Ticks of a schedule that nothing ran for."""


class WebhookTarget(Shape):
    """JSON by POST, signed as `X-Reconcile-Signature` where there is a secret."""

    url: WebAddress | None = None
    """Where to; without it `url` of the bundle."""

    secret_ref: Bundle | None = None
    """`secret`, which signs, and `url`."""


class SlackTarget(Shape):
    """An incoming webhook of Slack, or of a chat that takes the same."""

    secret_ref: Bundle
    """Its address, as `url`: whoever knows it may write."""


class MailSecurity(StrEnum):
    """How the way to the mail server is protected."""

    START_TLS = "StartTLS"
    TLS = "TLS"
    NONE = "None"


class EmailTarget(Shape):
    """A mail in plain text."""

    to: Annotated[Many[Email], Field(min_length=1, max_length=20)]
    """Who gets it."""

    sender: Email = Field(alias="from")
    """Who it is from."""

    host: Text
    """The mail server."""

    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port."""

    security: Choice[MailSecurity] = MailSecurity.START_TLS
    """StartTLS, TLS, or None; without it nothing that is secret is sent."""

    secret_ref: Bundle | None = None
    """`username` and `password`."""


class NotifySpec(Shape):
    """One way of telling."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("webhook", "slack", "email"),)

    occasions: Annotated[Many[Choice[Occasion]], Field(min_length=1)] = (
        Occasion.FAILED,
        Occasion.RECOVERED,
        Occasion.CONTESTED,
        Occasion.MISSED_TICKS,
    )
    """Failed, Recovered, Applied, Drift, Contested, MissedTicks."""

    webhook: WebhookTarget | None = None
    """A webhook."""

    slack: SlackTarget | None = None
    """A chat."""

    email: EmailTarget | None = None
    """A mail."""

    @property
    def way(self) -> str:
        """Name the way."""
        return next(name for name in ("webhook", "slack", "email") if getattr(self, name))

    @property
    def bundle(self) -> tuple[str, Bundle | None]:
        """Name the way, and tell where its secrets are."""
        target = self.webhook or self.slack or self.email
        return self.way, target.secret_ref if target is not None else None
