"""Secret values, and what a declared secret is to hold.

A `Secret` shows itself as `***` wherever text is made of it and refuses to be pickled; only
`reveal()` gives the value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, NoReturn, TypeVar

_MASK = "***"

REVISION = "revision"
"""What a token begins with that the declaration itself gives."""

CIPHERTEXT = "ciphertext"
"""What a token begins with that is made of an encrypted value."""

T = TypeVar("T", bound=str | bytes)


class Secret(Generic[T]):
    """A value that never shows itself in `repr`, `str`, formatting, JSON or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """Return the value; whoever calls this owns keeping it out of texts."""
        return self._value

    def __repr__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash(Secret)

    def __copy__(self) -> Secret[T]:
        return self

    def __deepcopy__(self, _memo: object) -> Secret[T]:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True)
class Content:
    """What a declared secret is to hold.

    `token` changes when the value does, as far as that can be told without showing it; it says
    nothing of the value itself. `read` gives the value, when it is written and not before; it
    raises UsageError when the value is not to be had, and when it is no longer that of the token.
    `is_verifiable` says that the token follows the value. `set_name` is the set that declares it.
    """

    token: str
    read: Callable[[], Secret[bytes]] = field(repr=False, compare=False)
    is_verifiable: bool = True
    set_name: str = ""
