"""The form that every model of the language has: strict, frozen, camelCase, `null` is absent.

A model states three kinds of rules. Field types and limits are pydantic's. `exactly_one` and
`at_most_one` name fields that exclude each other, as data, so that the JSON Schema says the same.
`faults` is for the rest; it sees the mapping as it was written, so that its findings are reported
together with those of the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from reconciler.model.document import Path
from reconciler.schedule import duration

FAULT = "fault"
"""The pydantic error type of what we find ourselves; its context holds `path`, `what` and `fix`."""

Given = Mapping[str, object]
"""A mapping as the user wrote it, before any check, without fields that are null."""


def fault(
    what: str, *, at: Path = (), fix: str = "", is_in_value: bool = False
) -> PydanticCustomError:
    """Make a finding about the field at `at`, seen from the value that is being checked.

    It is placed at the key of the field: that it stands there is wrong. With `is_in_value` it is
    placed at the value.
    """
    context = {"path": at, "what": what, "fix": fix, "is_in_value": is_in_value}
    return PydanticCustomError(FAULT, "{what}", context)


class Shape(BaseModel):
    """A mapping of the language."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of fields (as written) of which one must be given, and no more."""

    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of fields (as written) that exclude each other."""

    name_pattern: ClassVar[str] = ""
    """What `metadata.name` must match as a whole, beyond what Kubernetes asks for."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset()
    """Fields (as written) where `null` says something else than absence."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Find what is wrong between fields; values may still be of any type."""
        del given
        yield from ()

    @classmethod
    def name_faults(cls, name: str, given: Given) -> Iterator[PydanticCustomError]:
        """Find what is wrong with `metadata.name`; `at` of a finding is seen from the document."""
        del name, given
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, dict):
            return handler(given)
        if None in given.values():
            fields = written_names(cls) - cls.cleared_by_null
            given = {
                key: value for key, value in given.items() if value is not None or key not in fields
            }
        found = [*_exclusions(cls, given), *cls.faults(given)]
        if not found:
            return handler(given)
        lines = [InitErrorDetails(type=one, input=None) for one in found]
        try:
            handler(given)
        except ValidationError as error:
            lines += [_again(line) for line in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(cls.__name__, lines)


def above_zero(given: Given, name: str) -> Iterator[PydanticCustomError]:
    """Refuse a duration of nothing; what is no duration at all is left to the field's pattern."""
    text = text_of(given, name)
    try:
        if text is not None and duration.parse(text) <= 0:
            what = f'"{text}" is not above zero'
            yield fault(what, at=(name,), fix="write 1s or more", is_in_value=True)
    except ValueError:
        return


def written_names(model: type[BaseModel]) -> set[str]:
    """Return the field names of a model as users write them."""
    return {written_name(model, attribute) for attribute in model.model_fields}


def written_name(model: type[BaseModel], attribute: str) -> str:
    """Return the name that users write for a field."""
    return model.model_fields[attribute].alias or attribute


def text_of(given: Given, name: str) -> str | None:
    """Return a field that is text, None when it is absent or of another type."""
    value = given.get(name)
    return value if isinstance(value, str) else None


def list_of(given: Given, name: str) -> list[object]:
    """Return a field that is a list, the empty list when it is absent or of another type."""
    value = given.get(name)
    return cast("list[object]", value) if isinstance(value, list) else []


def map_of(given: Given, name: str) -> Given:
    """Return a field that is a map, the empty map when it is absent or of another type."""
    value = given.get(name)
    return cast("Given", value) if isinstance(value, dict) else {}


def _exclusions(model: type[Shape], given: Given) -> Iterator[PydanticCustomError]:
    for group in model.exactly_one:
        if not any(name in given for name in group):
            yield fault(f"needs {_either(group)}", fix="add one of them")
    for group in (*model.exactly_one, *model.at_most_one):
        first, *others = [name for name in given if name in group] or [""]
        for other in others:
            yield fault(
                f"excludes {first}, which is given too", at=(other,), fix="keep one of the two"
            )


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _again(line: Any) -> InitErrorDetails:
    context = line.get("ctx", {})
    kind = line["type"]
    return InitErrorDetails(
        type=PydanticCustomError(kind, "{what}", context) if kind == FAULT else kind,
        loc=line["loc"],
        input=line.get("input"),
        ctx=context,
    )
