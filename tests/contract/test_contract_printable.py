"""Content that cannot be compiled or hashed, values without a type, and how refusals print."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2
from flyteidl.core import literals_pb2, tasks_pb2
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

R = tasks_pb2.Resources

DURATIONS = {
    "signs": (Duration(seconds=60, nanos=-1), "signs of seconds and nanos do not match"),
    "nanos": (Duration(nanos=10**9), "ns out of range (-1000000000, 1000000000)"),
    "seconds": (Duration(seconds=10**12), "seconds out of range 1000000000000"),
}


@pytest.mark.parametrize("case", DURATIONS)
async def test_duration_that_cannot_be_hashed_is_internal(
    flyte1: Client, project: str, case: str
) -> None:
    flyte1.do_not_record()
    timeout, problem = DURATIONS[case]
    request = make.task(project)
    request.spec.template.metadata.timeout.CopyFrom(timeout)
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed to hash task [")
    assert refusal.text.endswith(f"] to digest with err {problem}")


async def test_value_of_no_kind_cannot_be_hashed(flyte1: Client, project: str) -> None:
    flyte1.do_not_record()
    request = make.task(project)
    request.spec.template.custom.fields["c"].SetInParent()
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.endswith("] to digest with err nil Value")


@pytest.mark.parametrize("side", ["requests", "limits"])
async def test_amount_of_any_resource_is_a_quantity(
    flyte1: Client, project: str, side: str
) -> None:
    request = make.task(project)
    entries = getattr(request.spec.template.container.resources, side)
    entries.add(name=R.UNKNOWN, value="much")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "task failed compilation with Collected Errors: 1\n\tError 0: Code: UnrecognizedValue, "
        "Node Id: resources.UNKNOWN, Description: Unrecognized value [much].\n"
    )


async def test_amount_that_is_no_quantity_comes_with_a_link(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.container.resources.requests.add(name=R.CPU, value="much")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(
        "Please follow K8s conventions for resources "
        "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"
    )


PODS = {
    "name": ({"containers": [{"name": "Bad_Name"}]}, "k8s pod spec container name"),
    "no_name": ({"containers": [{"image": "i"}]}, "k8s pod spec container name"),
}


@pytest.mark.parametrize("case", PODS)
async def test_containers_of_a_pod_have_names(flyte1: Client, project: str, case: str) -> None:
    content, what = PODS[case]
    request = make.task(project)
    pod = request.spec.template.k8s_pod
    pod.pod_spec.CopyFrom(json_format.ParseDict(content, Struct()))
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(
        f"Error 0: Code: InvalidValue, Node Id: root, Description: Invalid value [{what}].\n"
    )


WRONG_PODS = {
    "containers": ({"containers": "c"}, "string", "PodSpec.containers of type []v1.Container"),
    "container": ({"containers": [1]}, "number", "PodSpec.containers of type v1.Container"),
    "name": ({"containers": [{"name": []}]}, "array", "Container.containers.name of type string"),
}


@pytest.mark.parametrize("case", WRONG_PODS)
async def test_pod_that_is_none_is_internal(flyte1: Client, project: str, case: str) -> None:
    content, given, wanted = WRONG_PODS[case]
    request = make.task(project)
    pod = request.spec.template.k8s_pod
    pod.pod_spec.CopyFrom(json_format.ParseDict(content, Struct()))
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text == f"json: cannot unmarshal {given} into Go struct field {wanted}"


async def test_limits_of_a_pod_are_those_of_a_container(flyte1: Client, project: str) -> None:
    request = make.task(project)
    resources = {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}
    content = {"containers": [{"name": "main", "resources": resources}]}
    pod = request.spec.template.k8s_pod
    pod.pod_spec.CopyFrom(json_format.ParseDict(content, Struct()))
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "Requested CPU default [1500m] is greater than the limit [1]. Please fix your configuration"
    )


@pytest.mark.parametrize(("given", "shown"), [("1536Mi", "1536Mi"), ("1024000k", "1024M")])
async def test_amounts_are_shown_as_kubernetes_does(
    flyte1: Client, project: str, given: str, shown: str
) -> None:
    request = make.task(project)
    resources = request.spec.template.container.resources
    resources.requests.add(name=R.MEMORY, value=given)
    resources.limits.add(name=R.MEMORY, value="1024Ki")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        f"Requested MEMORY default [{shown}] is greater than the limit [1Mi]. "
        "Please fix your configuration"
    )


async def test_pod_with_named_containers_is_accepted(flyte1: Client, project: str) -> None:
    request = make.task(project)
    content = {"containers": [{"name": "main", "image": "i"}]}
    pod = request.spec.template.k8s_pod
    pod.pod_spec.CopyFrom(json_format.ParseDict(content, Struct()))
    await flyte1.ok("CreateTask", request)


VALUES = {
    "schema": (literals_pb2.Scalar(schema=literals_pb2.Schema()), "schema:{}"),
    "dataset": (
        literals_pb2.Scalar(structured_dataset=literals_pb2.StructuredDataset()),
        "structured_dataset_type:{}",
    ),
}


@pytest.fixture
async def taking(flyte1: Client, project: str) -> str:
    """The project with the workflow w, which takes a text s."""
    await flyte1.ok("CreateTask", make.task(project))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs={"s": make.STRING}))
    return project


@pytest.mark.parametrize("case", VALUES)
async def test_value_that_says_nothing_of_its_type_is_shown(
    flyte1: Client, taking: str, case: str
) -> None:
    scalar, shown = VALUES[case]
    fixed = make.literals(s=literals_pb2.Literal(scalar=scalar))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(taking, fixed_inputs=fixed))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        f"invalid fixed_input wrong type s, expected simple:STRING, got {shown} instead"
    )


async def test_union_without_a_type_breaks_the_server(flyte1: Client, taking: str) -> None:
    fixed = make.literals(s=literals_pb2.Literal(scalar={"union": {}}))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(taking, fixed_inputs=fixed))
    assert (refusal.code, refusal.text) == ("INTERNAL", "")


async def test_offloaded_value_without_a_type_is_unknown(flyte1: Client, taking: str) -> None:
    fixed = make.literals(s=literals_pb2.Literal(offloaded_metadata={}))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(taking, fixed_inputs=fixed))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Failed to validate literal type for [s] with err: ")


NAME = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABELS = {
    "key": ({"a b": "v"}, f"invalid label key [a b]: [name part {NAME}]"),
    "long_key": (
        {"k" * 64: "v"},
        f"invalid label key [{'k' * 64}]: [name part must be no more than 63 characters]",
    ),
    "no_key": (
        {"": "v"},
        f"invalid label key []: [name part must be non-empty name part {NAME}]",
    ),
    "no_prefix": ({"/k": "v"}, "invalid label key [/k]: [prefix part must be non-empty]"),
    "long_value": (
        {"k": "v" * 64},
        f"invalid label value [{'v' * 64}]: [must be no more than 63 characters]",
    ),
}


@pytest.mark.parametrize("case", LABELS)
async def test_label_is_refused_in_the_words_of_kubernetes(
    flyte1: Client, project: str, case: str
) -> None:
    values, problem = LABELS[case]
    request = make.project(f"{project}b", labels=common_pb2.Labels(values=values))
    refusal = await flyte1.refused("RegisterProject", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", problem)


async def test_unknown_direction_is_shown(flyte1: Client, project: str) -> None:
    sort = common_pb2.Sort(key="id", direction=99)
    refusal = await flyte1.refused("ListTasks", make.listing(project, sort_by=sort))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.replace("  ", " ") == (
        'invalid sort order specified: key:"id" direction:99'
    )


async def test_what_can_be_executed_is_said(flyte1: Client, taking: str) -> None:
    request = make.execution(taking, f"x{taking}")
    request.spec.launch_plan.resource_type = make.WORKFLOW
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "Invalid reference entity resource type [WORKFLOW], only "
        "[map[TASK:<nil> LAUNCH_PLAN:<nil>]] allowed"
    )
