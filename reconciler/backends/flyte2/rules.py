"""The rules that Flyte 2's messages carry, checked here before a write is sent.

The open-source manager 2.0.43 checks none of them: it stores what they forbid, and stops or fails
on some of it later. A hosted Flyte refuses with INVALID_ARGUMENT. See ADR 0012.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from buf.validate import validate_pb2
from google.protobuf.duration_pb2 import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

NOT_HELD: Final[Mapping[str, str]] = {
    "org": "the open-source server has no organisations, and a hosted one knows who calls",
    "organization": "as org",
}
"""Fields whose rules are not ours to keep, and why."""

_PAUSED = 9


def _matches(text: str, pattern: str) -> bool:
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def _size(value: Any) -> Any:
    """Make durations comparable too."""
    return value.ToTimedelta() if isinstance(value, Duration) else value


_FORMS: Final[Mapping[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "gt": (operator.gt, "must be greater than {}"),
    "gte": (operator.ge, "must be {} or more"),
    "in": (lambda value, allowed: value in allowed, "must be one of {}"),
    "len": (lambda value, length: len(value) == length, "must have a length of {}"),
    "max_items": (lambda value, most: len(value) <= most, "must have at most {} entries"),
    "max_pairs": (lambda value, most: len(value) <= most, "must have at most {} entries"),
    "max_len": (lambda value, most: len(value) <= most, "must have at most {} characters"),
    "min_items": (lambda value, least: len(value) >= least, "must have {} entries or more"),
    "min_len": (lambda value, least: len(value) >= least, "must have {} characters or more"),
    "not_in": (lambda value, refused: value not in refused, "must not be one of {}"),
    "pattern": (_matches, "must match {}"),
    "unique": (lambda value, _: len(set(value)) == len(value), "must not hold an entry twice"),
}
"""The forms of rules on values that the messages use: what holds, and what is said otherwise."""

_INSIDE: Final[Mapping[str, Callable[[Any], Iterable[Any]]]] = {
    "items": lambda value: value,
    "keys": lambda value: value.keys(),
    "values": lambda value: value.values(),
}
"""The forms that are rules on what a list or a map holds."""

EXPRESSIONS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "at_least_one_required": lambda each: each.HasField("webhook") or each.HasField("email"),
    "backoff.cap_required_when_factor_gt_1": lambda each: each.factor <= 1 or each.HasField("cap"),
    "paused_rule_exclusive": lambda each: _PAUSED not in each.on_phases or len(each.on_phases) == 1,
    "queue_identifier.domain_project_combination": lambda each: each.domain or not each.project,
    "relation_type.greater_than_zero": lambda value: value > 0,
    "reuse_policy.replica_bounds": lambda each: each.max_replicas >= each.min_replicas,
}
"""The rules that are expressions over a message or a value, by their ids."""


def broken(request: Message) -> tuple[str, ...]:
    """Say which rules a request breaks, as `path: rule`; never with a value of the request."""
    return tuple(f"{path or 'request'}: {said}" for path, said in _broken(request, ""))


def unread(kind: Descriptor) -> frozenset[str]:
    """Name the forms of rules of a message, and of what it can hold, that no table here has."""
    known = {"required", "defined_only", *_FORMS, *(f"cel {name}" for name in EXPRESSIONS)}
    found: set[str] = set()
    for each in _reach(kind):
        own = _rules_of(each)
        found |= {f"cel {expression.id}" for expression in own.expressions}
        for _, rules in own.fields:
            found |= set(_names(rules))
    return frozenset(found - known)


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of one message, and those of its fields whose messages have rules of their own."""

    fields: tuple[tuple[FieldDescriptor, Any], ...]
    choices: tuple[str, ...]
    expressions: tuple[Any, ...]
    inner: tuple[FieldDescriptor, ...]


@cache
def _rules_of(kind: Descriptor) -> _Rules:
    return _Rules(
        fields=tuple(
            (field, field.GetOptions().Extensions[validate_pb2.field])
            for field in kind.fields
            if field.name not in NOT_HELD and field.GetOptions().HasExtension(validate_pb2.field)
        ),
        choices=tuple(
            choice.name
            for choice in kind.oneofs
            if choice.GetOptions().Extensions[validate_pb2.oneof].required
        ),
        expressions=tuple(kind.GetOptions().Extensions[validate_pb2.message].cel),
        inner=tuple(
            field
            for field in kind.fields
            if field.message_type is not None
            and any(_has_own(each) for each in _reach(field.message_type))
        ),
    )


def _reach(kind: Descriptor) -> Iterable[Descriptor]:
    """List a kind of message and all that it can hold."""
    found = {kind.full_name: kind}
    stack = [kind]
    while stack:
        for field in stack.pop().fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in found:
                found[inner.full_name] = inner
                stack.append(inner)
    return found.values()


def _has_own(kind: Descriptor) -> bool:
    return (
        kind.GetOptions().HasExtension(validate_pb2.message)
        or any(choice.GetOptions().HasExtension(validate_pb2.oneof) for choice in kind.oneofs)
        or any(field.GetOptions().HasExtension(validate_pb2.field) for field in kind.fields)
    )


def _broken(message: Any, path: str) -> Iterator[tuple[str, str]]:
    own = _rules_of(message.DESCRIPTOR)
    yield from ((path, said) for said in _of_expressions(message, own.expressions))
    for choice in own.choices:
        if message.WhichOneof(choice) is None:
            yield f"{path}.{choice}".lstrip("."), "must be given"
    for field, rules in own.fields:
        for said in _of_field(message, field, rules):
            yield f"{path}.{field.name}".lstrip("."), said
    for field in own.inner:
        value = getattr(message, field.name)
        where = f"{path}.{field.name}".lstrip(".")
        if not field.has_presence:
            for index, item in enumerate(_items(field, value)):
                yield from _broken(item, f"{where}[{index}]")
        elif message.HasField(field.name):
            yield from _broken(value, where)


def _items(field: FieldDescriptor, value: Any) -> Iterator[Any]:
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    yield from value.values() if is_map else value


def _of_field(message: Any, field: FieldDescriptor, rules: Any) -> Iterator[str]:
    if field.has_presence:
        is_there = message.HasField(field.name)
    else:
        is_there = bool(getattr(message, field.name))
    if rules.required and not is_there:
        yield "must be given"
    elif is_there or not field.has_presence:
        yield from _of_value(getattr(message, field.name), field, rules)


def _of_expressions(value: Any, expressions: Iterable[Any]) -> Iterator[str]:
    for expression in expressions:
        holds = EXPRESSIONS.get(expression.id)
        if holds is not None and not holds(value):
            yield expression.message


def _of_value(value: Any, field: FieldDescriptor, rules: Any) -> Iterator[str]:
    yield from _of_expressions(value, rules.cel)
    kind = rules.WhichOneof("type")
    if kind is None:
        return
    for form, bound in getattr(rules, kind).ListFields():
        if form.name in _INSIDE:
            for item in _INSIDE[form.name](value):
                yield from _of_value(item, field, bound)
        elif form.name == "defined_only":
            if field.enum_type is not None and value not in field.enum_type.values_by_number:
                yield "must be a value that the enum has"
        elif form.name in _FORMS:
            holds, said = _FORMS[form.name]
            if not holds(_size(value), _size(bound)):
                yield said.format(_size(bound))


def _names(rules: Any) -> Iterator[str]:
    """Name the forms in the rules of a field."""
    yield from (f"cel {expression.id}" for expression in rules.cel)
    kind = rules.WhichOneof("type")
    yield from (part.name for part, _ in rules.ListFields() if part.name not in {kind, "cel"})
    if kind is None:
        return
    for form, bound in getattr(rules, kind).ListFields():
        if form.name in _INSIDE:
            yield from _names(bound)
        else:
            yield form.name
