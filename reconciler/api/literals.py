"""Inputs and outputs of runs as Python has them, read when they are asked for.

outputs = await run.outputs()
outputs["o0"]                              # as the type of the output says
outputs.get("config", as_type=Config)      # a dataclass, a pydantic model, list[int], ...
outputs.raw("o0")["scalar"]["primitive"]   # the literal itself, in protobuf's JSON mapping
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from reconciler.api.stored import Ref
from reconciler.api.tables import Schema, Table
from reconciler.engine.downloading import Sort, items_of
from reconciler.errors import UsageError
from reconciler.values import columns, own, read
from reconciler.values.problem import NotExpressibleError

if TYPE_CHECKING:
    from reconciler.api.stored import Store
    from reconciler.model.document import Json
    from reconciler.model.run import Values
    from reconciler.values.own import OwnType


class AbsentValueError(UsageError, KeyError):
    """There is no value of this name; the text names those that there are."""

    def __str__(self) -> str:  # KeyError would quote it
        return str(self.args[0])


class Literals(Mapping[str, Any]):
    """Values by name; each is read once, and what is not asked for is never read.

    `hints` are types of Python by name, which hold where a call gives none; `types` are types of
    one's own (see `values.own`), asked before the built-in rules.
    """

    def __init__(
        self,
        values: Values,
        *,
        hints: Mapping[str, Any] | None = None,
        types: Sequence[OwnType] = (),
        store: Store | None = None,
    ) -> None:
        self.source = values
        self._store = store
        self._hints = dict(hints or {})
        self._types = tuple(types)
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Read one; raises AbsentValueError where there is none of that name."""
        if name not in self._read:
            self._read[name] = self._typed(name, self._hints.get(name))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.source.literals)

    def __len__(self) -> int:
        return len(self.source.literals)

    def __repr__(self) -> str:
        shown = (
            f"{name}={self._read[name]!r}"
            if name in self._read
            else f"{name}: {read.type_text(self.source, name)}"
            for name in self
        )
        return f"Literals({', '.join(shown)})"

    def get(self, name: str, default: Any = None, *, as_type: Any = None) -> Any:
        """Read one as a type; without a type as `[]` does. `default` is for a name that is not.

        The type goes before a hint, a hint before what the literal says. Raises UsageError where
        the value is not of the type.
        """
        if name not in self.source.literals:
            return default
        return self[name] if as_type is None else self._typed(name, as_type)

    def named(self, index: int) -> Any:
        """Read the output that has no name but a number: `o0`, `o1`, ..."""
        return self[f"o{index}"]

    def raw(self, name: str) -> Mapping[str, Any]:
        """Give the literal itself, in protobuf's JSON mapping."""
        return cast("Mapping[str, Any]", self._literal(name))

    def ref(self, name: str) -> Ref:
        """Take the file, folder or table of a value, of which nothing is read yet.

        Raises UsageError where the value refers to none.
        """
        found = list(items_of(name, self._literal(name)))
        if len(found) != 1 or found[0].sort not in {Sort.FILE, Sort.FOLDER} or not self._store:
            raise UsageError(f"{name}: refers to no data; read its value instead")
        value = read.value(self._literal(name))
        format_ = value.get("format") if isinstance(value, dict) else ""
        return Ref(self._store, found[0].uri, found[0].sort is Sort.FOLDER, str(format_ or ""))

    def table(self, name: str) -> Table:
        """Take a table of which nothing is read yet; raises UsageError where the value is none."""
        literal = self._literal(name)
        found = [item for item in items_of(name, literal) if item.sort is Sort.FOLDER]
        kind = read.dataset_type(literal)
        if len(found) != 1 or kind is None or self._store is None:
            raise UsageError(f"{name}: is no table; its type is {self.type_of(name)}")
        schema = read.external_schema(kind)
        named = columns.shown(kind.get("columns"))
        return Table(
            store=self._store,
            uri=found[0].uri,
            format=str(kind.get("format") or ""),
            columns={column: str(word) for column, word in named.items()},
            schema=Schema(*schema) if schema is not None else None,
        )

    def type_of(self, name: str) -> str:
        """Write the type of one as people do."""
        self._literal(name)
        return read.type_text(self.source, name)

    def to_dict(self) -> dict[str, Json]:
        """Write all of them as JSON; URIs, formats and columns stand for data."""
        return read.shown(self.source)

    def _literal(self, name: str) -> Json:
        found = self.source.literals.get(name)
        if found is None:
            close = get_close_matches(name, list(self), n=1) or list(self)
            hint = f"there are {', '.join(close)}" if len(close) > 1 else "".join(close)
            fix = f"did you mean {hint}?" if len(close) == 1 else hint or "there is none at all"
            raise AbsentValueError(f"{name}: there is no value of this name; {fix}")
        return found

    def _typed(self, name: str, wanted: Any) -> Any:
        literal = self._literal(name)
        declared = self.source.types.get(name)
        for one in self._types:
            try:
                return own.decode(one, literal, declared)
            except NotExpressibleError:
                continue
        found = read.native(literal)
        return found if wanted is None else _as(found, wanted, name)


def _as(found: Any, wanted: Any, name: str) -> Any:
    """Make a value of a type of Python: what pydantic can make of it, dataclasses included."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(wanted).validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = "".join(f".{part}" for part in first["loc"])
        shown = getattr(wanted, "__name__", str(wanted))
        message = f"{name}{at}: is not a {shown}: {first['msg']}; ask for another type"
        raise UsageError(message) from None
