"""The references by which settings name secret values.

They are looked up when the value is needed and not before, so that a rotated file is seen and a
dump of settings has nothing to hide.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from reconciler import errors
from reconciler.model.secret import Secret

_MAX_BYTES = 1 << 20
_LEAST_KEY = 16


@dataclass(frozen=True, slots=True)
class FromEnv:
    """The value of an environment variable."""

    name: str

    def __str__(self) -> str:
        return f"environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class FromFile:
    """The content of a file, without the line break that ends it."""

    path: Path

    def __str__(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class FromKubernetes:
    """A key of a Kubernetes Secret; only the operator can read it."""

    name: str
    key: str

    def __str__(self) -> str:
        return f"Kubernetes Secret {self.name}, key {self.key}"


@dataclass(frozen=True, slots=True)
class Given:
    """A value already at hand: a literal of an existing config file, or one the operator read."""

    secret: Secret[str]
    origin: str

    def __str__(self) -> str:
        return self.origin


Reference = FromEnv | FromFile | FromKubernetes | Given


def resolve(reference: Reference, *, purpose: str) -> Secret[str]:
    """Look a secret up; `purpose` names the setting in errors. Raises UsageError."""
    match reference:
        case FromEnv(name):
            value = os.environ.get(name)
            if value is None:
                raise errors.UsageError(
                    f"{purpose}: {reference}: is not set; export it before running"
                )
        case FromFile(path):
            value = _read(path, purpose)
        case FromKubernetes():
            raise errors.UsageError(
                f"{purpose}: {reference}: is read by the operator only; "
                "outside a cluster name {env: NAME} or {file: PATH}"
            )
        case Given(secret, _):
            value = secret.reveal()
        case _:
            assert_never(reference)
    if not value:
        raise errors.UsageError(f"{purpose}: {reference}: is empty; store the secret there")
    if not (value.isprintable() and value.isascii()):
        raise errors.UsageError(
            f"{purpose}: {reference}: has line breaks, control or non-ASCII characters inside; "
            "store the bare value"
        )
    return Secret(value)


def hmac_key(reference: Reference | None) -> Secret[str] | None:
    """Look up the key for hashes of secret values; raises UsageError when it is too short."""
    if reference is None:
        return None
    found = resolve(reference, purpose="secrets.hmacKey")
    if len(found.reveal()) < _LEAST_KEY:
        raise errors.UsageError(
            f"secrets.hmacKey: {reference}: has fewer than {_LEAST_KEY} characters, so that values "
            "could be guessed from the ledger; make a longer one"
        )
    return found


def _read(path: Path, purpose: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise errors.UsageError(
            f"{purpose}: file {path}: cannot be read ({error.strerror}); "
            "check the path and its permissions"
        ) from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if len(raw) > _MAX_BYTES or (raw and not text):
        raise errors.UsageError(
            f"{purpose}: file {path}: is not a text secret; store the bare value"
        )
    return text.removesuffix("\n").removesuffix("\r")
