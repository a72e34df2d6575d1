"""Recorded packages: what a client sent under explicit ids means what it serialized without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from package_files import ARCHIVES, QUICKSTART, VARIETY, digests, opened, package, resolved, tar

from reconciler.backends.flyte1.package import entities, identifiers, recorded
from reconciler.backends.packages.recorded import Blob
from reconciler.sources.archive import Archive, read

URL = "s3://recorded/flytesnacks/development/x/fast123.tar.gz"
CI = {"project": "flytesnacks", "domain": "staging", "version": "sha-1234"}


def requests(archive: Archive, code: str = "") -> Iterator[recorded.Request]:
    """What a client sends that registers these entities as version sha-1234."""
    content = entities.read(archive)
    everything: list[Any] = [
        *content.tasks.values(),
        *content.workflows.values(),
        *content.plans.values(),
    ]
    for message in everything:
        for identifier in identifiers.walk(message):
            if not identifier.version:
                for name, value in CI.items():
                    setattr(identifier, name, value)
    for task in content.tasks.values():
        for target in (task.template.container,):
            args = [URL if one == "{{ .remote_package_path }}" else one for one in target.args]
            target.args[:] = args
        yield task_pb2.TaskCreateRequest(id=task.template.id, spec=task)
    for workflow in content.workflows.values():
        yield workflow_pb2.WorkflowCreateRequest(id=workflow.template.id, spec=workflow)
    for plan in content.plans.values():
        yield launch_plan_pb2.LaunchPlanCreateRequest(id=plan.id, spec=plan.spec)


def code_of(archive: Archive) -> bytes:
    return next(one for name, one in archive.members.items() if name.endswith(".tar.gz"))


def test_recorded_registration_has_the_digests_of_the_serialized_package() -> None:
    archive = opened(QUICKSTART)
    made = recorded.write(requests(opened(QUICKSTART)))
    assert digests(made) == digests(archive)


def test_recorded_upload_is_the_code_that_its_url_names() -> None:
    path = ARCHIVES / "quickstart-all.tgz"
    blob = Blob(URL, "fast123.tar.gz", code_of(opened(path)))
    made = recorded.write(requests(opened(path)), [blob])
    assert digests(made) == digests(opened(path))


def test_references_to_others_survive_recording() -> None:
    archive = Archive(
        {name: one for name, one in opened(VARIETY).members.items() if "in_a_pod" not in name}
    )
    kept = {name: one for name, one in archive.members.items() if "outer" not in name}
    blob = Blob(URL, "fast123.tar.gz", code_of(archive))
    made = recorded.write(requests(Archive(kept)), [blob])
    assert digests(made) == digests(Archive(kept))


def test_what_was_written_reads_back_through_a_file() -> None:
    made = recorded.write(requests(opened(QUICKSTART)))
    assert read(tar(made.members)) == made


def test_request_that_was_sent_twice_is_kept_once() -> None:
    once = recorded.write(requests(opened(QUICKSTART)))
    twice = recorded.write([*requests(opened(QUICKSTART)), *requests(opened(QUICKSTART))])
    assert once == twice


def test_two_versions_of_one_entity_are_an_error() -> None:
    first = list(requests(opened(QUICKSTART)))
    second = task_pb2.TaskCreateRequest()
    second.CopyFrom(first[0])  # type: ignore[arg-type] # the first request is that of a task
    second.id.version = "sha-5678"
    assert "a second time" in problem_of(recorded.write([*first, second]))


def problem_of(archive: Archive) -> str:
    return "\n".join(str(one) for one in resolved(package(), archive=archive).errors)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"no json", "is not JSON"),
        (b"[]", "is not of format 1"),
        (b'{"formatVersion": 2}', "record it again"),
        (b'{"formatVersion": 1, "flyte": "Flyte2"}', "recorded from a client of Flyte2"),
        (b'{"formatVersion": 1, "flyte": "Flyte1"}', "is not as"),
        (
            (
                b'{"formatVersion": 1, "flyte": "Flyte1", "requests":'
                b' [{"method": "AdminService.CreateTask", "file": "gone"}]}'
            ),
            "gone: is named in manifest.json and missing",
        ),
        (
            (
                b'{"formatVersion": 1, "flyte": "Flyte1", "requests":'
                b' [{"method": "AdminService.CreateTask", "file": "bad"}]}'
            ),
            "bad: is not the request",
        ),
        (
            (
                b'{"formatVersion": 1, "flyte": "Flyte1", "requests":'
                b' [{"method": "AdminService.CreateExecution", "file": "bad"}]}'
            ),
            "registers nothing",
        ),
        (
            (
                b'{"formatVersion": 1, "flyte": "Flyte1", "requests": [],'
                b' "blobs": [{"url": "u", "name": "n", "sha256": "00"}]}'
            ),
            "blobs/00: has another SHA-256",
        ),
    ],
)
def test_broken_recording_is_an_error_that_says_what(manifest: bytes, words: str) -> None:
    members = {"manifest.json": manifest, "bad": b"\xff\xff", "blobs/00": b"other"}
    assert words in problem_of(Archive(members))


def test_manifest_names_methods_and_files() -> None:
    made = recorded.write(requests(opened(QUICKSTART)))
    manifest = json.loads(made.members["manifest.json"])
    assert len(manifest["requests"]) == 17
    assert {one["file"] for one in manifest["requests"]} == set(made.members) - {"manifest.json"}
