"""Tasks: creation, equality, reads."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2
from flyteidl.core import tasks_pb2


async def test_task_is_read_back_with_its_template(flyte1: Client, project: str) -> None:
    sent = make.task(project, inputs={"n": make.INTEGER})
    await flyte1.ok("CreateTask", sent)
    found = await flyte1.ok("GetTask", make.get(make.TASK, project, "t"))
    sent.spec.template.id.CopyFrom(sent.id)
    assert found.id == sent.id
    assert found.closure.compiled_task.template == sent.spec.template
    assert found.closure.HasField("created_at")


async def test_same_task_again_is_already_exists(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    refusal = await flyte1.refused("CreateTask", make.task(project))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text == "task with identical structure already exists"


async def test_t18_other_task_of_the_same_version_is_an_invalid_argument(
    flyte1: Client, project: str
) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    other = make.task(project)
    other.spec.template.container.image = "img:2"
    refusal = await flyte1.refused("CreateTask", other)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("t task with different structure already exists.")


async def test_order_of_a_list_is_part_of_a_task(flyte1: Client, project: str) -> None:
    first = make.task(project)
    first.spec.template.container.env.add(key="a", value="1")
    first.spec.template.container.env.add(key="b", value="2")
    await flyte1.ok("CreateTask", first)
    second = make.task(project)
    second.spec.template.container.env.add(key="b", value="2")
    second.spec.template.container.env.add(key="a", value="1")
    assert (await flyte1.refused("CreateTask", second)).code == "INVALID_ARGUMENT"


async def test_empty_message_differs_from_an_absent_one(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    other = make.task(project)
    other.spec.template.container.resources.SetInParent()
    assert (await flyte1.refused("CreateTask", other)).code == "INVALID_ARGUMENT"


async def test_template_identifier_is_replaced_by_the_request(flyte1: Client, project: str) -> None:
    sent = make.task(project)
    sent.spec.template.id.CopyFrom(make.identifier(make.TASK, "elsewhere", "other", "v9"))
    await flyte1.ok("CreateTask", sent)
    assert (await flyte1.refused("CreateTask", make.task(project))).code == "ALREADY_EXISTS"


async def test_new_description_for_a_stored_task_is_dropped(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    other = make.task(project)
    other.spec.description.short_description = "new"
    assert (await flyte1.refused("CreateTask", other)).code == "ALREADY_EXISTS"


async def test_task_request_without_identifier_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.ClearField("id")
    refusal = await flyte1.refused("CreateTask", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing id")


@pytest.mark.parametrize("part", ["project", "domain", "name", "version"])
async def test_identifier_needs_every_part(flyte1: Client, project: str, part: str) -> None:
    request = make.task(project)
    setattr(request.id, part, "")
    refusal = await flyte1.refused("CreateTask", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f"missing {part}")


async def test_task_identifier_of_another_type_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.id.resource_type = make.WORKFLOW
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("unexpected resource type workflow for identifier [")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("type", "missing type"),
        ("metadata", "missing metadata"),
        ("interface", "missing typed interface"),
    ],
    ids=["type", "metadata", "interface"],
)
async def test_task_template_needs(flyte1: Client, project: str, field: str, text: str) -> None:
    request = make.task(project)
    request.spec.template.ClearField(field)
    refusal = await flyte1.refused("CreateTask", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", text)


async def test_task_without_a_template_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.ClearField("template")
    refusal = await flyte1.refused("CreateTask", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing spec")


async def test_runtime_needs_a_version(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.metadata.runtime.version = ""
    assert (await flyte1.refused("CreateTask", request)).text == "missing runtime version"


async def test_container_needs_an_image(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.container.image = ""
    assert (await flyte1.refused("CreateTask", request)).text == "missing image"


async def test_container_with_inputs_needs_a_command(flyte1: Client, project: str) -> None:
    request = make.task(project, inputs={"n": make.INTEGER})
    request.spec.template.container.ClearField("args")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("task failed compilation with Collected Errors: 1")
    assert "Value required [command]" in refusal.text


async def test_task_without_a_container_is_accepted(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.ClearField("container")
    await flyte1.ok("CreateTask", request)


async def test_pod_task_needs_a_pod_spec(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.k8s_pod.SetInParent()
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.text.startswith("invalid TaskSpecification, pod tasks should specify")


def resources(
    requests: dict[int, str], limits: dict[int, str] | None = None
) -> tasks_pb2.Resources:
    entry = tasks_pb2.Resources.ResourceEntry
    return tasks_pb2.Resources(
        requests=[entry(name=name, value=value) for name, value in requests.items()],
        limits=[entry(name=name, value=value) for name, value in (limits or {}).items()],
    )


CPU, GPU, MEMORY = tasks_pb2.Resources.CPU, tasks_pb2.Resources.GPU, tasks_pb2.Resources.MEMORY


async def test_request_above_its_limit_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    wanted = resources({MEMORY: "500Mi"}, {MEMORY: "200Mi"})
    request.spec.template.container.resources.CopyFrom(wanted)
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.text.startswith("Requested MEMORY default [")
    assert "is greater than the limit [" in refusal.text


async def test_quantity_that_cannot_be_read_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.container.resources.CopyFrom(resources({CPU: "lots"}))
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.text.startswith("Parsing of CPU request failed for value lots - reason")


async def test_half_a_gpu_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.container.resources.CopyFrom(resources({GPU: "500m"}))
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.text.startswith("gpu for [")
    assert "must be a whole number" in refusal.text


async def test_resource_that_is_named_twice_is_refused(flyte1: Client, project: str) -> None:
    request = make.task(project)
    wanted = resources({CPU: "1"})
    wanted.requests.add(name=CPU, value="1")
    request.spec.template.container.resources.CopyFrom(wanted)
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.text.startswith("can't specify CPU limit for task [")


async def test_unknown_task_is_not_found(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("GetTask", make.get(make.TASK, project, "t"))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("missing entity of type TASK with identifier")


async def test_get_fills_in_the_type_of_an_identifier(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    found = await flyte1.ok("GetTask", make.get(0, project, "t"))
    assert found.id.resource_type == make.TASK


async def test_task_without_a_version_finds_some_version(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    found = await flyte1.ok("GetTask", make.get(make.TASK, project, "t", ""))
    assert found.id.version == "v1"


async def test_organization_of_an_identifier_is_dropped(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.id.org = "acme"
    await flyte1.ok("CreateTask", request)
    found = await flyte1.ok("GetTask", make.get(make.TASK, project, "t"))
    assert found.id.org == ""


async def test_versions_of_a_task_are_separate(flyte1: Client, project: str) -> None:
    for version in ("v1", "v2"):
        await flyte1.ok("CreateTask", make.task(project, version=version))
    answer = await flyte1.ok("ListTasks", make.listing(project, "t"))
    assert [one.id.version for one in answer.tasks] == ["v1", "v2"]


async def test_list_of_tasks_has_whole_templates(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    answer = await flyte1.ok("ListTasks", make.listing(project))
    assert answer.tasks[0].closure.compiled_task.template.container.image == "img:1"


async def test_task_names_are_listed_once(flyte1: Client, project: str) -> None:
    for name, version in (("b", "v1"), ("a", "v1"), ("a", "v2")):
        await flyte1.ok("CreateTask", make.task(project, name, version))
    request = common_pb2.NamedEntityIdentifierListRequest(
        project=project, domain=make.DOMAIN, limit=10, sort_by=make.by("name")
    )
    answer = await flyte1.ok("ListTaskIds", request)
    assert [one.name for one in answer.entities] == ["a", "b"]
