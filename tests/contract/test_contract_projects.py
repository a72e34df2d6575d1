"""Projects and domains."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2, project_pb2

ARCHIVED = project_pb2.Project.ARCHIVED


async def fetch(flyte1: Client, name: str) -> project_pb2.Project:
    return await flyte1.ok("GetProject", project_pb2.ProjectGetRequest(id=name))


def labels(**values: str) -> common_pb2.Labels:
    return common_pb2.Labels(values=values)


async def own(flyte1: Client, **rest: object) -> list[str]:
    request = project_pb2.ProjectListRequest(**rest)
    answer = await flyte1.ok("ListProjects", request)
    return [one.id for one in answer.projects if one.id.startswith(flyte1.project)]


async def test_registered_project_is_active_with_all_domains(flyte1: Client, project: str) -> None:
    found = await fetch(flyte1, project)
    assert found.state == project_pb2.Project.ACTIVE
    assert [domain.id for domain in found.domains] == ["development", "staging", "production"]


async def test_project_keeps_name_description_and_labels(flyte1: Client) -> None:
    request = make.project(
        flyte1.project, name="Shown", description="what it is", labels=labels(team="a")
    )
    await flyte1.ok("RegisterProject", request)
    found = await fetch(flyte1, flyte1.project)
    assert (found.name, found.description) == ("Shown", "what it is")
    assert dict(found.labels.values) == {"team": "a"}


async def test_registering_a_project_twice_is_already_exists(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("RegisterProject", make.project(project, name="other"))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text.startswith("value with matching already exists")


async def test_project_registered_as_archived_is_archived(flyte1: Client) -> None:
    await flyte1.ok("RegisterProject", make.project(flyte1.project, state=ARCHIVED))
    assert (await fetch(flyte1, flyte1.project)).state == ARCHIVED


async def test_project_without_a_body_is_refused(flyte1: Client) -> None:
    refusal = await flyte1.refused("RegisterProject", project_pb2.ProjectRegisterRequest())
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing project")


async def test_project_without_a_name_is_refused(flyte1: Client) -> None:
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, name=""))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing project_name")


async def test_project_without_an_id_is_refused(flyte1: Client) -> None:
    refusal = await flyte1.refused("RegisterProject", make.project("", name="n"))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing project_id")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Upper", id="upper"),
        pytest.param("under_score", id="underscore"),
        pytest.param("do.t", id="dot"),
        pytest.param("-lead", id="dash"),
        pytest.param("x" * 64, id="long"),
    ],
)
async def test_project_id_that_is_no_dns_label_is_refused(flyte1: Client, name: str) -> None:
    refusal = await flyte1.refused("RegisterProject", make.project(name, name="n"))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("invalid project id [")


async def test_project_name_longer_than_64_bytes_is_refused(flyte1: Client) -> None:
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, name="n" * 65))
    assert refusal.text == "project_name cannot exceed 64 characters"


async def test_project_name_is_measured_in_bytes(flyte1: Client) -> None:
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, name="ä" * 33))
    assert refusal.text == "project_name cannot exceed 64 characters"


async def test_project_description_longer_than_300_bytes_is_refused(flyte1: Client) -> None:
    request = make.project(flyte1.project, description="d" * 301)
    refusal = await flyte1.refused("RegisterProject", request)
    assert refusal.text == "project_description cannot exceed 300 characters"


async def test_project_with_domains_is_refused(flyte1: Client) -> None:
    domains = [project_pb2.Domain(id="development")]
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, domains=domains))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Domains are currently only set system wide")


async def test_more_than_16_labels_are_refused(flyte1: Client) -> None:
    many = labels(**{f"k{number}": "v" for number in range(17)})
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, labels=many))
    assert refusal.text == "labels map cannot exceed 16 entries"


async def test_label_key_must_be_a_qualified_name(flyte1: Client) -> None:
    bad = labels(**{"bad key": "v"})
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, labels=bad))
    assert refusal.text.startswith("invalid label key [bad key]")


async def test_label_value_must_be_a_label_value(flyte1: Client) -> None:
    bad = labels(key="bad value")
    refusal = await flyte1.refused("RegisterProject", make.project(flyte1.project, labels=bad))
    assert refusal.text.startswith("invalid label value [bad value]")


async def test_label_key_may_have_a_domain_prefix(flyte1: Client) -> None:
    prefixed = labels(**{"example.com/team": "a.b-c_d"})
    await flyte1.ok("RegisterProject", make.project(flyte1.project, labels=prefixed))


async def test_unknown_project_is_not_found(flyte1: Client) -> None:
    request = project_pb2.ProjectGetRequest(id=flyte1.project)
    refusal = await flyte1.refused("GetProject", request)
    assert refusal.code == "NOT_FOUND"
    assert refusal.text == f"project [{flyte1.project}] not found"


async def test_getting_a_project_without_an_id_is_refused(flyte1: Client) -> None:
    refusal = await flyte1.refused("GetProject", project_pb2.ProjectGetRequest())
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing project_id")


async def test_updating_an_unknown_project_is_not_found(flyte1: Client) -> None:
    request = project_pb2.Project(id=flyte1.project, name="n")
    assert (await flyte1.refused("UpdateProject", request)).code == "NOT_FOUND"


async def test_project_update_keeps_what_is_left_empty(flyte1: Client) -> None:
    request = make.project(flyte1.project, name="N", description="D", labels=labels(a="1"))
    await flyte1.ok("RegisterProject", request)
    await flyte1.ok("UpdateProject", project_pb2.Project(id=flyte1.project))
    found = await fetch(flyte1, flyte1.project)
    assert (found.name, found.description, dict(found.labels.values)) == ("N", "D", {"a": "1"})


async def test_project_update_replaces_what_is_given(flyte1: Client) -> None:
    request = make.project(flyte1.project, name="N", description="D", labels=labels(a="1"))
    await flyte1.ok("RegisterProject", request)
    change = project_pb2.Project(id=flyte1.project, name="M", description="E", labels=labels(b="2"))
    await flyte1.ok("UpdateProject", change)
    found = await fetch(flyte1, flyte1.project)
    assert (found.name, found.description, dict(found.labels.values)) == ("M", "E", {"b": "2"})


async def test_t15_empty_label_map_clears_project_labels(flyte1: Client) -> None:
    await flyte1.ok("RegisterProject", make.project(flyte1.project, labels=labels(a="1")))
    await flyte1.ok("UpdateProject", project_pb2.Project(id=flyte1.project, labels=labels()))
    assert dict((await fetch(flyte1, flyte1.project)).labels.values) == {}


async def test_t15_project_update_without_state_takes_it_out_of_the_archive(
    flyte1: Client, project: str
) -> None:
    await flyte1.ok("UpdateProject", project_pb2.Project(id=project, state=ARCHIVED))
    await flyte1.ok("UpdateProject", project_pb2.Project(id=project, name="renamed"))
    assert (await fetch(flyte1, project)).state == project_pb2.Project.ACTIVE


async def test_project_update_with_domains_is_refused(flyte1: Client, project: str) -> None:
    found = await fetch(flyte1, project)
    assert (await flyte1.refused("UpdateProject", found)).code == "INVALID_ARGUMENT"


async def test_t16_list_of_projects_hides_archived_ones(flyte1: Client, project: str) -> None:
    assert await own(flyte1) == [project]
    await flyte1.ok("UpdateProject", project_pb2.Project(id=project, state=ARCHIVED))
    assert await own(flyte1) == []


async def test_t16_any_filter_brings_archived_projects_back(flyte1: Client, project: str) -> None:
    await flyte1.ok("UpdateProject", project_pb2.Project(id=project, state=ARCHIVED))
    assert await own(flyte1, filters="gte(state,0)") == [project]


async def test_projects_are_listed_by_id(flyte1: Client) -> None:
    names = [f"{flyte1.project}-{letter}" for letter in "cab"]
    for name in names:
        await flyte1.ok("RegisterProject", make.project(name))
    assert await own(flyte1) == sorted(names)


async def test_projects_are_filtered_by_identifier(flyte1: Client) -> None:
    for letter in "ab":
        await flyte1.ok("RegisterProject", make.project(f"{flyte1.project}-{letter}"))
    found = await own(flyte1, filters=f"eq(identifier,{flyte1.project}-b)")
    assert found == [f"{flyte1.project}-b"]


async def test_page_of_projects_ends_with_a_token(flyte1: Client) -> None:
    for letter in "abc":
        await flyte1.ok("RegisterProject", make.project(f"{flyte1.project}-{letter}"))
    filters = f"contains(identifier,{flyte1.project})"
    first = await flyte1.ok(
        "ListProjects", project_pb2.ProjectListRequest(limit=2, filters=filters)
    )
    assert (len(first.projects), first.token) == (2, "2")
    rest = project_pb2.ProjectListRequest(limit=2, filters=filters, token=first.token)
    second = await flyte1.ok("ListProjects", rest)
    assert (len(second.projects), second.token) == (1, "")


async def test_domains_are_those_of_the_server(flyte1: Client) -> None:
    answer = await flyte1.ok("GetDomains", project_pb2.GetDomainRequest())
    assert [domain.id for domain in answer.domains] == ["development", "staging", "production"]


@pytest.mark.parametrize("state", [1, 2, 3], ids=["archived", "generated", "hidden"])
async def test_inactive_project_takes_no_registrations(
    flyte1: Client, plan: str, state: int
) -> None:
    await flyte1.ok("UpdateProject", project_pb2.Project(id=plan, state=state))
    for method, request in (
        ("CreateTask", make.task(plan, version="v2")),
        ("CreateWorkflow", make.simple_workflow(plan, version="v2")),
        ("CreateLaunchPlan", make.launch_plan(plan, version="v2")),
    ):
        refusal = await flyte1.refused(method, request)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.text == f"project [{plan}] is not active"
        assert refusal.detail == "flyteidl.admin.InactiveProject"


async def test_inactive_project_can_still_be_read_and_activated(flyte1: Client, plan: str) -> None:
    await flyte1.ok("UpdateProject", project_pb2.Project(id=plan, state=ARCHIVED))
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    found = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, plan, "p"))
    assert found.closure.state == 1
    await flyte1.ok("ListTasks", make.listing(plan))


async def test_unregistered_project_is_an_invalid_argument(flyte1: Client) -> None:
    refusal = await flyte1.refused("CreateTask", make.task(flyte1.project))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("failed to validate that project [")


async def test_unknown_domain_is_an_invalid_argument(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateTask", make.task(project, domain="nowhere"))
    assert (refusal.code, refusal.text) == (
        "INVALID_ARGUMENT",
        "domain [nowhere] is unrecognized by system",
    )
