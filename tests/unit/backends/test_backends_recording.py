"""A package made of recorded requests."""

from __future__ import annotations

import base64
import gzip
import itertools
import json

import pytest
from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import recording
from reconciler.backends.flyte1.package import recorded
from reconciler.backends.packages import recorded as shared
from reconciler.backends.packages.recorded import Blob
from reconciler.backends.packages.recording import Upload
from reconciler.errors import UsageError
from reconciler.sources import archive

URL = "s3://bucket/p/d/ABC/code.tar.gz"
CODE = Upload(URL, "code.tar.gz", b"bytes of the code")


def identifier(
    kind: int, name: str, *, project: str = "p", domain: str = "d", version: str = "v1"
) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind,  # type: ignore[arg-type]
        project=project,
        domain=domain,
        name=name,
        version=version,
    )


def settings(**more: object) -> str:
    value = {"project": "p", "version": "v1", "source_root": "/home/me", "env": None, **more}
    return base64.b64encode(gzip.compress(json.dumps(value).encode())).decode()


def task(name: str = "t", **at: str) -> task_pb2.TaskCreateRequest:
    own = identifier(identifier_pb2.TASK, name, **at)
    request = task_pb2.TaskCreateRequest(id=own)
    request.spec.template.id.CopyFrom(own)
    request.spec.template.container.args.extend(["--additional-distribution", URL])
    request.spec.template.container.env.add(
        key="_F_SS_C",
        value=settings(fast_serialization_settings={"distribution_location": URL}),
    )
    return request


def workflow(name: str = "w", uses: str = "t", **at: str) -> workflow_pb2.WorkflowCreateRequest:
    request = workflow_pb2.WorkflowCreateRequest(id=identifier(identifier_pb2.WORKFLOW, name, **at))
    node = request.spec.template.nodes.add(id="n0")
    node.task_node.reference_id.CopyFrom(identifier(identifier_pb2.TASK, uses, **at))
    return request


def plan(name: str = "w", runs: str = "w", **at: str) -> launch_plan_pb2.LaunchPlanCreateRequest:
    return launch_plan_pb2.LaunchPlanCreateRequest(
        id=identifier(identifier_pb2.LAUNCH_PLAN, name, **at),
        spec=launch_plan_pb2.LaunchPlanSpec(
            workflow_id=identifier(identifier_pb2.WORKFLOW, runs, **at)
        ),
    )


def read(content: bytes) -> dict[str, bytes]:
    """Serialized entities by member and kind, in order."""
    entities, _ = recorded.read(archive.read(content))
    return {kind: entity for _, kind, entity in entities}


def blobs(content: bytes) -> tuple[Blob, ...]:
    """Uploads of a package."""
    return shared.read(archive.read(content), recorded.FORM).blobs


def test_whatever_order_place_and_version_the_package_is_the_same() -> None:
    requests = [task(), workflow(), plan(), plan("nightly")]
    packages = {
        recording.package(order, [CODE], activated=["nightly"])
        for order in itertools.permutations(requests)
    }
    elsewhere = {"project": "other", "domain": "production", "version": "v2"}
    moved = [
        task(**elsewhere),
        workflow(**elsewhere),
        plan(**elsewhere),
        plan("nightly", **elsewhere),
    ]
    packages.add(recording.package(moved, [CODE], activated=["nightly"]))
    assert len(packages) == 1


def test_requests_are_in_dependency_order() -> None:
    node = workflow("outer")
    node.spec.template.nodes[0].workflow_node.launchplan_ref.CopyFrom(
        identifier(identifier_pb2.LAUNCH_PLAN, "w")
    )
    made, _ = recorded.read(archive.read(recording.package([node, plan(), workflow(), task()])))
    names = [(kind, recorded_name(kind, entity)) for _, kind, entity in made]
    assert names == [
        ("FlyteTask", "t"),
        ("FlyteWorkflow", "w"),
        ("FlyteLaunchPlan", "w"),
        ("FlyteWorkflow", "outer"),
    ]


def recorded_name(kind: str, entity: bytes) -> str:
    match kind:
        case "FlyteTask":
            return task_pb2.TaskSpec.FromString(entity).template.id.name
        case "FlyteWorkflow":
            return workflow_pb2.WorkflowSpec.FromString(entity).template.id.name
        case _:
            return launch_plan_pb2.LaunchPlan.FromString(entity).id.name


def test_what_was_not_sent_stays_as_it_is_written() -> None:
    foreign = workflow()
    foreign.spec.template.nodes[0].task_node.reference_id.CopyFrom(
        identifier(identifier_pb2.TASK, "t", version="v0")
    )
    spec = workflow_pb2.WorkflowSpec.FromString(
        read(recording.package([task(), foreign]))["FlyteWorkflow"]
    )
    reference = spec.template.nodes[0].task_node.reference_id
    assert (reference.project, reference.domain, reference.version) == ("p", "d", "v0")
    assert spec.template.id.version == "{{ registration.version }}"


def test_code_is_named_by_its_content_in_arguments_and_settings() -> None:
    content = recording.package([task()], [CODE])
    spec = task_pb2.TaskSpec.FromString(read(content)["FlyteTask"])
    (blob,) = blobs(content)
    assert (blob.name, blob.content) == (CODE.name, CODE.content)
    assert blob.url.startswith("recorded://")
    assert spec.template.container.args[1] == blob.url
    packed = spec.template.container.env[0].value
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == {
        "project": None,
        "version": None,
        "source_root": None,
        "env": None,
        "fast_serialization_settings": {"distribution_location": blob.url},
    }


def test_code_and_settings_of_a_pod_are_rewritten_too() -> None:
    request = task()
    request.spec.template.k8s_pod.pod_spec.update(
        {
            "containers": [
                {
                    "args": ["--additional-distribution", URL],
                    "env": [{"name": "_F_SS_C", "value": settings()}],
                }
            ]
        }
    )
    spec = task_pb2.TaskSpec.FromString(read(recording.package([request], [CODE]))["FlyteTask"])
    (container,) = spec.template.k8s_pod.pod_spec["containers"]
    assert container["args"][1].startswith("recorded://")
    packed = container["env"][0]["value"]
    assert json.loads(gzip.decompress(base64.b64decode(packed)))["source_root"] is None


def test_the_same_code_at_two_places_is_one_blob() -> None:
    other = task("u")
    other.spec.template.container.args[1] = "s3://bucket/p/d/XYZ/code.tar.gz"
    twice = Upload("s3://bucket/p/d/XYZ/code.tar.gz", CODE.name, CODE.content)
    assert len(blobs(recording.package([task(), other], [CODE, twice]))) == 1


def test_an_upload_that_nothing_names_is_left_out() -> None:
    other = Upload("s3://bucket/p/d/DEF/notes.txt", "notes.txt", b"")
    made = blobs(recording.package([task()], [CODE, other]))
    assert [blob.name for blob in made] == ["code.tar.gz"]


def test_a_file_as_a_default_input_is_refused() -> None:
    request = plan()
    scalar = request.spec.fixed_inputs.literals["data"].scalar
    scalar.blob.uri = "s3://bucket/p/d/DEF/data.csv"
    data = Upload("s3://bucket/p/d/DEF/data.csv", "data.csv", b"1")
    with pytest.raises(UsageError, match=r"w: has the file data\.csv as a value"):
        recording.package([task(), workflow(), request], [CODE, data])
    scalar.blob.uri = "s3://bucket/p/d/DEF/"
    scalar.blob.metadata.type.dimensionality = 1
    with pytest.raises(UsageError, match="was uploaded for it"):
        recording.package([request], [data])


def test_one_name_with_two_contents_is_refused_and_a_repeated_request_is_not() -> None:
    assert recording.package([task(), task()]) == recording.package([task()])
    changed = task(version="v2")
    changed.spec.template.container.args.append("more")
    with pytest.raises(UsageError, match="t: was registered twice with different content"):
        recording.package([task(), changed])


def test_two_project_domains_are_refused() -> None:
    with pytest.raises(UsageError, match="registered into p/d and p/e"):
        recording.package([task(), task("u", domain="e")])


def test_the_requests_that_were_given_are_not_changed() -> None:
    request = task()
    before = request.SerializeToString()
    recording.package([request], [CODE])
    assert request.SerializeToString() == before
