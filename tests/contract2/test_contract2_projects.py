"""Projects of Flyte 2."""

from __future__ import annotations

import flyte2_messages as make
import pytest
from flyte2_client import Client
from flyteidl2.project import project_service_pb2 as wire
from flyteidl2.task import run_pb2

ARCHIVED = wire.PROJECT_STATE_ARCHIVED


def change(identifier: str, **rest: object) -> wire.UpdateProjectRequest:
    return wire.UpdateProjectRequest(project=wire.Project(id=identifier, **rest))


def labels(**values: str) -> run_pb2.Labels:
    return run_pb2.Labels(values=values)


async def fetch(flyte2: Client, name: str) -> wire.Project:
    return (await flyte2.ok("GetProject", wire.GetProjectRequest(id=name))).project


async def listed(flyte2: Client, **rest: object) -> list[str]:
    answer = await flyte2.ok("ListProjects", wire.ListProjectsRequest(**rest))
    return [one.id for one in answer.projects.projects if one.id.startswith(flyte2.project)]


async def test_new_project_is_active_with_the_domains_of_the_server(
    flyte2: Client, project: str
) -> None:
    found = await fetch(flyte2, project)
    assert found.state == wire.PROJECT_STATE_ACTIVE
    assert [one.id for one in found.domains] == ["development", "production", "staging"]
    assert [one.name for one in found.domains] == ["Development", "Production", "Staging"]


async def test_project_keeps_what_it_was_created_with(flyte2: Client) -> None:
    body = make.project(
        flyte2.project, name="Shown", description="what it is", labels=labels(team="a")
    )
    await flyte2.ok("CreateProject", body)
    found = await fetch(flyte2, flyte2.project)
    assert (found.name, found.description) == ("Shown", "what it is")
    assert dict(found.labels.values) == {"team": "a"}


async def test_project_can_be_created_archived(flyte2: Client) -> None:
    await flyte2.ok("CreateProject", make.project(flyte2.project, state=ARCHIVED))
    assert (await fetch(flyte2, flyte2.project)).state == ARCHIVED


async def test_organisation_is_not_kept(flyte2: Client) -> None:
    await flyte2.ok("CreateProject", make.project(flyte2.project, org="acme"))
    assert (await fetch(flyte2, flyte2.project)).org == ""


async def test_created_project_of_a_known_id_is_already_there(flyte2: Client, project: str) -> None:
    refusal = await flyte2.refused("CreateProject", make.project(project, name="other"))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text == f"project already exists: {project}"


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param("UPPER", id="upper"),
        pytest.param("under_score", id="underscore"),
        pytest.param("with space", id="space"),
        pytest.param("long" * 30, id="long"),
    ],
)
async def test_any_project_id_is_accepted(flyte2: Client, suffix: str) -> None:
    await flyte2.ok("CreateProject", make.project(flyte2.project + suffix))
    assert (await fetch(flyte2, flyte2.project + suffix)).name == flyte2.project + suffix


async def test_project_id_cannot_be_empty(flyte2: Client) -> None:
    for method, request in (
        ("CreateProject", make.project("")),
        ("UpdateProject", change("")),
        ("CreateProject", wire.CreateProjectRequest()),
    ):
        refusal = await flyte2.refused(method, request)
        assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "project.id is required")
    refusal = await flyte2.refused("GetProject", wire.GetProjectRequest())
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "id is required")


async def test_unknown_project_cannot_be_read_or_updated(flyte2: Client) -> None:
    for method, request in (
        ("GetProject", wire.GetProjectRequest(id=flyte2.project)),
        ("UpdateProject", change(flyte2.project)),
    ):
        refusal = await flyte2.refused(method, request)
        assert (refusal.code, refusal.text) == (
            "NOT_FOUND",
            f"project not found: {flyte2.project}",
        )


async def test_t30_update_replaces_name_description_labels_and_state(flyte2: Client) -> None:
    body = make.project(
        flyte2.project, description="what it is", labels=labels(team="a"), state=ARCHIVED
    )
    await flyte2.ok("CreateProject", body)
    await flyte2.ok("UpdateProject", change(flyte2.project, name="new"))
    found = await fetch(flyte2, flyte2.project)
    assert (found.name, found.description, found.state) == ("new", "", wire.PROJECT_STATE_ACTIVE)
    assert not found.HasField("labels")


async def test_empty_labels_clear_labels(flyte2: Client) -> None:
    await flyte2.ok("CreateProject", make.project(flyte2.project, labels=labels(team="a")))
    await flyte2.ok("UpdateProject", change(flyte2.project, labels=labels()))
    assert not (await fetch(flyte2, flyte2.project)).HasField("labels")


async def test_domains_of_an_update_are_ignored(flyte2: Client, project: str) -> None:
    await flyte2.ok("UpdateProject", change(project, domains=[wire.Domain(id="mine", name="M")]))
    assert len((await fetch(flyte2, project)).domains) == 3


@pytest.mark.parametrize("method", ["CreateProject", "UpdateProject"])
async def test_description_above_300_characters_is_an_internal_error(
    flyte2: Client, method: str
) -> None:
    await flyte2.ok("CreateProject", make.project(flyte2.project, description="ä" * 300))
    name = flyte2.project + "x" * (method == "CreateProject")
    body = change(name, description="a" * 301).project
    request = (
        wire.CreateProjectRequest if method == "CreateProject" else wire.UpdateProjectRequest
    )(project=body)
    refusal = await flyte2.refused(method, request)
    assert refusal.code == "INTERNAL"
    verb = method.removesuffix("Project").lower()
    assert refusal.text.startswith(
        f"failed to {verb} project {name}: ERROR: value too long for type character varying(300)"
    )


async def test_blanks_beyond_300_characters_are_cut(flyte2: Client) -> None:
    body = make.project(flyte2.project, description="a" * 300 + "  ")
    await flyte2.ok("CreateProject", body)
    assert (await fetch(flyte2, flyte2.project)).description == "a" * 300


@pytest.fixture
async def pair(flyte2: Client) -> str:
    """The projects `<own>a`, active, and `<own>b`, archived."""
    first = make.project(f"{flyte2.project}a", description="one", labels=labels(team="red"))
    await flyte2.ok("CreateProject", first)
    await flyte2.ok("CreateProject", make.project(f"{flyte2.project}b", state=ARCHIVED))
    return flyte2.project


async def test_list_without_filters_hides_archived_projects(flyte2: Client, pair: str) -> None:
    assert await listed(flyte2) == [f"{pair}a"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        pytest.param("contains(identifier,{})", "ab", id="contains"),
        pytest.param("eq(identifier,{}b)", "b", id="equal"),
        pytest.param("contains(identifier,{})+ne(identifier,{}b)", "a", id="not_equal"),
        pytest.param(" contains( identifier , {} ) + eq(state, 1) ", "b", id="blanks"),
        pytest.param("value_in(identifier,{}a;{}b)", "ab", id="value_in"),
        pytest.param("value_in(identifier, {}b )", "b", id="value_in_one"),
        pytest.param("CONTAINS(identifier,{})+value_in(state,0;2)", "a", id="states"),
        pytest.param("contains(identifier,{})+contains(labels,red)", "a", id="labels"),
        pytest.param("contains(identifier,{}_)", "ab", id="wildcard"),
        pytest.param("contains(identifier,{})+ne(description,one)", "b", id="description"),
    ],
)
async def test_projects_are_filtered(flyte2: Client, pair: str, filters: str, found: str) -> None:
    sort = make.by("identifier")
    seen = await listed(flyte2, filters=filters.replace("{}", pair), sort_by=sort)
    assert seen == [pair + letter for letter in found]


async def test_filter_of_blanks_alone_shows_archived_projects(flyte2: Client, pair: str) -> None:
    flyte2.do_not_record()  # the whole list, in no order
    assert sorted(await listed(flyte2, filters=" ")) == [f"{pair}a", f"{pair}b"]


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        pytest.param("identifier", "invalid filter format: identifier", id="format"),
        pytest.param("(identifier,a)", "invalid filter format: (identifier,a)", id="nameless"),
        pytest.param("eq(identifier)", "invalid filter arguments: eq(identifier)", id="arguments"),
        pytest.param("eq(owner,a)", "invalid filter field: owner", id="field"),
        pytest.param("gt(state,1)", "unsupported filter function: gt", id="function"),
        pytest.param("eq(name,a+b)", "invalid filter format: eq(name,a", id="plus"),
    ],
)
async def test_filter_outside_the_grammar_is_refused(
    flyte2: Client, filters: str, text: str
) -> None:
    refusal = await flyte2.refused("ListProjects", wire.ListProjectsRequest(filters=filters))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize(
    "filters",
    [
        pytest.param("eq(state,active)", id="number"),
        pytest.param("contains(state,1)", id="pattern"),
        pytest.param("eq(created_at,x)", id="time"),
    ],
)
async def test_filter_that_the_database_refuses_is_an_internal_error(
    flyte2: Client, filters: str
) -> None:
    refusal = await flyte2.refused("ListProjects", wire.ListProjectsRequest(filters=filters))
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed to list projects: ERROR: ")


async def test_projects_are_sorted_descending_by_default(flyte2: Client, pair: str) -> None:
    filters = f"contains(identifier,{pair})"
    sort = make.by("identifier", make.DESCENDING)
    assert await listed(flyte2, filters=filters, sort_by=sort) == [f"{pair}b", f"{pair}a"]


async def test_unknown_sort_key_of_projects_is_refused(flyte2: Client) -> None:
    request = wire.ListProjectsRequest(sort_by=make.by("owner"))
    refusal = await flyte2.refused("ListProjects", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid sort field: owner")


async def test_projects_are_listed_in_pages(flyte2: Client, pair: str) -> None:
    rest = {"filters": f"contains(identifier,{pair})", "sort_by": make.by("identifier")}
    first = await flyte2.ok("ListProjects", wire.ListProjectsRequest(limit=1, **rest))
    assert ([one.id for one in first.projects.projects], first.projects.token) == (
        [pair + "a"],
        "1",
    )
    assert await listed(flyte2, limit=1, token="1", **rest) == [pair + "b"]
    last = await flyte2.ok("ListProjects", wire.ListProjectsRequest(limit=2, token="1", **rest))
    assert last.projects.token == ""


async def test_limit_of_projects_has_no_upper_bound(flyte2: Client, pair: str) -> None:
    assert await listed(flyte2, limit=100000, filters=f"eq(identifier,{pair}a)") == [f"{pair}a"]


async def test_token_of_projects_is_a_number(flyte2: Client, pair: str) -> None:
    for token, text in (
        ("x", "invalid token format: x"),
        ("-1", "invalid offset: -1 (must be non-negative)"),
    ):
        refusal = await flyte2.refused("ListProjects", wire.ListProjectsRequest(token=token))
        assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", text)
    rest = {"filters": f"contains(identifier,{pair})", "sort_by": make.by("identifier")}
    assert await listed(flyte2, token=" 1st", **rest) == [f"{pair}b"]


async def test_archived_project_takes_tasks_and_triggers(flyte2: Client) -> None:
    await flyte2.ok("CreateProject", make.project(flyte2.project, state=ARCHIVED))
    await flyte2.ok("DeployTask", make.task(flyte2.project))
    await flyte2.ok("DeployTrigger", make.trigger(flyte2.project))
    answer = await flyte2.ok("ListTriggers", make.triggers(flyte2.project))
    assert [one.id.name.name for one in answer.triggers] == ["nightly"]
