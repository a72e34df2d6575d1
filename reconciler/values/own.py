"""Types of one's own: how somebody else's code turns values into literals and back.

An installed distribution offers one under the entry-point group `reconciler.types`: an object with
the three methods of `OwnType`, or a class that is made without arguments. It is used only where
whoever runs the program names it (`RECONCILE_TYPES`, or `types` of the library).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reconciler.values.problem import NotExpressibleError, ValueProblem

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

GROUP = "reconciler.types"
"""The entry-point group."""


class OwnType(Protocol):
    """Values of some literal types, written in a form of one's own.

    Types and literals are the plain JSON that protobuf's `MessageToDict` prints. All methods must
    give the same answer for the same arguments, on every machine: what they give is content, and
    versions are made of it.
    """

    def serves(self, type_: Json, /) -> bool:
        """Say whether values of a `flyteidl.core.LiteralType` are to be offered."""
        ...

    def encode(self, value: Json, type_: Json, /) -> Json:
        """Turn a YAML value into a `flyteidl.core.Literal`; None leaves it to the built-in rules.

        Raises ValueError with what is wrong with the value.
        """
        ...

    def decode(self, literal: Json, type_: Json, /) -> Json:
        """Turn a literal into the value that `encode` makes it of, for export.

        Raises ValueError to leave it to the built-in rules.
        """
        ...


def encode(own: OwnType, value: Json, type_: Json, path: Path) -> Json | ValueProblem:
    """Ask a type of one's own for a literal; whatever it raises is a problem of the value."""
    try:
        return own.encode(value, type_) if own.serves(type_) else None
    except ValueError as error:
        return ValueProblem(path, str(error) or "is not accepted")
    except Exception as error:  # noqa: BLE001 - code of others may raise anything
        message = f"{_name(own)} failed: {type(error).__name__}: {error}"
        return ValueProblem(path, message, "repair it, or do not name it")


def decode(own: OwnType, literal: Json, type_: Json) -> Json:
    """Ask a type of one's own for a value; raises NotExpressibleError when it gives none."""
    try:
        if own.serves(type_):
            return own.decode(literal, type_)
    except Exception as error:  # noqa: BLE001 - code of others may raise anything
        raise NotExpressibleError(f"{_name(own)}: {error}") from None
    raise NotExpressibleError(f"{_name(own)} does not serve it")


def _name(own: OwnType) -> str:
    kind = own if isinstance(own, type) else type(own)
    return f"{kind.__module__}.{kind.__qualname__}"
