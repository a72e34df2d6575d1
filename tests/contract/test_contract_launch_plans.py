"""Launch plans: creation, inputs, equality."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import execution_pb2, literals_pb2, types_pb2


async def read(flyte1: Client, owner: str, version: str = "v1") -> launch_plan_pb2.LaunchPlan:
    request = make.get(make.LAUNCH_PLAN, owner, "p", version)
    return await flyte1.ok("GetLaunchPlan", request)


@pytest.fixture
async def inputs(flyte1: Client, project: str) -> str:
    """A workflow with an integer `n`, a string `s` and a datetime `when`; it returns nothing."""
    await flyte1.ok("CreateTask", make.task(project))
    wanted = {"n": make.INTEGER, "s": make.STRING, "when": make.DATETIME}
    request = make.simple_workflow(project, inputs=wanted)
    request.spec.template.interface.inputs.variables["s"].description = "about s"
    await flyte1.ok("CreateWorkflow", request)
    return project


async def test_new_launch_plan_is_inactive(flyte1: Client, plan: str) -> None:
    assert (await read(flyte1, plan)).closure.state == launch_plan_pb2.INACTIVE


async def test_launch_plan_is_read_back_with_its_spec(flyte1: Client, workflow: str) -> None:
    sent = make.launch_plan(
        workflow,
        labels=common_pb2.Labels(values={"a": "1"}),
        annotations=common_pb2.Annotations(values={"not a label!": "any text"}),
        max_parallelism=7,
        raw_output_data_config=common_pb2.RawOutputDataConfig(output_location_prefix="s3://b/p"),
        entity_metadata=make.rate(5),
    )
    sent.spec.security_context.run_as.k8s_service_account = "sa"
    sent.spec.interruptible.value = False
    sent.spec.envs.values.add(key="K", value="V")
    sent.spec.concurrency_policy.max = 1
    await flyte1.ok("CreateLaunchPlan", sent)
    found = await read(flyte1, workflow)
    sent.spec.default_inputs.SetInParent()
    assert found.spec == sent.spec
    assert found.id == sent.id


async def test_same_launch_plan_again_is_already_exists(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(plan))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text == "launch plan with identical structure already exists"


async def test_active_launch_plan_again_is_already_exists(flyte1: Client, plan: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(plan))
    assert refusal.code == "ALREADY_EXISTS"
    assert (await read(flyte1, plan)).closure.state == launch_plan_pb2.ACTIVE


async def test_other_launch_plan_of_the_same_version_is_an_invalid_argument(
    flyte1: Client, plan: str
) -> None:
    other = make.launch_plan(plan, annotations=common_pb2.Annotations(values={"a": "1"}))
    refusal = await flyte1.refused("CreateLaunchPlan", other)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("p launch plan with different structure already exists.")


async def test_empty_labels_differ_from_absent_ones(flyte1: Client, plan: str) -> None:
    other = make.launch_plan(plan, labels=common_pb2.Labels())
    assert (await flyte1.refused("CreateLaunchPlan", other)).code == "INVALID_ARGUMENT"


async def test_order_of_maps_does_not_matter(flyte1: Client, workflow: str) -> None:
    first, second = {"a": "1", "b": "2", "c": "3"}, {"c": "3", "b": "2", "a": "1"}
    request = make.launch_plan(workflow, labels=common_pb2.Labels(values=first))
    await flyte1.ok("CreateLaunchPlan", request)
    again = make.launch_plan(workflow, labels=common_pb2.Labels(values=second))
    assert (await flyte1.refused("CreateLaunchPlan", again)).code == "ALREADY_EXISTS"


async def test_launch_plan_of_an_unknown_workflow_is_not_found(
    flyte1: Client, project: str
) -> None:
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(project))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("missing entity of type WORKFLOW with identifier")


async def test_launch_plan_without_a_workflow_is_refused(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(project, workflow_id=None))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing id")


async def test_workflow_reference_needs_its_type(flyte1: Client, workflow: str) -> None:
    reference = make.identifier(0, workflow, "w")
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, workflow_id=reference)
    )
    assert refusal.text.startswith("unexpected resource type unspecified for identifier [")


async def test_launch_plan_may_run_a_workflow_of_another_domain(
    flyte1: Client, workflow: str
) -> None:
    elsewhere = make.identifier(make.WORKFLOW, workflow, "w", domain="development")
    request = make.launch_plan(workflow, domain="production", workflow_id=elsewhere)
    await flyte1.ok("CreateLaunchPlan", request)


async def test_t3_unbound_inputs_become_required_default_inputs(
    flyte1: Client, inputs: str
) -> None:
    fixed = make.literals(n=make.integer(3))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(inputs, fixed_inputs=fixed))
    found = await read(flyte1, inputs)
    stored = found.spec.default_inputs.parameters
    assert sorted(stored) == ["s", "when"]
    assert stored["s"].required
    assert stored["s"].var.description == "about s"
    assert found.closure.expected_inputs == found.spec.default_inputs


async def test_t3_submitting_the_stored_spec_again_is_identical(
    flyte1: Client, inputs: str
) -> None:
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(inputs))
    found = await read(flyte1, inputs)
    request = launch_plan_pb2.LaunchPlanCreateRequest(id=found.id, spec=found.spec)
    assert (await flyte1.refused("CreateLaunchPlan", request)).code == "ALREADY_EXISTS"


async def test_t3_default_input_is_kept(flyte1: Client, inputs: str) -> None:
    given = make.parameters(n=make.default(make.INTEGER, make.integer(3)))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given))
    stored = (await read(flyte1, inputs)).spec.default_inputs.parameters
    assert stored["n"].default == make.integer(3)
    assert stored["s"].required


async def test_launch_plan_expects_the_outputs_of_its_workflow(
    flyte1: Client, project: str
) -> None:
    await flyte1.ok("CreateTask", make.task(project, outputs={"o": make.INTEGER}))
    node = make.task_node("n0", make.identifier(make.TASK, project, "t"))
    request = make.workflow(
        project, nodes=[node], outputs={"r": make.INTEGER}, returns={"r": make.promise("n0", "o")}
    )
    await flyte1.ok("CreateWorkflow", request)
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(project))
    outputs = (await read(flyte1, project)).closure.expected_outputs.variables
    assert outputs["r"].type == make.INTEGER


async def test_name_in_default_and_fixed_inputs_is_accepted(flyte1: Client, inputs: str) -> None:
    request = make.launch_plan(
        inputs,
        default_inputs=make.parameters(n=make.default(make.INTEGER, make.integer(1))),
        fixed_inputs=make.literals(n=make.integer(2)),
    )
    await flyte1.ok("CreateLaunchPlan", request)
    found = await read(flyte1, inputs)
    assert "n" in found.spec.default_inputs.parameters
    assert "n" in found.spec.fixed_inputs.literals


async def test_unknown_default_input_is_refused(flyte1: Client, inputs: str) -> None:
    given = make.parameters(zz=make.default(make.INTEGER, make.integer(3)))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given)
    )
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "unexpected default_input zz")


async def test_unknown_fixed_input_is_refused(flyte1: Client, inputs: str) -> None:
    fixed = make.literals(zz=make.integer(3))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(inputs, fixed_inputs=fixed))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "unexpected fixed_input zz")


async def test_default_inputs_of_a_workflow_without_inputs_are_refused(
    flyte1: Client, workflow: str
) -> None:
    given = make.parameters(n=make.default(make.INTEGER, make.integer(3)))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, default_inputs=given)
    )
    assert refusal.text == "invalid launch plan default inputs, expected none but found 1"


async def test_fixed_inputs_of_a_workflow_without_inputs_are_refused(
    flyte1: Client, workflow: str
) -> None:
    fixed = make.literals(n=make.integer(3))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, fixed_inputs=fixed)
    )
    assert refusal.text == "invalid launch plan fixed inputs, expected none but found 1"


async def test_fixed_input_of_another_type_is_refused(flyte1: Client, inputs: str) -> None:
    fixed = make.literals(n=make.string("x"))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(inputs, fixed_inputs=fixed))
    assert refusal.text.startswith("invalid fixed_input wrong type n, expected")


async def test_declared_default_of_another_type_is_refused(flyte1: Client, inputs: str) -> None:
    given = make.parameters(n=make.default(make.STRING, make.string("x")))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given)
    )
    assert refusal.text.startswith("invalid default_input wrong type n, expected")


async def test_default_value_of_another_type_than_declared_is_refused(
    flyte1: Client, inputs: str
) -> None:
    given = make.parameters(n=make.default(make.INTEGER, make.string("x")))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given)
    )
    assert refusal.text.startswith("Type mismatch for Parameter n in default_inputs has type")


async def test_integer_is_no_float(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs={"x": make.FLOAT}))
    fixed = make.literals(x=make.integer(3))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(project, fixed_inputs=fixed)
    )
    assert refusal.text.startswith("invalid fixed_input wrong type x")


async def test_parameter_without_a_type_is_refused(flyte1: Client, inputs: str) -> None:
    given = make.parameters(n=make.interface_pb2.Parameter(required=True))
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given)
    )
    assert refusal.text.startswith("The Variable component of the Parameter n in default_inputs")


async def test_parameter_without_default_and_not_required_is_refused(
    flyte1: Client, inputs: str
) -> None:
    given = make.parameters(n=make.free(make.INTEGER))
    given.parameters["n"].required = False
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given)
    )
    assert refusal.text.startswith("Invalid variable n in default_inputs - variable has neither")


async def test_required_parameter_is_accepted(flyte1: Client, inputs: str) -> None:
    given = make.parameters(n=make.free(make.INTEGER))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given))


async def test_artifact_query_as_default_is_refused(flyte1: Client, inputs: str) -> None:
    given = make.parameters(n=make.free(make.INTEGER))
    given.parameters["n"].artifact_query.uri = "flyte://x"
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(inputs, default_inputs=given)
    )
    assert refusal.code == "INVALID_ARGUMENT"


async def test_literal_without_a_value_is_refused(flyte1: Client, inputs: str) -> None:
    fixed = make.literals(n=literals_pb2.Literal())
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(inputs, fixed_inputs=fixed))
    assert refusal.text == "missing valid literal in fixed_inputs n"


async def test_datetime_out_of_range_is_refused(flyte1: Client, inputs: str) -> None:
    flyte1.do_not_record()
    fixed = make.literals(when=make.moment(10**15))
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(inputs, fixed_inputs=fixed))
    assert refusal.code == "INVALID_ARGUMENT"
    assert "after 9999-12-31" in refusal.text


async def test_t19_check_of_default_inputs_ends_at_a_datetime(flyte1: Client, project: str) -> None:
    # A real server walks the map in random order and meets a wrong input first in most tries.
    flyte1.do_not_record()
    await flyte1.ok("CreateTask", make.task(project))
    wanted = {"a": make.DATETIME, "b": make.STRING, "c": make.INTEGER}
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs=wanted))
    given = make.parameters(
        a=make.default(make.DATETIME, make.moment(0)),
        b=make.default(make.STRING, make.integer(1)),
        c=make.default(make.INTEGER, make.string("x")),
    )
    for number in range(60):
        request = make.launch_plan(project, version=f"v{number}", default_inputs=given)
        answer = await flyte1.attempt("CreateLaunchPlan", request)
        if isinstance(answer, launch_plan_pb2.LaunchPlanCreateResponse):
            return
        assert answer.text.startswith("Type mismatch for Parameter")
    pytest.fail("the check never ended at the datetime")


VARIANTS = types_pb2.UnionType(variants=[make.INTEGER, make.STRING])
CASTABLE = {
    "union_takes_a_variant": (
        types_pb2.LiteralType(union_type=VARIANTS),
        make.integer(1),
    ),
    "list": (
        types_pb2.LiteralType(collection_type=make.INTEGER),
        literals_pb2.Literal(
            collection=literals_pb2.LiteralCollection(literals=[make.integer(1), make.integer(2)])
        ),
    ),
    "empty_list": (
        types_pb2.LiteralType(collection_type=make.INTEGER),
        literals_pb2.Literal(collection=literals_pb2.LiteralCollection()),
    ),
    "empty_map": (
        types_pb2.LiteralType(map_value_type=make.INTEGER),
        literals_pb2.Literal(map=literals_pb2.LiteralMap()),
    ),
    "mixed_list_of_a_union": (
        types_pb2.LiteralType(collection_type=types_pb2.LiteralType(union_type=VARIANTS)),
        literals_pb2.Literal(
            collection=literals_pb2.LiteralCollection(literals=[make.integer(1), make.string("a")])
        ),
    ),
    "text_for_an_enum": (
        types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=["a", "b"])),
        make.string("not a member"),
    ),
    "msgpack_for_a_struct": (
        make.STRUCT,
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(binary=literals_pb2.Binary(value=b"\x80", tag="msgpack"))
        ),
    ),
    "structured_dataset_of_any_columns": (
        types_pb2.LiteralType(structured_dataset_type=types_pb2.StructuredDatasetType()),
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(
                structured_dataset=literals_pb2.StructuredDataset(
                    uri="s3://x",
                    metadata=literals_pb2.StructuredDatasetMetadata(
                        structured_dataset_type=types_pb2.StructuredDatasetType(format="csv")
                    ),
                )
            )
        ),
    ),
    "blob_of_another_format_when_none_is_asked": (
        types_pb2.LiteralType(blob=types_pb2.BlobType()),
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(
                blob=literals_pb2.Blob(
                    uri="s3://x",
                    metadata=literals_pb2.BlobMetadata(type=types_pb2.BlobType(format="csv")),
                )
            )
        ),
    ),
}
NOT_CASTABLE = {
    "list_of_others": (
        types_pb2.LiteralType(collection_type=make.INTEGER),
        literals_pb2.Literal(
            collection=literals_pb2.LiteralCollection(literals=[make.string("a")])
        ),
    ),
    "value_that_fits_no_variant": (
        types_pb2.LiteralType(union_type=VARIANTS),
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(boolean=True))
        ),
    ),
    "value_that_fits_two_variants": (
        types_pb2.LiteralType(
            union_type=types_pb2.UnionType(
                variants=[make.STRING, types_pb2.LiteralType(enum_type=types_pb2.EnumType())]
            )
        ),
        make.string("a"),
    ),
    "binary_for_a_struct": (
        make.STRUCT,
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(binary=literals_pb2.Binary(value=b"\x80", tag="other"))
        ),
    ),
    "structured_dataset_that_names_no_type": (
        types_pb2.LiteralType(structured_dataset_type=types_pb2.StructuredDatasetType()),
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(
                structured_dataset=literals_pb2.StructuredDataset(uri="s3://x")
            )
        ),
    ),
    "schema_that_names_no_type": (
        types_pb2.LiteralType(schema=types_pb2.SchemaType()),
        literals_pb2.Literal(scalar=literals_pb2.Scalar(schema=literals_pb2.Schema(uri="s3://x"))),
    ),
    "none_for_an_integer": (
        make.INTEGER,
        literals_pb2.Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void())),
    ),
    "blob_of_another_format": (
        types_pb2.LiteralType(blob=types_pb2.BlobType(format="parquet")),
        literals_pb2.Literal(
            scalar=literals_pb2.Scalar(
                blob=literals_pb2.Blob(
                    uri="s3://x",
                    metadata=literals_pb2.BlobMetadata(type=types_pb2.BlobType(format="csv")),
                )
            )
        ),
    ),
}


async def fixed_input_of(flyte1: Client, owner: str, kind: types_pb2.LiteralType) -> None:
    await flyte1.ok("CreateTask", make.task(owner))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(owner, inputs={"x": kind}))


@pytest.mark.parametrize("name", CASTABLE)
async def test_fixed_input_fits(flyte1: Client, project: str, name: str) -> None:
    kind, value = CASTABLE[name]
    await fixed_input_of(flyte1, project, kind)
    request = make.launch_plan(project, fixed_inputs=make.literals(x=value))
    await flyte1.ok("CreateLaunchPlan", request)


@pytest.mark.parametrize("name", NOT_CASTABLE)
async def test_fixed_input_does_not_fit(flyte1: Client, project: str, name: str) -> None:
    kind, value = NOT_CASTABLE[name]
    await fixed_input_of(flyte1, project, kind)
    request = make.launch_plan(project, fixed_inputs=make.literals(x=value))
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("invalid fixed_input wrong type x, expected")


async def test_blob_without_metadata_is_of_an_unknown_type(flyte1: Client, project: str) -> None:
    await fixed_input_of(flyte1, project, types_pb2.LiteralType(blob=types_pb2.BlobType()))
    value = literals_pb2.Literal()
    value.scalar.blob.uri = "s3://x"
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(project, fixed_inputs=make.literals(x=value))
    )
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Failed to validate literal type for [x] with err: got unknown")


async def test_labels_of_a_launch_plan_are_checked(flyte1: Client, workflow: str) -> None:
    bad = common_pb2.Labels(values={"bad key": "v"})
    refusal = await flyte1.refused("CreateLaunchPlan", make.launch_plan(workflow, labels=bad))
    assert refusal.text.startswith("invalid label key [bad key]")


SUCCEEDED = execution_pb2.WorkflowExecution.SUCCEEDED
RUNNING = execution_pb2.WorkflowExecution.RUNNING


def notifying(**notification: object) -> launch_plan_pb2.LaunchPlanMetadata:
    return launch_plan_pb2.LaunchPlanMetadata(
        notifications=[common_pb2.Notification(**notification)]
    )


async def test_notification_of_a_final_phase_is_accepted(flyte1: Client, workflow: str) -> None:
    mail = common_pb2.EmailNotification(recipients_email=["a@example.com"])
    metadata = notifying(phases=[SUCCEEDED], email=mail)
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata))


async def test_notification_of_a_passing_phase_is_refused(flyte1: Client, workflow: str) -> None:
    mail = common_pb2.EmailNotification(recipients_email=["a@example.com"])
    metadata = notifying(phases=[RUNNING], email=mail)
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata)
    )
    assert refusal.text == "invalid value for phase"


async def test_notification_needs_a_recipient(flyte1: Client, workflow: str) -> None:
    metadata = notifying(phases=[SUCCEEDED], slack=common_pb2.SlackNotification())
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata)
    )
    assert refusal.text == "missing recipients"


async def test_notification_needs_a_nonempty_recipient(flyte1: Client, workflow: str) -> None:
    pager = common_pb2.PagerDutyNotification(recipients_email=["a@example.com", ""])
    metadata = notifying(phases=[SUCCEEDED], pager_duty=pager)
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata)
    )
    assert refusal.text == "missing recipient"


async def test_notification_needs_a_way(flyte1: Client, workflow: str) -> None:
    metadata = notifying(phases=[SUCCEEDED])
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata)
    )
    assert refusal.text == "invalid value for notification type"


async def test_launch_conditions_are_refused(flyte1: Client, workflow: str) -> None:
    flyte1.do_not_record()
    metadata = launch_plan_pb2.LaunchPlanMetadata()
    metadata.launch_conditions.type_url = "x"
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata)
    )
    assert refusal.text.startswith("Launch condition must be empty, found")


async def test_unknown_launch_plan_is_not_found(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("GetLaunchPlan", make.get(make.LAUNCH_PLAN, project, "p"))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("missing entity of type LAUNCH_PLAN with identifier")


async def test_launch_plan_is_read_with_a_whole_identifier(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("GetLaunchPlan", make.get(make.LAUNCH_PLAN, plan, "p", ""))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing version")


async def test_launch_plan_read_fills_in_the_type(flyte1: Client, plan: str) -> None:
    await flyte1.ok("GetLaunchPlan", make.get(0, plan, "p"))
