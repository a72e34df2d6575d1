"""Access tokens kept between runs, in `$XDG_CACHE_HOME/reconcile/tokens`.

One file per endpoint, client and scopes, readable by its owner only. The folder may be deleted at
any time, and a disk that cannot be written costs one more token and a warning, nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.secret import Secret

log = logging.getLogger(__name__)

_UNKNOWN_LIFETIME_SECONDS = 300.0
_SPARE_FRACTION = 0.1
_SPARE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `expires_at` is in seconds since the epoch, None where nobody said."""

    value: Secret[str]
    expires_at: float | None
    fetched_at: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "fetched_at", self.fetched_at or time.time())

    @property
    def renew_at(self) -> float:
        """When to replace it: a minute before it expires, or a tenth of a shorter life."""
        if self.expires_at is None:
            return self.fetched_at + _UNKNOWN_LIFETIME_SECONDS
        spare = min(_SPARE_SECONDS, (self.expires_at - self.fetched_at) * _SPARE_FRACTION)
        return self.expires_at - spare


@dataclass(frozen=True, slots=True)
class Entry:
    """The name of a token's file, made of what the token was asked for."""

    name: str

    @classmethod
    def of(cls, *parts: str) -> Entry:
        """Name the token of these parts: endpoints, client, scopes, audience; no secret."""
        return cls(hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32])


def folder() -> Path:
    """Return the folder of the token files; it may not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "reconcile" / "tokens"


def load(entry: Entry) -> Token | None:
    """Return a kept token that need not be replaced yet and that nobody else could read."""
    path = folder() / entry.name
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            kept = json.load(file)
        token = Token(
            Secret(str(kept["token"])), float(kept["expires_at"]), float(kept["fetched_at"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.getuid():
        return None
    return token if time.time() < token.renew_at else None


def store(entry: Entry, token: Token) -> None:
    """Keep a token whose lifetime is known; warns where the disk does not take it."""
    if token.expires_at is None:
        return
    path = folder() / entry.name
    half = path.with_name(f"{entry.name}.{os.getpid()}")
    content = json.dumps(
        {
            "token": token.value.reveal(),
            "expires_at": token.expires_at,
            "fetched_at": token.fetched_at,
        }
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half.unlink(missing_ok=True)
        with open(half, "x", encoding="utf-8", opener=_owner_only) as file:
            file.write(content)
        half.replace(path)
    except OSError as error:
        log.warning(
            "access token not kept between runs: %s: %s", path.parent, error.strerror or "error"
        )


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
