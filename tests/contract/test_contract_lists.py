"""Lists: filters, sort keys, limits, tokens."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2

VERSIONS = ("v1", "v10", "v2", "w1")


@pytest.fixture
async def plans(flyte1: Client, workflow: str) -> str:
    """Four versions of `p`, the second with a cron, the third with a rate, and one of `q`."""
    for number, version in enumerate(VERSIONS):
        metadata = {1: make.cron("0 6 * * *"), 2: make.rate(5)}.get(number)
        request = make.launch_plan(workflow, version=version, entity_metadata=metadata)
        await flyte1.ok("CreateLaunchPlan", request)
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, "q", "x"))
    await flyte1.ok("UpdateLaunchPlan", make.state(workflow, version="v2", active=True))
    return workflow


async def versions(flyte1: Client, owner: str, name: str = "p", **rest: object) -> list[str]:
    answer = await flyte1.ok("ListLaunchPlans", make.listing(owner, name, **rest))
    return [one.id.version for one in answer.launch_plans]


FILTERS = {
    "equal": ("eq(version,v2)", ["v2"]),
    "not_equal": ("ne(version,v2)", ["v1", "v10", "w1"]),
    "one_of": ("value_in(version,v1;w1;zz)", ["v1", "w1"]),
    "one_of_one": ("value_in(version,v1)", ["v1"]),
    "none_of": ("value_not_in(version,v1;w1)", ["v10", "v2"]),
    "contains": ("contains(version,1)", ["v1", "v10", "w1"]),
    "contains_any_character": ("contains(version,v_)", ["v1", "v10", "v2"]),
    "contains_is_case_sensitive": ("contains(version,V)", []),
    "not_like": ("not_like(version,v%)", ["w1"]),
    "greater": ("gt(version,v10)", ["v2", "w1"]),
    "at_least": ("gte(version,v10)", ["v10", "v2", "w1"]),
    "less": ("lt(version,v10)", ["v1"]),
    "at_most": ("lte(version,v10)", ["v1", "v10"]),
    "range": ("gte(version,v)+lt(version,w)", ["v1", "v10", "v2"]),
    "active": ("eq(state,1)", ["v2"]),
    "scheduled": ("ne(schedule_type,NONE)", ["v10", "v2"]),
    "cron": ("eq(schedule_type,CRON)", ["v10"]),
    "space_after_comma": ("eq(version, v2)", ["v2"]),
    "two": ("eq(state,0)+contains(version,1)", ["v1", "v10", "w1"]),
    "workflow_name": ("eq(workflow.name,w)", list(VERSIONS)),
    "other_workflow": ("eq(workflow.name,z)", []),
    "workflow_and_own_column": ("eq(workflow.version,v1)+eq(version,v2)", ["v2"]),
    "own_prefix": ("eq(launch_plan.version,v2)", ["v2"]),
    "contains_a_list": ("contains(version,v1;v2)", []),
    "bytes": ("eq(spec,x)", []),
    "time": ("gte(created_at,2020-01-01T00:00:00Z)", list(VERSIONS)),
    "time_ahead": ("gte(created_at,2999-01-01T00:00:00Z)", []),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_filter_finds(flyte1: Client, plans: str, name: str) -> None:
    text, expected = FILTERS[name]
    assert await versions(flyte1, plans, filters=text) == expected


REFUSED = {
    "not_a_call": ("version", "invalid value for filters"),
    "no_value": ("eq(version)", "invalid value for filters"),
    "empty_value": ("eq(version,)", "invalid value for filters"),
    "unknown_function": ("like(version,v1)", "unrecognized filter function: like"),
    "unknown_column": ("eq(verzion,v1)", "'l.verzion' is invalid filter"),
    "camel_case": ("eq(createdAt,v1)", "'l.createdAt' is invalid filter"),
    "other_entity": ("eq(task.name,t)", "'t' entity is not allowed in filters"),
    "trailing_plus": ("eq(version,v1)+", "invalid value for filters"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_filter_is_refused(flyte1: Client, plans: str, name: str) -> None:
    text, expected = REFUSED[name]
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(plans, filters=text))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", expected)


UNKNOWN = {
    "word_for_a_number": "eq(state,active)",
    "word_for_a_time": "gte(created_at,yesterdayish)",
    "list_for_one": "eq(version,a;b)",
    "pattern_of_a_number": "contains(state,1)",
    "number_out_of_range": "eq(state,9999999999)",
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_filter_that_the_database_cannot_run_is_unknown(
    flyte1: Client, plans: str, name: str
) -> None:
    request = make.listing(plans, filters=UNKNOWN[name])
    refusal = await flyte1.refused("ListLaunchPlans", request)
    assert refusal.code == "UNKNOWN"
    assert refusal.text.startswith("failed database operation with ")


async def test_grammar_is_checked_before_the_database_is_asked(flyte1: Client, plans: str) -> None:
    request = make.listing(plans, filters="eq(state,active)+eq(verzion,v1)")
    refusal = await flyte1.refused("ListLaunchPlans", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "'l.verzion' is invalid filter")


async def test_last_comma_separates_field_and_value(flyte1: Client, plans: str) -> None:
    request = make.listing(plans, filters="eq(version,a,b)")
    refusal = await flyte1.refused("ListLaunchPlans", request)
    assert refusal.text == "'l.version,a' is invalid filter"


async def test_many_values_are_found_in_one_call(flyte1: Client, plans: str) -> None:
    many = ";".join(f"n{number}" for number in range(5000))
    assert await versions(flyte1, plans, filters=f"value_in(version,{many};v2)") == ["v2"]


async def test_list_is_sorted_ascending(flyte1: Client, plans: str) -> None:
    assert await versions(flyte1, plans, sort_by=make.by("version")) == ["v1", "v10", "v2", "w1"]


async def test_list_is_sorted_descending(flyte1: Client, plans: str) -> None:
    order = make.by("version", descending=True)
    assert await versions(flyte1, plans, sort_by=order) == ["w1", "v2", "v10", "v1"]


async def test_direction_defaults_to_descending(flyte1: Client, plans: str) -> None:
    found = await versions(flyte1, plans, sort_by=common_pb2.Sort(key="created_at"))
    assert found == ["w1", "v2", "v10", "v1"]


async def test_unknown_sort_key_is_refused(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(plans, sort_by=make.by("zz")))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid sort key 'zz'")


async def test_empty_sort_key_is_refused(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(plans, sort_by=make.by("")))
    assert refusal.text == "invalid sort key ''"


async def test_full_page_has_a_token_even_when_it_is_the_last(flyte1: Client, plans: str) -> None:
    answer = await flyte1.ok("ListLaunchPlans", make.listing(plans, "p", limit=4))
    assert (len(answer.launch_plans), answer.token) == (4, "4")
    after = await flyte1.ok("ListLaunchPlans", make.listing(plans, "p", limit=4, token="4"))
    assert (len(after.launch_plans), after.token) == (0, "")


async def test_token_is_an_offset(flyte1: Client, plans: str) -> None:
    assert await versions(flyte1, plans, token="3", limit=2) == ["w1"]


async def test_token_may_have_a_plus_sign(flyte1: Client, plans: str) -> None:
    assert await versions(flyte1, plans, token="+3", limit=2) == ["w1"]


@pytest.mark.parametrize("token", ["x", "-1", "1.5"], ids=["word", "minus", "fraction"])
async def test_token_that_is_no_offset_is_refused(flyte1: Client, plans: str, token: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(plans, token=token))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == f"invalid pagination token {token} for ListLaunchPlans"


async def test_limit_of_zero_is_refused(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(plans, limit=0))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid value for limit")


async def test_large_limit_is_accepted(flyte1: Client, plans: str) -> None:
    assert len(await versions(flyte1, plans, limit=100_000)) == 4


async def test_list_without_an_identifier_is_refused(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlans", common_pb2.ResourceListRequest(limit=1))
    assert refusal.text == "missing id"


async def test_list_needs_a_domain(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlans", make.listing(plans, domain=""))
    assert refusal.text == "missing domain"


async def test_list_of_an_unknown_project_is_empty(flyte1: Client) -> None:
    assert await versions(flyte1, flyte1.project, "") == []


async def test_list_without_a_name_is_of_all_names(flyte1: Client, plans: str) -> None:
    assert await versions(flyte1, plans, "") == [*VERSIONS, "x"]


def names(owner: str, **rest: object) -> common_pb2.NamedEntityIdentifierListRequest:
    rest.setdefault("limit", 10)
    rest.setdefault("domain", make.DOMAIN)
    rest.setdefault("sort_by", make.by("name"))
    return common_pb2.NamedEntityIdentifierListRequest(project=owner, **rest)


async def test_names_ignore_filters(flyte1: Client, plans: str) -> None:
    answer = await flyte1.ok("ListLaunchPlanIds", names(plans, filters="eq(name,q)"))
    assert [one.name for one in answer.entities] == ["p", "q"]


async def test_launch_plan_names_need_no_domain(flyte1: Client, plans: str) -> None:
    answer = await flyte1.ok("ListLaunchPlanIds", names(plans, domain=""))
    assert [one.name for one in answer.entities] == ["p", "q"]


async def test_launch_plan_names_need_a_project_or_a_domain(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlanIds", names("", domain=""))
    assert refusal.text == "missing and/or invalid parameters: filters"


async def test_launch_plan_names_need_a_limit(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListLaunchPlanIds", names(plans, limit=0))
    assert refusal.text == "missing and/or invalid parameters: limit"


@pytest.mark.parametrize("method", ["ListTaskIds", "ListWorkflowIds"])
async def test_other_names_need_domain_and_limit(flyte1: Client, plans: str, method: str) -> None:
    assert (await flyte1.refused(method, names(plans, domain=""))).text == "missing domain"
    assert (await flyte1.refused(method, names(plans, limit=0))).text == "invalid value for limit"


async def test_names_cannot_be_sorted_by_time(flyte1: Client, plans: str) -> None:
    request = names(plans, sort_by=make.by("created_at"))
    assert (await flyte1.refused("ListLaunchPlanIds", request)).code == "UNKNOWN"


async def test_names_are_listed_in_pages(flyte1: Client, plans: str) -> None:
    first = await flyte1.ok("ListLaunchPlanIds", names(plans, limit=1))
    assert ([one.name for one in first.entities], first.token) == (["p"], "1")
    second = await flyte1.ok("ListLaunchPlanIds", names(plans, limit=1, token="1"))
    assert [one.name for one in second.entities] == ["q"]


async def test_t17_list_sorted_by_id_pages_without_loss(flyte1: Client, plans: str) -> None:
    seen, token = [], ""
    for version in ("v1", "v10", "w1"):
        # Activations rewrite rows, which moves them in an unsorted list of a real server.
        await flyte1.ok("UpdateLaunchPlan", make.state(plans, version=version, active=True))
        request = make.listing(plans, "p", limit=2, token=token)
        answer = await flyte1.ok("ListLaunchPlans", request)
        seen += [one.id.version for one in answer.launch_plans]
        token = answer.token
    assert seen == list(VERSIONS)
