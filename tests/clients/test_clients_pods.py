"""Code of tasks as pods run it, beside an embedded Flyte: what it asks of Flyte comes true."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import engine2_kit as engine
import pytest
from client_kit import DOMAIN, HERE, run
from flyte_kit import SDK, Sdk
from flyteidl2.common import identifier_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2, dataproxy_service_pb2_grpc
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import run_service_pb2, run_service_pb2_grpc
from pod_kit import Pods, s3

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.clients

VALUE = "s3cr3t-value"
SET = """
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteSync
    metadata: {{name: jobs}}
    spec:
      connection: local
      defaults: {{project: {project}, domain: development}}
      secrets: {{allow: {{env: [THE_TOKEN]}}}}
    ---
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteConnection
    metadata: {{name: local}}
    spec: {{endpoint: "{endpoint}", flyte: Flyte2, tls: {{insecure: true}}}}
    ---
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlytePackage
    metadata: {{name: app}}
    spec: {{archive: app.tgz}}
    ---
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteSecret
    metadata: {{name: api-token}}
    spec: {{valueFrom: {{env: THE_TOKEN}}}}
    ---
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteRun
    metadata: {{name: peek}}
    spec: {{task: {{name: jobs.peek, package: app}}}}
"""


@pytest.fixture
def pods(sdk: Sdk) -> Iterator[Pods]:
    """Pods of a project, whose image holds no code; `work` beside it has it."""
    if sdk.server is None:
        pytest.skip("a real Flyte runs its pods itself, and without a kubelet none")
    shutil.copytree(HERE / "pods_project", sdk.folder / "work")
    image = sdk.folder / "image"
    image.mkdir()
    with s3(sdk.server.store.objects) as bucket:
        yield Pods(sdk, bucket, image)


@pytest.fixture
def deployed(pods: Pods) -> Pods:
    """The same once the client has deployed the tasks."""
    pods.sdk.flyte("deploy", "--version", "v1", "work/jobs.py", "env")
    return pods


def started(pods: Pods, task: str, **inputs: int) -> identifier_pb2.ActionIdentifier:
    """Start a run, as another client would; its root."""
    literals = []
    for name, value in inputs.items():
        literal = literals_pb2.Literal()
        literal.scalar.primitive.integer = value
        literals.append(common_pb2.NamedLiteral(name=name, value=literal))
    project = pods.sdk.project
    request = run_service_pb2.CreateRunRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=project, domain=DOMAIN),
        task_id=task_definition_pb2.TaskIdentifier(
            project=project, domain=DOMAIN, name=task, version="v1"
        ),
        inputs=common_pb2.Inputs(literals=literals),
    )
    stub = run_service_pb2_grpc.RunServiceStub(pods.sdk.channel)
    return stub.CreateRun(request).run.action.id


def output(pods: Pods, action: identifier_pb2.ActionIdentifier) -> Any:
    """The one value that an action returned."""
    stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(pods.sdk.channel)
    request = dataproxy_service_pb2.GetActionDataRequest(action_id=action)
    (one,) = stub.GetActionData(request).outputs.literals
    return one.value.scalar.primitive


def test_fetched_task_that_a_task_calls_is_run_by_flyte_and_its_result_comes_back(
    deployed: Pods,
) -> None:
    root = started(deployed, "jobs.call", count=20)
    parent = deployed.start(root)
    child = deployed.child(root, parent)
    deployed.end(child, deployed.start(child))
    deployed.end(root, parent)
    assert output(deployed, child).integer == 40
    assert output(deployed, root).integer == 41
    stub = run_service_pb2_grpc.RunServiceStub(deployed.sdk.channel)
    request = run_service_pb2.GetActionDetailsRequest(action_id=child)
    details = stub.GetActionDetails(request).details
    assert details.metadata.parent == "a0"
    assert details.metadata.task.id.name == "jobs.double"
    actions = run_service_pb2.ListActionsRequest(run_id=root.run)
    assert {one.id.name for one in stub.ListActions(actions).actions} == {"a0", child.name}


def test_fetched_task_that_fails_fails_who_calls_it_with_its_reason(deployed: Pods) -> None:
    root = started(deployed, "jobs.call", count=13)
    parent = deployed.start(root)
    child = deployed.child(root, parent)
    deployed.end(child, deployed.start(child))
    deployed.end(root, parent)
    stub = run_service_pb2_grpc.RunServiceStub(deployed.sdk.channel)
    for action in (child, root):
        request = run_service_pb2.GetActionDetailsRequest(action_id=action)
        details = stub.GetActionDetails(request).details
        assert details.status.phase == engine.FAILED
        assert "thirteen is no count" in details.error_info.message


def test_task_reads_the_secret_that_is_declared_and_its_output_is_described(pods: Pods) -> None:
    root = pods.sdk.folder / "set"
    root.mkdir()
    settings = {"project": pods.sdk.project, "endpoint": pods.sdk.endpoint}
    (root / "reconcile.yaml").write_text(textwrap.dedent(SET).format(**settings))
    reconcile = (sys.executable, "-m", "reconciler")
    code = pods.sdk.folder / "work"
    deploy = (str(SDK / "bin" / "flyte"), "deploy", "--project", "some", "--domain", "where")
    run(
        *(*reconcile, "record", "--out", str(root / "app.tgz"), "--", *deploy, "jobs.py", "env"),
        cwd=code,
        **pods.sdk.variables,
    )
    run(*reconcile, "--yes", cwd=root, THE_TOKEN=VALUE)
    stub = run_service_pb2_grpc.RunServiceStub(pods.sdk.channel)
    place = identifier_pb2.ProjectIdentifier(name=pods.sdk.project, domain=DOMAIN)
    answer = stub.ListRuns(run_service_pb2.ListRunsRequest(project_id=place))
    (action,) = (one.action.id for one in answer.runs)
    request = run_service_pb2.GetActionDetailsRequest(action_id=action)
    template = stub.GetActionDetails(request).details.task.task_template
    (secret,) = template.security_context.secrets
    assert (secret.key, secret.env_var) == ("api-token", "API_TOKEN")
    pods.end(action, pods.start(action, **{secret.env_var: VALUE}))
    said = run(*reconcile, "describe", "run", action.run.name, cwd=root).stdout
    assert 'Outputs:\n  o0  str = "s3cr"\n' in said
    assert VALUE not in said
    again = run(*reconcile, "--yes", cwd=root, THE_TOKEN=VALUE).stdout
    assert VALUE not in again
    last = run(*reconcile, "plan", "--detailed-exitcode", cwd=root, THE_TOKEN=VALUE)
    assert last.returncode == 0
