"""Secret values, and the references by which settings name them.

A `Secret` shows itself as `***` wherever text is made of it and refuses to be pickled; only
`reveal()` gives the value. References are looked up when the value is needed and not before, so
that a rotated file is seen and a dump of settings has nothing to hide.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, assert_never

from reconciler import errors

_MASK = "***"
_MAX_BYTES = 1 << 20


class Secret:
    """A value that never shows itself in `repr`, `str`, formatting, JSON or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; whoever calls this owns keeping it out of texts."""
        return self._value

    def __repr__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(Secret)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


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

    secret: Secret
    origin: str

    def __str__(self) -> str:
        return self.origin


Reference = FromEnv | FromFile | FromKubernetes | Given


def resolve(reference: Reference, *, purpose: str) -> Secret:
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
