"""What a new execution takes over from its plan, its project's attributes and the server.

Of every setting the first that is not empty wins: the request's, the launch plan's, the narrowest
attribute's, the project's own attribute's, the server's. Only some of the outcome is stored in the
execution's spec: its parallelism and its security context (flyteadmin 1.16.8, getExecutionConfig
and getClusterAssignment).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flyteidl.admin import common_pb2, launch_plan_pb2, matchable_resource_pb2
from flyteidl.core import security_pb2

from reconciler.server.flyte1 import attributes, checks
from reconciler.server.status import refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flyteidl.admin import execution_pb2

    from reconciler.server.store import Store

    Settings = (
        execution_pb2.ExecutionSpec
        | launch_plan_pb2.LaunchPlanSpec
        | matchable_resource_pb2.WorkflowExecutionConfig
    )

_SERVER_MAX_PARALLELISM = 25
_CONFIG = attributes.name_of(matchable_resource_pb2.WORKFLOW_EXECUTION_CONFIG)
_ASSIGNMENT = attributes.name_of(matchable_resource_pb2.CLUSTER_ASSIGNMENT)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Labels and annotations of what the cluster is given to run."""

    labels: dict[str, str]
    annotations: dict[str, str]


def apply(
    store: Store,
    request: execution_pb2.ExecutionCreateRequest,
    plan: launch_plan_pb2.LaunchPlan | None,
) -> Metadata:
    """Complete the request's spec in place; `plan` is None for a single task.

    The answer is what the cluster would get beside the spec.
    """
    spec = request.spec
    levels: list[Settings] = [spec]
    if plan is not None:
        levels.append(plan.spec)
    workflow = plan.spec.workflow_id.name if plan is not None else ""
    levels += _attributes(store, request.project, request.domain, workflow)
    security = next((one.security_context for one in levels if _says_who(one)), None)
    context = security_pb2.SecurityContext()
    if security is not None:
        context.CopyFrom(security)
    else:
        _deprecated(spec, plan, context.run_as)
    context.run_as.SetInParent()
    spec.security_context.CopyFrom(context)
    if plan is not None:
        found = (one.max_parallelism for one in levels if one.max_parallelism > 0)
        spec.max_parallelism = next(found, _SERVER_MAX_PARALLELISM)
    labels = _project_labels(store, request.project) | _first(levels, "labels")
    if spec.labels.values:
        # They are one map with those of the request, and end up in the spec.
        spec.labels.values.update(labels)
    _check_pool(store, request)
    return Metadata(labels, _first(levels, "annotations"))


def _attributes(
    store: Store, project: str, domain: str, workflow: str
) -> Iterator[matchable_resource_pb2.WorkflowExecutionConfig]:
    for path in ((domain, workflow), ("", "")):
        found = attributes.most_specific(
            store, _CONFIG, project=project, domain=path[0], workflow=path[1]
        )
        if found is not None:
            yield found.workflow_execution_config


def _says_who(settings: Settings) -> bool:
    who = settings.security_context.run_as
    return bool(who.k8s_service_account or who.iam_role or who.execution_identity)


def _deprecated(
    spec: execution_pb2.ExecutionSpec,
    plan: launch_plan_pb2.LaunchPlan | None,
    run_as: security_pb2.Identity,
) -> None:
    """Who runs it according to the older fields, of which the first present one counts."""
    if spec.HasField("auth_role"):
        run_as.iam_role = spec.auth_role.assumable_iam_role
        run_as.k8s_service_account = spec.auth_role.kubernetes_service_account
    elif plan is None:
        return
    elif plan.spec.HasField("auth_role"):
        run_as.iam_role = plan.spec.auth_role.assumable_iam_role
        run_as.k8s_service_account = plan.spec.auth_role.kubernetes_service_account
    elif plan.spec.HasField("auth"):
        run_as.iam_role = plan.spec.auth.assumable_iam_role
        run_as.k8s_service_account = plan.spec.auth.kubernetes_service_account
    else:
        run_as.iam_role = plan.spec.role


def _first(levels: Sequence[Settings], field: str) -> dict[str, str]:
    """Labels or annotations of the first level that has any."""
    found = (dict(getattr(one, field).values) for one in levels)
    return next((one for one in found if one), {})


def _project_labels(store: Store, project: str) -> dict[str, str]:
    row = checks.find_project(store, project)
    if row is None or row["labels"] is None:
        return {}
    return dict(common_pb2.Labels.FromString(row["labels"]).values)


def _check_pool(store: Store, request: execution_pb2.ExecutionCreateRequest) -> None:
    wanted = request.spec.cluster_assignment.cluster_pool_name
    found = attributes.most_specific(
        store, _ASSIGNMENT, project=request.project, domain=request.domain
    )
    stored = "" if found is None else found.cluster_assignment.cluster_pool_name
    if wanted and stored and wanted != stored:
        raise refused(
            f'execution with project "{request.project}" and domain "{request.domain}" cannot run '
            f'on cluster pool "{wanted}", because its configured to run on pool "{stored}"'
        )
