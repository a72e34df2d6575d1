"""What lists of Flyte 2 share, tried on triggers and tasks: limits, tokens, filters, sort keys."""

from __future__ import annotations

import flyte2_messages as make
import pytest
from contract_kit import settle
from flyte2_client import Client
from flyteidl2.trigger import trigger_service_pb2

Filter = make.Filter
NAMES = ("alpha", "beta", "gamma")


@pytest.fixture
async def three(flyte2: Client, task: str) -> str:
    """The project, with the triggers alpha and gamma, inactive, and beta, active."""
    await flyte2.ok("DeployTrigger", make.trigger(task, "alpha", active=False))
    await settle()
    await flyte2.ok("DeployTrigger", make.trigger(task, "beta", task_version="v2"))
    await settle()
    none = make.trigger(task, "gamma", active=False)
    none.ClearField("automation_spec")
    await flyte2.ok("DeployTrigger", none)
    return task


async def listed(flyte2: Client, owner: str, **rest: object) -> list[str]:
    answer = await flyte2.ok("ListTriggers", make.triggers(owner, **rest))
    return [one.id.name.name for one in answer.triggers]


async def test_list_of_triggers_shows_no_spec(flyte2: Client, trigger: str) -> None:
    (one,) = (await flyte2.ok("ListTriggers", make.triggers(trigger))).triggers
    assert (one.id.revision, one.active, one.automation_spec) == (1, True, make.cron())
    assert not one.HasField("metadata")


async def test_t29_default_order_is_active_then_last_switched(flyte2: Client, three: str) -> None:
    assert await listed(flyte2, three) == ["beta", "gamma", "alpha"]
    await flyte2.ok("UpdateTriggers", make.switch(three, "beta", active=False))
    assert await listed(flyte2, three) == ["beta", "gamma", "alpha"]
    await flyte2.ok("UpdateTriggers", make.switch(three, "alpha", active=True))
    assert await listed(flyte2, three) == ["alpha", "beta", "gamma"]


async def test_list_is_sorted_by_several_keys(flyte2: Client, three: str) -> None:
    order = [make.by("active"), make.by("name", make.DESCENDING)]
    assert await listed(flyte2, three, sort_by_fields=order) == ["gamma", "alpha", "beta"]


async def test_sort_key_is_descending_by_default(flyte2: Client, three: str) -> None:
    assert await listed(flyte2, three, sort_by=make.by("name", 0)) == ["gamma", "beta", "alpha"]


async def test_old_sort_key_gives_way_to_the_new_ones(flyte2: Client, three: str) -> None:
    rest = {"sort_by": make.by("unknown"), "sort_by_fields": [make.by("name")]}
    assert await listed(flyte2, three, **rest) == list(NAMES)


async def test_unknown_sort_key_is_refused_in_flyte2(flyte2: Client, three: str) -> None:
    for key in ("spec", ""):
        request = make.triggers(three, sort_by_fields=[make.by(key)])
        refusal = await flyte2.refused("ListTriggers", request)
        assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f"invalid sort field: {key}")


async def test_pages_of_a_full_list_end_with_an_empty_one(flyte2: Client, three: str) -> None:
    seen, token, tokens = [], "", []
    while True:
        request = make.triggers(three, limit=1, token=token, sort_by_fields=[make.by("name")])
        answer = await flyte2.ok("ListTriggers", request)
        seen += [one.id.name.name for one in answer.triggers]
        token = answer.token
        tokens.append(token)
        if not token:
            break
    assert seen == list(NAMES)
    assert tokens == ["1", "2", "3", ""]


async def test_t29_limit_is_at_most_200(flyte2: Client, three: str) -> None:
    assert len(await listed(flyte2, three, limit=200)) == 3
    refusal = await flyte2.refused("ListTriggers", make.triggers(three, limit=201))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == "invalid limit: 201 (exceeds maximum of 200)"


async def test_limit_of_zero_is_50(flyte2: Client, task: str) -> None:
    flyte2.do_not_record()  # many calls that say little
    for number in range(51):
        await flyte2.ok("DeployTrigger", make.trigger(task, f"t{number:02}", active=False))
    answer = await flyte2.ok("ListTriggers", make.triggers(task))
    assert (len(answer.triggers), answer.token) == (50, "50")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("-1", id="minus"),
        pytest.param("one", id="word"),
        pytest.param("1.5", id="fraction"),
        pytest.param(" 1", id="space"),
    ],
)
async def test_token_that_is_no_offset_is_refused_in_flyte2(
    flyte2: Client, three: str, token: str
) -> None:
    refusal = await flyte2.refused("ListTriggers", make.triggers(three, token=token))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f'invalid token: "{token}"')


@pytest.mark.parametrize(
    ("field", "function", "values", "found"),
    [
        pytest.param("name", Filter.EQUAL, ["beta"], "b", id="equal"),
        pytest.param("name", Filter.NOT_EQUAL, ["beta"], "ag", id="not_equal"),
        pytest.param("name", Filter.GREATER_THAN, ["beta"], "g", id="greater"),
        pytest.param("name", Filter.GREATER_THAN_OR_EQUAL, ["beta"], "bg", id="greater_or_equal"),
        pytest.param("name", Filter.LESS_THAN, ["beta"], "a", id="less"),
        pytest.param("name", Filter.LESS_THAN_OR_EQUAL, ["beta"], "ab", id="less_or_equal"),
        pytest.param("name", Filter.CONTAINS, ["a"], "abg", id="contains"),
        pytest.param("name", Filter.CONTAINS, ["BET"], "", id="contains_case"),
        pytest.param(
            "name", Filter.CONTAINS_CASE_INSENSITIVE, ["BET"], "b", id="contains_any_case"
        ),
        pytest.param("name", Filter.CONTAINS, ["a%a"], "ag", id="contains_wildcard"),
        pytest.param("name", Filter.ENDS_WITH, ["ta"], "b", id="ends_with"),
        pytest.param("name", Filter.NOT_ENDS_WITH, ["ta"], "ag", id="not_ends_with"),
        pytest.param("name", Filter.VALUE_IN, ["alpha", "gamma"], "ag", id="value_in"),
        pytest.param("name", Filter.CONTAINS, ["a", "b"], "", id="contains_two"),
        pytest.param("active", Filter.EQUAL, ["true"], "b", id="active"),
        pytest.param("active", Filter.EQUAL, ["F"], "ag", id="inactive"),
        pytest.param("active", Filter.VALUE_IN, ["yes", "no"], "abg", id="active_in"),
        pytest.param("automation_type", Filter.EQUAL, ["TYPE_NONE"], "g", id="type"),
        pytest.param("task_version", Filter.EQUAL, ["v2"], "b", id="version"),
        pytest.param(
            "deployed_at", Filter.GREATER_THAN, ["2020-01-01T00:00:00Z"], "abg", id="time"
        ),
        pytest.param("updated_at", Filter.LESS_THAN, ["2020-01-01"], "", id="day"),
    ],
)
async def test_triggers_are_filtered(
    flyte2: Client, three: str, field: str, function: int, values: list[str], found: str
) -> None:
    filters = [make.where(field, function, *values)]
    names = await listed(flyte2, three, filters=filters, sort_by_fields=[make.by("name")])
    assert [name[0] for name in names] == list(found)


async def test_filters_are_joined_by_and(flyte2: Client, three: str) -> None:
    filters = [make.where("name", Filter.CONTAINS, "a"), make.where("active", Filter.EQUAL, "t")]
    assert await listed(flyte2, three, filters=filters) == ["beta"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(
            make.where("spec", Filter.EQUAL, "a"), "invalid filter field: spec", id="field"
        ),
        pytest.param(
            make.where("name", Filter.VALUE_NOT_IN, "a"),
            "unsupported filter function: VALUE_NOT_IN",
            id="not_in",
        ),
        pytest.param(
            make.where("name", Filter.EXISTS, "a"),
            "unsupported filter function: EXISTS",
            id="exists",
        ),
        pytest.param(make.where("name", Filter.EQUAL), "filter name has no values", id="no_values"),
    ],
)
async def test_filter_outside_the_grammar_is_refused_in_flyte2(
    flyte2: Client, three: str, given: Filter, text: str
) -> None:
    refusal = await flyte2.refused("ListTriggers", make.triggers(three, filters=[given]))
    assert (refusal.code, refusal.text) == (
        "INVALID_ARGUMENT",
        f"failed to convert filters: {text}",
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(make.where("name", Filter.VALUE_IN, "a"), id="value_in_one"),
        pytest.param(make.where("name", Filter.EQUAL, "a", "b"), id="equal_two"),
        pytest.param(make.where("active", Filter.EQUAL, "maybe"), id="boolean"),
        pytest.param(make.where("active", Filter.EQUAL, "o"), id="boolean_in_doubt"),
        pytest.param(make.where("active", Filter.CONTAINS, "t"), id="pattern"),
        pytest.param(make.where("active", Filter.CONTAINS_CASE_INSENSITIVE, "t"), id="lower"),
        pytest.param(make.where("deployed_at", Filter.EQUAL, "soon"), id="time"),
    ],
)
async def test_value_that_the_database_refuses_is_an_internal_error(
    flyte2: Client, three: str, given: Filter
) -> None:
    refusal = await flyte2.refused("ListTriggers", make.triggers(three, filters=[given]))
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed to list triggers: ")


@pytest.mark.parametrize("field", ["total_triggers", "active_triggers"])
async def test_count_is_compared_as_a_number(flyte2: Client, three: str, field: str) -> None:
    number = [make.where(field, Filter.LESS_THAN, "10")]
    assert len((await flyte2.ok("ListTasks", make.tasks(three, filters=number))).tasks) == 1
    for value in ("many", "99999999999"):
        wrong = [make.where(field, Filter.EQUAL, value)]
        refusal = await flyte2.refused("ListTasks", make.tasks(three, filters=wrong))
        assert refusal.code == "INTERNAL"
        assert refusal.text.startswith("failed to list tasks: ERROR: ")


async def test_task_version_is_a_scope_of_triggers(flyte2: Client, three: str) -> None:
    request = trigger_service_pb2.ListTriggersRequest(
        task_id=make.task_id(three, "v2"), request=make.listing()
    )
    answer = await flyte2.ok("ListTriggers", request)
    assert [one.id.name.name for one in answer.triggers] == ["beta"]


async def test_organisation_is_no_scope_of_triggers(flyte2: Client, three: str) -> None:
    own = [make.where("project", Filter.EQUAL, three), make.where("name", Filter.EQUAL, "beta")]
    for scope in ({"org": "acme"}, {}):
        request = trigger_service_pb2.ListTriggersRequest(
            request=make.listing(filters=own), **scope
        )
        answer = await flyte2.ok("ListTriggers", request)
        assert [one.id.name.name for one in answer.triggers] == ["beta"]


async def test_t29_list_sorted_by_name_pages_without_loss(flyte2: Client, three: str) -> None:
    seen, token = [], ""
    for name in NAMES:
        # A switch moves a row in the default order.
        await flyte2.ok("UpdateTriggers", make.switch(three, name, active=name != "beta"))
        request = make.triggers(three, limit=2, token=token, sort_by_fields=[make.by("name")])
        answer = await flyte2.ok("ListTriggers", request)
        seen += [one.id.name.name for one in answer.triggers]
        token = answer.token
        if not token:
            break
    assert seen == list(NAMES)
