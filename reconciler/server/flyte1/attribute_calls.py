"""The nine calls on attributes: update, get and delete at each of three levels.

Project-domain and workflow level need an active project even for reads; project level reads do not
(flyteadmin 1.16.8, validation/attributes_validator.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import (
    project_attributes_pb2 as of_project,
)
from flyteidl.admin import (
    project_domain_attributes_pb2 as of_domain,
)
from flyteidl.admin import (
    workflow_attributes_pb2 as of_workflow,
)

from reconciler.server.flyte1 import attributes, checks
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.refusals import missing

if TYPE_CHECKING:
    from reconciler.server.store import Store


def update_project(
    store: Store, request: of_project.ProjectAttributesUpdateRequest
) -> of_project.ProjectAttributesUpdateResponse:
    """UpdateProjectAttributes; plugin overrides always fail here, INTERNAL."""
    sent = optional(request, "attributes")
    if sent is None:
        raise missing("attributes")
    checks.active_project(store, sent.project)
    content = optional(sent, "matching_attributes")
    kind = attributes.kind_of(content, sent.project)
    attributes.write(store, content, kind=kind, project=sent.project)
    return of_project.ProjectAttributesUpdateResponse()


def get_project(
    store: Store, request: of_project.ProjectAttributesGetRequest
) -> of_project.ProjectAttributesGetResponse:
    """GetProjectAttributes: the project's own row, of archived projects too."""
    checks.known_project(store, request.project)
    kind = attributes.name_of(request.resource_type)
    return of_project.ProjectAttributesGetResponse(
        attributes=of_project.ProjectAttributes(
            project=request.project,
            matching_attributes=attributes.project_level(store, kind, request.project),
        )
    )


def delete_project(
    store: Store, request: of_project.ProjectAttributesDeleteRequest
) -> of_project.ProjectAttributesDeleteResponse:
    """DeleteProjectAttributes: the kind's rows of all domains and workflows go too."""
    checks.active_project(store, request.project)
    attributes.delete(store, attributes.name_of(request.resource_type), project=request.project)
    return of_project.ProjectAttributesDeleteResponse()


def update_domain(
    store: Store, request: of_domain.ProjectDomainAttributesUpdateRequest
) -> of_domain.ProjectDomainAttributesUpdateResponse:
    """UpdateProjectDomainAttributes."""
    sent = optional(request, "attributes")
    if sent is None:
        raise missing("attributes")
    checks.active_project_domain(store, sent.project, sent.domain)
    content = optional(sent, "matching_attributes")
    kind = attributes.kind_of(content, f"{sent.project}-{sent.domain}")
    attributes.write(store, content, kind=kind, project=sent.project, domain=sent.domain)
    return of_domain.ProjectDomainAttributesUpdateResponse()


def get_domain(
    store: Store, request: of_domain.ProjectDomainAttributesGetRequest
) -> of_domain.ProjectDomainAttributesGetResponse:
    """GetProjectDomainAttributes: an inherited row comes with an empty domain."""
    checks.active_project_domain(store, request.project, request.domain)
    kind = attributes.name_of(request.resource_type)
    row = attributes.most_specific_row(store, kind, project=request.project, domain=request.domain)
    if row is None:
        raise attributes.absent(kind, project=request.project, domain=request.domain)
    return of_domain.ProjectDomainAttributesGetResponse(
        attributes=of_domain.ProjectDomainAttributes(
            project=row["project"],
            domain=row["domain"],
            matching_attributes=attributes.content(row),
        )
    )


def delete_domain(
    store: Store, request: of_domain.ProjectDomainAttributesDeleteRequest
) -> of_domain.ProjectDomainAttributesDeleteResponse:
    """DeleteProjectDomainAttributes: the kind's rows of the domain's workflows go too."""
    checks.active_project_domain(store, request.project, request.domain)
    attributes.delete(
        store,
        attributes.name_of(request.resource_type),
        project=request.project,
        domain=request.domain,
    )
    return of_domain.ProjectDomainAttributesDeleteResponse()


def update_workflow(
    store: Store, request: of_workflow.WorkflowAttributesUpdateRequest
) -> of_workflow.WorkflowAttributesUpdateResponse:
    """UpdateWorkflowAttributes; the workflow need not exist."""
    sent = optional(request, "attributes")
    if sent is None:
        raise missing("attributes")
    checks.active_project_domain(store, sent.project, sent.domain)
    checks.text(sent.workflow, "name")
    content = optional(sent, "matching_attributes")
    place = f"{sent.project}-{sent.domain}-{sent.workflow}"
    attributes.write(
        store,
        content,
        kind=attributes.kind_of(content, place),
        project=sent.project,
        domain=sent.domain,
        workflow=sent.workflow,
    )
    return of_workflow.WorkflowAttributesUpdateResponse()


def get_workflow(
    store: Store, request: of_workflow.WorkflowAttributesGetRequest
) -> of_workflow.WorkflowAttributesGetResponse:
    """GetWorkflowAttributes: an inherited row comes with empty narrower parts."""
    checks.active_project_domain(store, request.project, request.domain)
    checks.text(request.workflow, "name")
    kind = attributes.name_of(request.resource_type)
    key = {
        "project": request.project,
        "domain": request.domain,
        "workflow": request.workflow,
    }
    row = attributes.most_specific_row(store, kind, **key)
    if row is None:
        raise attributes.absent(kind, **key)
    return of_workflow.WorkflowAttributesGetResponse(
        attributes=of_workflow.WorkflowAttributes(
            project=row["project"],
            domain=row["domain"],
            workflow=row["workflow"],
            matching_attributes=attributes.content(row),
        )
    )


def delete_workflow(
    store: Store, request: of_workflow.WorkflowAttributesDeleteRequest
) -> of_workflow.WorkflowAttributesDeleteResponse:
    """DeleteWorkflowAttributes."""
    checks.active_project_domain(store, request.project, request.domain)
    checks.text(request.workflow, "name")
    attributes.delete(
        store,
        attributes.name_of(request.resource_type),
        project=request.project,
        domain=request.domain,
        workflow=request.workflow,
    )
    return of_workflow.WorkflowAttributesDeleteResponse()
