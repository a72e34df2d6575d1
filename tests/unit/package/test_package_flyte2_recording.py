"""What a client of Flyte 2 sent becomes a package that says nothing of where it was recorded."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from package_files import opened
from package_flyte2 import SHOP, Request, task

from reconciler.backends.flyte2.package import recorded, recording
from reconciler.backends.packages import recorded as packages
from reconciler.backends.packages.recording import Upload
from reconciler.errors import UsageError
from reconciler.sources import archive

STORE = "s3://recording/"
URL = f"{STORE}uploads/p/d/KEY======/fast00.tar.gz"
(BLOB,) = packages.read(opened(SHOP), recorded.FORM).blobs
CODE = Upload(URL, "fast00.tar.gz", BLOB.content)
HASH = "0123456789abcdef0123456789abcdef"


def with_code(request: Request, url: str = URL) -> Request:
    template = request.spec.task_template
    template.container.args.insert(3, "--tgz")
    template.container.args.insert(4, url)
    template.metadata.code_bundle_uri = url
    return request


def package(*sent: Request, uploads: Any = (CODE,)) -> bytes:
    return recording.package(sent, uploads, store=STORE)


def read(content: bytes) -> dict[str, Request]:
    found = packages.read(archive.read(content), recorded.FORM)
    requests = [sent.request for sent in found.requests]
    return {one.task_id.name: one for one in requests if isinstance(one, Request)}


def blobs(content: bytes) -> tuple[packages.Blob, ...]:
    return packages.read(archive.read(content), recorded.FORM).blobs


def test_whatever_order_place_and_version_the_package_is_the_same() -> None:
    names = ["a.one", "a.two", "b.one"]
    made = {
        package(*(with_code(task(name)) for name in order))
        for order in itertools.permutations(names)
    }
    elsewhere: dict[str, Any] = {"project": "q", "domain": "e", "version": "v1"}
    made.add(package(*(with_code(task(name, **elsewhere)) for name in names)))
    other = Upload(f"{STORE}uploads/q/e/OTHER/fast00.tar.gz", CODE.name, CODE.content)
    made.add(package(*(with_code(task(name), other.url) for name in names), uploads=[other]))
    assert len(made) == 1
    assert list(read(made.pop())) == names


def test_ids_versions_and_code_become_placeholders() -> None:
    request = with_code(task("env.work", HASH))
    request.task_id.org = request.spec.task_template.id.org = "acme"
    found = read(package(request))["env.work"]
    for identifier in (found.task_id, found.spec.task_template.id):
        assert identifier.project == "{{ registration.project }}"
        assert identifier.domain == "{{ registration.domain }}"
        assert identifier.version == "{{ registration.version }}"
        assert not identifier.org
    args = list(found.spec.task_template.container.args)
    assert args[:3] == ["a0", "--version", "{{ registration.version }}"]
    assert args[4] == found.spec.task_template.metadata.code_bundle_uri
    assert args[4].startswith("recorded://")


def test_version_that_the_sdk_made_is_found_anywhere() -> None:
    request = task("env.work", HASH)
    request.spec.task_template.custom.update({"nested": [f"job-{HASH}"]})
    found = read(package(request))["env.work"]
    assert found.spec.task_template.custom["nested"][0] == "job-{{ registration.version }}"


def test_version_that_a_person_chose_is_no_word_to_replace() -> None:
    request = task("env.work", "1")
    resources = request.spec.task_template.container.resources
    resources.requests.add(name=1, value="1")
    request.spec.task_template.container.env.add(key="RELEASE", value="1")
    container = read(package(request))["env.work"].spec.task_template.container
    assert container.args[2] == "{{ registration.version }}"
    assert container.resources.requests[0].value == "1"
    assert container.env[0].value == "1"


def test_task_that_was_deployed_under_two_versions_is_one() -> None:
    twice = [with_code(task(version=one * 32)) for one in "ab"]
    assert package(*twice) == package(twice[0])


def test_two_contents_of_one_name_are_refused() -> None:
    other = task()
    other.spec.task_template.container.image = "other"
    with pytest.raises(UsageError, match=r"env\.work: was registered twice with different content"):
        package(task(), other)
    triggered = task()
    triggered.triggers.add(name="daily")
    with pytest.raises(UsageError, match="registered twice"):
        package(task(), triggered)


def test_two_places_are_refused() -> None:
    with pytest.raises(UsageError, match="registered into p/d and p/e"):
        package(task("a"), task("b", domain="e"))


def test_triggers_stay_with_their_task_and_are_named_in_the_manifest() -> None:
    request = task()
    request.triggers.add(name="weekly")
    request.triggers.add(name="daily")
    content = package(request)
    assert [trigger.name for trigger in read(content)["env.work"].triggers] == ["weekly", "daily"]
    manifest = json.loads(archive.read(content).members["manifest.json"])
    assert manifest["triggers"] == [
        {"task": "env.work", "name": "daily"},
        {"task": "env.work", "name": "weekly"},
    ]


def test_file_as_a_default_input_is_refused() -> None:
    request = task()
    parameter = request.spec.default_inputs.add(name="data").parameter
    parameter.default.scalar.blob.uri = URL
    with pytest.raises(UsageError, match=r"env\.work: has the file fast00\.tar\.gz as a value"):
        package(request)


def test_code_that_was_not_uploaded_now_is_refused() -> None:
    with pytest.raises(UsageError, match="was not uploaded now: the SDK believes"):
        package(with_code(task()), uploads=[])


def test_upload_that_nothing_names_is_left_out() -> None:
    assert blobs(package(task())) == ()
    assert len(blobs(package(with_code(task())))) == 1


def test_images_are_packed_by_content_alone() -> None:
    def request(*pairs: tuple[str, str], level: int) -> Request:
        import base64
        import gzip

        text = json.dumps({"image_lookup": dict(pairs), "build_run_ids": {}})
        packed = base64.b64encode(gzip.compress(text.encode(), level)).decode()
        made = task()
        made.spec.task_template.container.args[1:1] = ["--image-cache", packed]
        return made

    one = request(("a", "r/a"), ("b", "r/b"), level=9)
    other = request(("b", "r/b"), ("a", "r/a"), level=1)
    assert package(one) == package(other)
