"""The rules of Flyte 2's messages: a write that breaks one is not sent.

What we read of the rules is compared with the library that is made for them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import Any

import protovalidate
import pytest
from backends_servers import FlyteServer
from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.secret import payload_pb2 as secret_pb2
from flyteidl2.task import run_pb2
from flyteidl2.trigger import trigger_service_pb2

from reconciler.backends.flyte2 import channel, methods, rules
from reconciler.backends.wire.method import Effect, Method
from reconciler.errors import BackendError

NAME = {"project": "p", "domain": "d", "task_name": "t", "name": "n"}
TRIGGER = trigger_service_pb2.DeployTriggerRequest(name=NAME, spec={"task_version": "v" * 64})


async def answer(_request: Any, _context: Any) -> Any:
    return trigger_service_pb2.DeployTriggerResponse()


async def test_write_that_breaks_a_rule_is_not_sent(flyte: FlyteServer) -> None:
    flyte.on(methods.DEPLOY_TRIGGER, answer)
    async with channel.connect(flyte.settings(), read_only=False) as opened:
        with pytest.raises(
            BackendError, match=r"spec\.task_version: must have at most 63"
        ) as caught:
            await opened.call(methods.DEPLOY_TRIGGER, TRIGGER)
        assert not flyte.calls

        kept = trigger_service_pb2.DeployTriggerRequest(name=NAME, spec={"task_version": "v" * 63})
        await opened.call(methods.DEPLOY_TRIGGER, kept)

    assert caught.value.code == "INVALID_ARGUMENT", "as a hosted Flyte says it"
    assert flyte.calls == {"TriggerService.DeployTrigger": 1}


async def test_reads_are_left_to_the_server(flyte: FlyteServer) -> None:
    async def details(_request: Any, _context: Any) -> Any:
        return trigger_service_pb2.GetTriggerDetailsResponse()

    flyte.on(methods.GET_TRIGGER_DETAILS, details)
    request = trigger_service_pb2.GetTriggerDetailsRequest(name={**NAME, "name": "n" * 256})
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        await opened.call(methods.GET_TRIGGER_DETAILS, request)

    assert flyte.calls == {"TriggerService.GetTriggerDetails": 1}


def test_organisation_is_not_asked_for() -> None:
    name = identifier_pb2.TriggerName(**NAME)
    project = identifier_pb2.ProjectIdentifier(name="p", domain="d")

    assert rules.broken(name) == rules.broken(project) == ()
    assert rules.broken(identifier_pb2.TriggerName(**{**NAME, "domain": ""})) == (
        "domain: must have 1 characters or more",
    )


def test_rules_of_lists_and_of_expressions_are_kept_too() -> None:
    paused, failed = phase_pb2.ACTION_PHASE_PAUSED, phase_pb2.ACTION_PHASE_FAILED
    rule = run_pb2.InlineRule(on_phases=[paused, failed], delivery_config_name="known")
    found = rules.broken(run_pb2.InlineRuleList(rules=[rule, rule]))

    assert [text.partition(":")[0] for text in found] == ["rules[0]", "rules[1]"]
    assert "ACTION_PHASE_PAUSED must not subscribe" in found[0]


WRITES = [method for method in methods.TABLE.values() if method.effect is Effect.WRITE]


@pytest.mark.parametrize("method", WRITES, ids=lambda method: str(method.name))
def test_every_rule_of_a_write_is_one_that_we_read(method: Method[Any, Any]) -> None:
    assert rules.unread(method.request.DESCRIPTOR) == frozenset()


@pytest.mark.parametrize("method", WRITES, ids=lambda method: str(method.name))
def test_what_breaks_is_what_the_library_says(method: Method[Any, Any]) -> None:
    found = random.Random(method.name)
    compared = 0
    for _ in range(120):
        request = method.request()
        fill(request, found, depth=6)
        try:
            expected = set(library(request))
        except protovalidate.EvaluationError:
            continue  # it cannot read an expression that names a value of an enum
        assert {path(text) for text in rules.broken(request)} == expected, request
        compared += 1
    assert compared > 30


def library(request: Any) -> Iterable[str]:
    for violation in protovalidate.collect_violations(request):
        names = [element.field_name for element in violation.proto.field.elements]
        if not names or names[-1] not in rules.NOT_HELD:
            yield ".".join(names)


def path(text: str) -> str:
    where = text.partition(": ")[0]
    return re.sub(r"\[\d+\]", "", "" if where == "request" else where)


TEXTS = ("", "a", "a b", "name-1", "x" * 31, "x" * 64, "x" * 256)


def fill(message: Any, chosen: random.Random, *, depth: int) -> None:
    """Set some fields to values that are within rules, at their edges and beyond."""
    for field in message.DESCRIPTOR.fields:
        inner = field.message_type
        if chosen.random() < 0.4 or (inner is not None and depth == 0):
            continue
        value = getattr(message, field.name)
        if inner is not None and inner.GetOptions().map_entry:
            if inner.fields_by_name["value"].message_type is None:
                value.update(pairs(inner, chosen))
        elif inner is not None and field.has_presence:
            value.SetInParent()
            fill(value, chosen, depth=depth - 1)
        elif inner is not None:
            for _ in range(chosen.randrange(3)):
                fill(value.add(), chosen, depth=depth - 1)
        elif isinstance(value, str | bytes | bool | int | float):
            setattr(message, field.name, scalar(field, chosen))
        else:
            value.extend(scalar(field, chosen) for _ in range(chosen.randrange(3)))


def pairs(entry: Any, chosen: random.Random) -> dict[Any, Any]:
    key, value = (entry.fields_by_name[name] for name in ("key", "value"))
    return {scalar(key, chosen): scalar(value, chosen) for _ in range(chosen.randrange(30))}


def scalar(field: Any, chosen: random.Random) -> Any:
    match field.cpp_type:
        case field.CPPTYPE_STRING:
            text = chosen.choice(TEXTS) + chosen.choice(("", str(chosen.randrange(99))))
            return text.encode()[:16] if field.type == field.TYPE_BYTES else text
        case field.CPPTYPE_BOOL:
            return chosen.random() < 0.5
        case field.CPPTYPE_ENUM:
            return chosen.choice([*field.enum_type.values_by_number])
        case _:
            return chosen.randrange(3)


def test_no_value_is_repeated() -> None:
    request = secret_pb2.CreateSecretRequest(
        id={"name": "pasted s3cr3t"}, secret_spec={"string_value": "s3cr3t"}
    )

    assert "s3cr3t" not in str(rules.broken(request))
    assert rules.broken(request), "the name has a blank"
