"""Everything that a serialized workflow can refer to, once."""

from datetime import timedelta

from flytekit import (
    LaunchPlan,
    PodTemplate,
    approve,
    conditional,
    map_task,
    reference_launch_plan,
    reference_task,
    task,
    workflow,
)
from kubernetes.client import V1Container, V1PodSpec


@task
def double(n: int) -> int:
    return 2 * n


@task(pod_template=PodTemplate(pod_spec=V1PodSpec(containers=[V1Container(name="primary")])))
def in_a_pod(n: int) -> int:
    return n + 1


@task
def clean_up(name: str = "x") -> None:
    """Tidy."""


@reference_task(project="flytesnacks", domain="development", name="others.task", version="v1")
def other_task(n: int) -> int:
    return n


@reference_launch_plan(
    project="flytesnacks", domain="development", name="others.plan", version="v1"
)
def other_plan(n: int) -> int:
    return n


@workflow
def inner(n: int = 1) -> int:
    return double(n=n)


inner_plan = LaunchPlan.get_or_create(
    workflow=inner, name="variety.inner_plan", fixed_inputs={"n": 4}
)


@workflow
def outer(n: int, names: list[int], name: str = "x") -> int:
    """Run one of each."""
    first = inner(n=n)
    mapped = map_task(double)(n=names)
    chosen = conditional("big").if_(first > 3).then(in_a_pod(n=first)).else_().then(inner_plan())
    gate = approve(first, "go", timeout=timedelta(hours=1))
    mapped >> gate
    return chosen


@workflow(on_failure=clean_up)
def guarded(name: str = "x") -> None:
    clean_up(name=name)


@workflow
def foreign(n: int) -> int:
    return other_plan(n=other_task(n=n))
