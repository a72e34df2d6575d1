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


async def test_other_content_of_a_task_is_told(flyte1: Client, project: str) -> None:
    request = make.task(project)
    request.spec.template.config["k~/"] = "v"
    request.spec.template.custom.update({"c": 1, "n": None})
    await flyte1.ok("CreateTask", request)
    template = request.spec.template
    template.config["k~/"] = "w"
    template.custom.update({"c": 1234567.0, "d": ["x", True, {"e": 0.00001}], "n": False})
    template.container.image = "img:2"
    template.container.env.add(key="E", value="1")
    template.interface.inputs.variables["a"].type.CopyFrom(make.INTEGER)
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "t task with different structure already exists. "
        "(Please register a new version of the task):\n"
        "/template/Target/Container/env:\n\t- <nil> \n\t+ [map[key:E value:1]]\n"
        "/template/Target/Container/image:\n\t- img:1 \n\t+ img:2\n"
        "/template/config/k~0~1:\n\t- v \n\t+ w\n"
        "/template/custom/c:\n\t- 1 \n\t+ 1.234567e+06\n"
        "/template/custom/d:\n\t- <nil> \n\t+ [x true map[e:1e-05]]\n"
        "/template/custom/n:\n\t- <nil> \n\t+ false\n"
        "/template/interface/inputs/variables:\n\t- <nil> \n\t+ "
        "map[a:map[type:map[Type:map[Simple:1]]]]"
    )


async def test_other_content_of_a_plan_is_told(flyte1: Client, taking: str) -> None:
    fixed = make.literals(s=make.string("a"))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(taking, fixed_inputs=fixed))
    request = make.launch_plan(taking, max_parallelism=4)
    request.spec.interruptible.SetInParent()
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "p launch plan with different structure already exists. "
        "(Please register a new version of the launch plan):\n"
        "/default_inputs/parameters:\n\t- <nil> \n\t+ map[s:map[Behavior:map[Required:true] "
        "var:map[type:map[Type:map[Simple:3]]]]]\n"
        "/fixed_inputs:\n\t- map[literals:map[s:map[Value:map[Scalar:map[Value:map[Primitive:"
        "map[Value:map[StringValue:a]]]]]]]] \n\t+ <nil>\n"
        "/interruptible:\n\t- <nil> \n\t+ map[]\n"
        "/max_parallelism:\n\t- <nil> \n\t+ 4"
    )


async def test_other_content_of_a_workflow_is_told_of_its_interface(
    flyte1: Client, taking: str
) -> None:
    request = make.simple_workflow(taking, inputs={"s": make.INTEGER})
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert refusal.code == "INVALID_ARGUMENT"
    lines = refusal.text.split("\n")
    assert "/primary/connections:" in lines
    place = lines.index("/primary/template/interface/inputs/variables/s/type/Type/Simple:")
    assert lines[place + 1 : place + 3] == ["\t- 3 ", "\t+ 1"]


async def test_output_of_the_start_is_named_without_a_node(flyte1: Client, taking: str) -> None:
    await flyte1.ok("CreateTask", make.task(taking, "t2", inputs={"a": make.INTEGER}))
    reference = make.identifier(make.TASK, taking, "t2")
    node = make.task_node("n0", reference, a=make.promise("", "s"))
    request = make.workflow(taking, "w2", nodes=[node], inputs={"s": make.STRING})
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert "The output variable 's' has type [simple:STRING], but" in refusal.text


@pytest.mark.parametrize("case", ["nothing", "blob"])
async def test_bound_value_without_a_type(flyte1: Client, taking: str, case: str) -> None:
    await flyte1.ok("CreateTask", make.task(taking, "t2", inputs={"a": make.INTEGER}))
    scalar = {"nothing": literals_pb2.Scalar(), "blob": literals_pb2.Scalar(blob={})}[case]
    bound = literals_pb2.BindingData(scalar=scalar)
    node = make.task_node("n0", make.identifier(make.TASK, taking, "t2"), a=bound)
    refusal = await flyte1.refused("CreateWorkflow", make.workflow(taking, "w2", nodes=[node]))
    if case == "nothing":
        assert (refusal.code, refusal.text) == ("INTERNAL", "")
        return
    assert refusal.code == "INVALID_ARGUMENT"
    assert "Unrecognized value [*core.Scalar_Blob]." in refusal.text


async def test_amount_given_twice_is_of_a_task_without_a_name(flyte1: Client, project: str) -> None:
    request = make.task(project)
    for _ in range(2):
        request.spec.template.container.resources.limits.add(name=R.CPU, value="1")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == "can't specify CPU limit for task [<nil>] multiple times"


async def test_messages_are_printed_in_the_order_of_their_source(
    flyte1: Client, taking: str
) -> None:
    odd = make.default(make.STRING, make.integer(1))
    odd.var.type.annotation.SetInParent()
    request = make.launch_plan(taking, default_inputs=make.parameters(s=odd))
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.text.replace("  ", " ") == (
        "Type mismatch for Parameter s in default_inputs has type simple:STRING annotation:{}, "
        "expected simple:INTEGER"
    )


async def test_odd_bytes_are_printed_as_in_go(flyte1: Client, taking: str) -> None:
    flyte1.do_not_record()
    request = make.launch_plan(taking)
    request.spec.entity_metadata.launch_conditions.value = b"\xff\x00\n"
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.text == 'Launch condition must be empty, found value:"\\xff\\x00\\n"'


@pytest.mark.parametrize("amount", ["k", "Mi"])
async def test_unit_alone_is_an_amount(flyte1: Client, project: str, amount: str) -> None:
    request = make.task(project)
    request.spec.template.container.resources.requests.add(name=R.CPU, value=amount)
    await flyte1.ok("CreateTask", request)
