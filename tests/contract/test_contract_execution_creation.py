"""Executions as they are made: what is checked, what is stored, and what a taken name does."""

from __future__ import annotations

import re

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import (
    cluster_assignment_pb2,
    common_pb2,
    execution_pb2,
    matchable_resource_pb2,
    project_pb2,
)
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.core import security_pb2


async def test_execution_is_stored_with_its_spec(flyte1: Client, runs: str) -> None:
    metadata = execution_pb2.ExecutionMetadata(mode=1)
    metadata.scheduled_at.seconds = 1_700_000_000
    request = make.execution(runs, f"x{runs}", metadata=metadata)
    answer = await flyte1.ok("CreateExecution", request)
    assert answer.id.name == f"x{runs}"
    found = await flyte1.ok("GetExecution", run.get(runs, f"x{runs}"))
    assert found.spec.launch_plan == make.identifier(make.LAUNCH_PLAN, runs, "p")
    assert found.spec.metadata.scheduled_at.seconds == 1_700_000_000
    assert found.spec.metadata.mode == 1


async def test_execution_of_a_taken_name_is_already_exists(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    refusal = await flyte1.refused("CreateExecution", make.execution(runs, f"x{runs}"))
    assert refusal.code == "ALREADY_EXISTS"


async def test_execution_with_tags_of_a_taken_name_is_refused_by_the_tags(
    flyte1: Client, runs: str
) -> None:
    request = make.execution(runs, f"x{runs}", tags=["a"])
    await flyte1.ok("CreateExecution", request)
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.code == "ALREADY_EXISTS"
    assert "execution_tags_pkey" in refusal.text


async def test_execution_of_an_unknown_plan_is_not_found(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateExecution", make.execution(project, f"x{project}"))
    assert refusal.code == "NOT_FOUND"


async def test_execution_needs_its_required_inputs(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs={"n": make.INTEGER}))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(project))
    refusal = await flyte1.refused("CreateExecution", make.execution(project, f"x{project}"))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "expected_inputs n missing")


async def test_plan_with_a_name_in_default_and_fixed_inputs_cannot_run(
    flyte1: Client, project: str
) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs={"n": make.INTEGER}))
    request = make.launch_plan(
        project,
        default_inputs=make.parameters(n=make.default(make.INTEGER, make.integer(1))),
        fixed_inputs=make.literals(n=make.integer(2)),
    )
    await flyte1.ok("CreateLaunchPlan", request)
    refusal = await flyte1.refused("CreateExecution", make.execution(project, f"x{project}"))
    assert refusal.text == "fixed_inputs n cannot be overridden"


async def test_unknown_input_of_an_execution_is_refused(flyte1: Client, runs: str) -> None:
    request = make.execution(runs, f"x{runs}")
    request.inputs.CopyFrom(make.literals(zz=make.integer(1)))
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text == "invalid input zz"


@pytest.mark.parametrize("name", ["1abc", "a_b", "a" * 64], ids=["digit", "underscore", "long"])
async def test_name_of_an_execution_is_checked(flyte1: Client, runs: str, name: str) -> None:
    refusal = await flyte1.refused("CreateExecution", make.execution(runs, name))
    assert refusal.code == "INVALID_ARGUMENT"


async def test_unknown_execution_is_not_found(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("GetExecution", run.get(project, "none"))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("missing entity of type execution with identifier")


async def started(flyte1: Client, owner: str, **spec: object) -> execution_pb2.Execution:
    await flyte1.ok("CreateExecution", make.execution(owner, f"x{owner}", **spec))
    found: execution_pb2.Execution = await flyte1.ok("GetExecution", run.get(owner))
    return found


async def test_new_execution_waits_for_an_engine(flyte1: Client, runs: str) -> None:
    found = await started(flyte1, runs)
    assert found.closure.phase == run.Phase.UNDEFINED
    assert not found.closure.HasField("started_at")
    assert found.closure.workflow_id == make.identifier(make.WORKFLOW, runs, "w")
    assert found.closure.state_change_details.state == execution_pb2.EXECUTION_ACTIVE


async def test_execution_without_a_name_gets_one(flyte1: Client, runs: str) -> None:
    flyte1.do_not_record()  # the name is chance
    answer = await flyte1.ok("CreateExecution", make.execution(runs, ""))
    assert re.fullmatch(r"a[a-z0-9]{19}", answer.id.name)
    again = await flyte1.ok("CreateExecution", make.execution(runs, ""))
    assert again.id.name != answer.id.name


async def test_execution_name_keeps_its_case(flyte1: Client, runs: str) -> None:
    answer = await flyte1.ok("CreateExecution", make.execution(runs, "b1-c"))
    assert answer.id.name == "b1-c"


async def test_t8_execution_under_the_schedulers_name_keeps_its_tick(
    flyte1: Client, runs: str
) -> None:
    metadata = execution_pb2.ExecutionMetadata(mode=execution_pb2.ExecutionMetadata.SCHEDULED)
    metadata.scheduled_at.seconds = 1_700_000_000
    request = make.execution(runs, "f9c8be275fb3256d6000", metadata=metadata)
    await flyte1.ok("CreateExecution", request)
    again = await flyte1.refused("CreateExecution", request)
    assert again.code == "ALREADY_EXISTS"
    listed = await flyte1.ok("ListExecutions", make.listing(runs, filters="eq(mode,1)"))
    assert [one.spec.metadata.scheduled_at.seconds for one in listed.executions] == [1_700_000_000]


async def test_t9_taken_name_overwrites_the_inputs_of_the_other_execution(
    flyte1: Client, project: str
) -> None:
    await with_input(flyte1, project)
    for number in (1, 2):
        request = make.execution(project, f"x{project}")
        request.inputs.CopyFrom(make.literals(n=make.integer(number)))
        await flyte1.attempt("CreateExecution", request)
    found = await flyte1.ok("GetExecutionData", run.data(project))
    assert found.full_inputs == make.literals(n=make.integer(2))


async def test_t9_taken_name_gives_its_tags_to_the_other_execution(
    flyte1: Client, runs: str
) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}", tags=["a"]))
    request = make.execution(runs, f"x{runs}", tags=["b"])
    refusal = await flyte1.refused("CreateExecution", request)
    assert "executions_pkey" in refusal.text
    request = make.listing(runs, filters="eq(execution_tag.key,b)")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == 1
    request = make.execution(runs, f"x{runs}", tags=["b"])
    refusal = await flyte1.refused("CreateExecution", request)
    assert "execution_tags_pkey" in refusal.text


async def with_input(flyte1: Client, owner: str, **spec: object) -> None:
    """The launch plan `p` of a workflow with the integer `n`."""
    await flyte1.ok("CreateTask", make.task(owner))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(owner, inputs={"n": make.INTEGER}))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(owner, **spec))


async def test_default_and_fixed_inputs_are_part_of_the_data(flyte1: Client, project: str) -> None:
    inputs = {"n": make.INTEGER, "m": make.INTEGER}
    await flyte1.ok("CreateTask", make.task(project))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs=inputs))
    request = make.launch_plan(
        project,
        default_inputs=make.parameters(n=make.default(make.INTEGER, make.integer(1))),
        fixed_inputs=make.literals(m=make.integer(2)),
    )
    await flyte1.ok("CreateLaunchPlan", request)
    await flyte1.ok("CreateExecution", make.execution(project, f"x{project}"))
    found = await flyte1.ok("GetExecutionData", run.data(project))
    assert found.full_inputs == make.literals(n=make.integer(1), m=make.integer(2))
    assert found.HasField("inputs")
    assert not found.full_outputs.literals


async def test_inputs_in_the_spec_count_too(flyte1: Client, project: str) -> None:
    await with_input(flyte1, project)
    request = make.execution(project, f"x{project}")
    request.spec.inputs.CopyFrom(make.literals(n=make.integer(7)))
    await flyte1.ok("CreateExecution", request)
    found = await flyte1.ok("GetExecutionData", run.data(project))
    assert found.full_inputs == make.literals(n=make.integer(7))


@pytest.mark.parametrize(
    "value",
    [make.string("seven"), make.literals_pb2.Literal(), make.moment(1)],
    ids=["text", "nothing", "time"],
)
async def test_input_of_another_type_is_refused(
    flyte1: Client, project: str, value: make.literals_pb2.Literal
) -> None:
    await with_input(flyte1, project)
    request = make.execution(project, f"x{project}")
    request.inputs.CopyFrom(make.literals(n=value))
    assert (await flyte1.refused("CreateExecution", request)).code == "INVALID_ARGUMENT"


async def test_fixed_input_cannot_be_given(flyte1: Client, project: str) -> None:
    await with_input(flyte1, project, fixed_inputs=make.literals(n=make.integer(2)))
    request = make.execution(project, f"x{project}")
    request.inputs.CopyFrom(make.literals(n=make.integer(3)))
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text == "invalid input n"


@pytest.mark.parametrize("part", ["project", "domain"])
async def test_execution_needs_a_place(flyte1: Client, plan: str, part: str) -> None:
    request = make.execution(plan, f"x{plan}")
    request.ClearField(part)
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text == f"missing {part}"


@pytest.mark.parametrize("part", ["spec", "launch_plan", "version"])
async def test_execution_needs_something_to_run(flyte1: Client, plan: str, part: str) -> None:
    request = make.execution(plan, f"x{plan}")
    {"spec": request, "launch_plan": request.spec, "version": request.spec.launch_plan}[
        part
    ].ClearField(part)
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.code == "INVALID_ARGUMENT"


async def test_workflow_is_not_run_by_its_own_identifier(flyte1: Client, plan: str) -> None:
    request = make.execution(plan, f"x{plan}")
    request.spec.launch_plan.CopyFrom(make.identifier(make.WORKFLOW, plan, "w"))
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text.startswith("Invalid reference entity resource type [WORKFLOW]")


async def test_execution_in_an_unknown_project_is_refused(flyte1: Client, plan: str) -> None:
    request = make.execution(plan, f"x{plan}")
    request.project = f"no{plan}"
    assert (await flyte1.refused("CreateExecution", request)).code == "INVALID_ARGUMENT"


async def test_execution_in_an_archived_project_is_refused(flyte1: Client, plan: str) -> None:
    archived = project_pb2.Project(id=plan, state=project_pb2.Project.ARCHIVED)
    await flyte1.ok("UpdateProject", archived)
    refusal = await flyte1.refused("CreateExecution", make.execution(plan, f"x{plan}"))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == f"project [{plan}] is not active"
    assert refusal.detail.endswith("InactiveProject")


async def test_execution_in_an_unknown_domain_is_refused(flyte1: Client, plan: str) -> None:
    request = make.execution(plan, f"x{plan}")
    request.domain = "nowhere"
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text == "domain [nowhere] is unrecognized by system"


async def test_inactive_plan_runs_as_an_active_one_does(flyte1: Client, runs: str) -> None:
    await started(flyte1, runs)
    await flyte1.ok("UpdateLaunchPlan", make.state(runs, active=True))
    await flyte1.ok("UpdateLaunchPlan", make.state(runs, active=False))
    await flyte1.ok("CreateExecution", make.execution(runs, f"y{runs}"))


async def test_plan_of_another_domain_runs(flyte1: Client, runs: str) -> None:
    request = make.execution(runs, f"x{runs}")
    request.domain = "production"
    await flyte1.ok("CreateExecution", request)
    found = run.get(runs)
    found.id.domain = "production"
    answer = await flyte1.ok("GetExecution", found)
    assert answer.spec.metadata.system_metadata.namespace == f"{runs}-production"


OVERRIDES = {
    "annotations": {
        "annotations": common_pb2.Annotations(values={"team.example.com/owner": "v w"})
    },
    "cache": {"overwrite_cache": True},
    "cluster_label": {
        "execution_cluster_label": matchable_resource_pb2.ExecutionClusterLabel(value="gpu")
    },
    "envs": {"envs": common_pb2.Envs(values=[make.literals_pb2.KeyValuePair(key="A", value="1")])},
    "labels": {"labels": common_pb2.Labels(values={"team": "ranking"})},
    "notifications_off": {"disable_all": True},
    "parallelism": {"max_parallelism": 3},
    "pool": {
        "cluster_assignment": cluster_assignment_pb2.ClusterAssignment(cluster_pool_name="gpu")
    },
    "raw_data": {
        "raw_output_data_config": common_pb2.RawOutputDataConfig(
            output_location_prefix="s3://elsewhere/"
        )
    },
    "role": {"auth_role": common_pb2.AuthRole(kubernetes_service_account="old")},
    "security": {
        "security_context": security_pb2.SecurityContext(
            run_as=security_pb2.Identity(k8s_service_account="own")
        )
    },
    "tags": {"tags": ["a", "b"]},
}


@pytest.mark.parametrize("kind", sorted(OVERRIDES))
async def test_option_of_an_execution_is_stored(flyte1: Client, runs: str, kind: str) -> None:
    if kind == "cluster_label":
        flyte1.do_not_record()  # an installation without such a cluster fails the execution
    found = await started(flyte1, runs, **OVERRIDES[kind])
    for field, value in OVERRIDES[kind].items():
        stored = getattr(found.spec, field)
        assert (list(stored) if field == "tags" else stored) == value


@pytest.mark.parametrize("value", [True, False], ids=["yes", "no"])
async def test_interruptible_has_three_states(flyte1: Client, runs: str, value: bool) -> None:
    request = make.execution(runs, f"x{runs}")
    request.spec.interruptible.value = value
    await flyte1.ok("CreateExecution", request)
    found = await flyte1.ok("GetExecution", run.get(runs))
    assert found.spec.HasField("interruptible")
    assert found.spec.interruptible.value is value


def email(address: str) -> common_pb2.Notification:
    return common_pb2.Notification(
        phases=[core_execution.WorkflowExecution.FAILED],
        email=common_pb2.EmailNotification(recipients_email=[address]),
    )


@pytest.mark.parametrize("sent", ["none", "own", "off"])
async def test_notifications_are_the_plans_the_requests_or_none(
    flyte1: Client, workflow: str, sent: str
) -> None:
    metadata = make.launch_plan_pb2.LaunchPlanMetadata(notifications=[email("plan@example.com")])
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata))
    own = execution_pb2.NotificationList(notifications=[email("own@example.com")])
    spec: dict[str, object] = {
        "none": {},
        "own": {"notifications": own},
        "off": {"disable_all": True},
    }[sent]
    found = await started(flyte1, workflow, **spec)
    expected = {"none": ["plan@example.com"], "own": ["own@example.com"], "off": []}[sent]
    stored = [one.email.recipients_email[0] for one in found.closure.notifications]
    assert stored == expected


async def test_notification_of_a_phase_that_does_not_end_is_refused(
    flyte1: Client, plan: str
) -> None:
    wrong = email("a@example.com")
    wrong.phases.append(core_execution.WorkflowExecution.RUNNING)
    own = execution_pb2.NotificationList(notifications=[wrong])
    request = make.execution(plan, f"x{plan}", notifications=own)
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text == "invalid value for phase"


async def test_label_in_a_wrong_syntax_is_refused(flyte1: Client, plan: str) -> None:
    labels = common_pb2.Labels(values={"k": "not valid"})
    refusal = await flyte1.refused(
        "CreateExecution", make.execution(plan, f"x{plan}", labels=labels)
    )
    assert refusal.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("own", [True, False], ids=["with_own", "without_own"])
async def test_labels_of_the_project_join_those_of_the_request(
    flyte1: Client, runs: str, own: bool
) -> None:
    labels = common_pb2.Labels(values={"team": "all", "cost": "c1"})
    await flyte1.ok("UpdateProject", project_pb2.Project(id=runs, name=runs, labels=labels))
    spec = {"labels": common_pb2.Labels(values={"team": "mine"})} if own else {}
    found = await started(flyte1, runs, **spec)
    expected = {"team": "mine", "cost": "c1"} if own else {}
    assert dict(found.spec.labels.values) == expected
    request = make.listing(runs, filters="eq(execution_tag.key,cost)")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == int(own)


@pytest.mark.parametrize("level", ["plan", "domain", "project"])
async def test_settings_come_from_the_nearest_level(
    flyte1: Client, workflow: str, level: str
) -> None:
    who = security_pb2.SecurityContext(run_as=security_pb2.Identity(k8s_service_account=level))
    spec: dict[str, object] = {"max_parallelism": 4, "security_context": who}
    await flyte1.ok(
        "CreateLaunchPlan", make.launch_plan(workflow, **(spec if level == "plan" else {}))
    )
    config = make.execution_config(workflow, level, security_context=who, max_parallelism=5)
    if config is not None:
        await flyte1.ok(config[0], config[1])
    found = await started(flyte1, workflow)
    assert found.spec.security_context.run_as.k8s_service_account == level
    assert found.spec.max_parallelism == (4 if level == "plan" else 5)


async def test_pool_other_than_the_domains_is_refused(flyte1: Client, runs: str) -> None:
    await flyte1.ok(*make.cluster_pool(runs, "cpu"))
    pool = cluster_assignment_pb2.ClusterAssignment(cluster_pool_name="gpu")
    request = make.execution(runs, f"x{runs}", cluster_assignment=pool)
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.code == "INVALID_ARGUMENT"
    pool = cluster_assignment_pb2.ClusterAssignment(cluster_pool_name="cpu")
    await flyte1.ok("CreateExecution", make.execution(runs, f"y{runs}", cluster_assignment=pool))


@pytest.mark.parametrize("behavior", ["skip", "unspecified"])
async def test_t9_plan_at_its_limit_skips_executions(
    flyte1: Client, workflow: str, behavior: str
) -> None:
    kinds = {
        "skip": make.launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP,
        "unspecified": make.launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_UNSPECIFIED,
    }
    policy = make.launch_plan_pb2.ConcurrencyPolicy(max=1, behavior=kinds[behavior])
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, concurrency_policy=policy))
    await flyte1.ok("CreateExecution", make.execution(workflow, f"x{workflow}"))
    # Nobody has picked the first one up, so it does not count yet.
    await flyte1.ok("CreateExecution", make.execution(workflow, f"y{workflow}"))
    await flyte1.ok("CreateWorkflowEvent", run.event(workflow, run.Phase.QUEUED))
    third = await flyte1.attempt("CreateExecution", make.execution(workflow, f"z{workflow}"))
    if behavior == "skip":
        assert third.code == "ALREADY_EXISTS"
        assert third.text == ("concurrency limit (1) reached for launch plan p; skipping execution")
        gone = await flyte1.refused("GetExecution", run.get(workflow, f"z{workflow}"))
        assert gone.code == "NOT_FOUND"
    else:
        assert third.id.name == f"z{workflow}"


async def test_single_task_runs_by_a_workflow_made_for_it(flyte1: Client, runs: str) -> None:
    request = make.execution(runs, f"x{runs}", tags=["a"])
    request.spec.launch_plan.CopyFrom(make.identifier(make.TASK, runs, "t"))
    await flyte1.ok("CreateExecution", request)
    found = await flyte1.ok("GetExecution", run.get(runs))
    assert found.closure.workflow_id.name == ".flytegen.t"
    workflow = make.get(make.WORKFLOW, runs, ".flytegen.t")
    answer = await flyte1.ok("GetWorkflow", workflow)
    nodes = answer.closure.compiled_workflow.primary.template.nodes
    assert "t" in [one.id for one in nodes]
    plan = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, runs, ".flytegen.t"))
    assert plan.spec.workflow_id.name == "t"
    request = make.listing(runs, filters="eq(task.name,t)")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == 1
    # Tags of a single task are kept in its spec and nowhere else.
    request = make.listing(runs, filters="eq(execution_tag.key,a)")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == 0


async def test_single_task_needs_its_inputs(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateTask", make.task(runs, "needs", inputs={"n": make.INTEGER}))
    request = make.execution(runs, f"x{runs}")
    request.spec.launch_plan.CopyFrom(make.identifier(make.TASK, runs, "needs"))
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.text == "expected_inputs n missing"
    request.inputs.CopyFrom(make.literals(n=make.integer(1)))
    await flyte1.ok("CreateExecution", request)
    found = await flyte1.ok("GetExecutionData", run.data(runs))
    assert found.full_inputs == make.literals(n=make.integer(1))


async def test_execution_of_an_unknown_task_is_not_found(flyte1: Client, runs: str) -> None:
    request = make.execution(runs, f"x{runs}")
    request.spec.launch_plan.CopyFrom(make.identifier(make.TASK, runs, "none"))
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("missing entity of type TASK")
