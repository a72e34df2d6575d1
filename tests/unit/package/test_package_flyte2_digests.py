"""Versions of Flyte 2's tasks follow from content alone, wherever they were deployed from."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from flyteidl2.core import literals_pb2
from google.protobuf import struct_pb2
from package_files import ARCHIVES, ROOT, opened
from package_flyte2 import ELSEWHERE, SHOP, Request, digests, edited, moved, requests, task

from reconciler.backends.flyte2.package import recorded
from reconciler.backends.flyte2.task.normal import normal, shorten
from reconciler.backends.packages import recorded as packages
from reconciler.sources.archive import Archive, read

HOST = "registry.example.com"
GOLDEN = ROOT / "tests/golden/digests.json"


def request_of(archive: Archive, name: str) -> Request:
    return next(one for one in requests(archive) if one.task_id.name == name)


def images(**lookup: str) -> str:
    """Images as the SDK packs them, with the runs that built them."""
    value = {"image_lookup": lookup, "build_run_ids": {name: {"name": "r1"} for name in lookup}}
    return base64.b64encode(gzip.compress(json.dumps(value).encode(), 1)).decode()


def replace(request: Request, flag: str, value: str) -> None:
    args = request.spec.task_template.container.args
    args[list(args).index(flag) + 1] = value


def set_env(request: Request, key: str, value: str) -> None:
    env = request.spec.task_template.container.env
    for pair in env:
        if pair.key == key:
            pair.value = value
            return
    env.append(literals_pb2.KeyValuePair(key=key, value=value))


def custom(request: Request, **fields: Any) -> None:
    request.spec.task_template.custom.update(fields)


def test_two_directories_two_sdks_and_triggers_give_the_same_digests() -> None:
    here, elsewhere = opened(SHOP), opened(ELSEWHERE)
    sdks = {
        one.spec.task_template.metadata.runtime.version
        for archive in (here, elsewhere)
        for one in requests(archive)
    }
    paths = {
        pair.value
        for archive in (here, elsewhere)
        for one in requests(archive)
        for pair in one.spec.task_template.container.env
        if pair.key == "_F_SYS_PATH"
    }
    assert sdks == {"2.11.4", "2.12.1"}
    assert paths == {"./.", "./.venv-sdk/bin:./.venv-sdk/lib/python3.11/site-packages:./."}
    assert [len(request_of(one, "orders.etl").triggers) for one in (here, elsewhere)] == [0, 1]

    assert len(digests(here)) == 5
    assert digests(here) == digests(elsewhere)


@pytest.mark.parametrize("path", [SHOP, ELSEWHERE], ids=["shop", "elsewhere"])
def test_committed_recordings_are_of_the_source_beside_them(path: Any) -> None:
    (blob,) = packages.read(opened(path), recorded.FORM).blobs
    source = {
        f"shop/{one.name}": one.read_bytes() for one in (ARCHIVES / "src" / "shop").glob("*.py")
    }
    assert read(blob.content).members == source


def test_golden_digests_of_committed_recordings_never_change() -> None:
    known = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = {
        f"flyte2/shop/FlyteTask/{name}": digest for name, digest in digests(opened(SHOP)).items()
    }
    assert len(found) == 5
    assert {name: known.get(name) for name in found} == found


LEFT_OUT = {
    "source link": lambda one: one.spec.documentation.source_code.__setattr__("link", "x"),
    "sdk": lambda one: one.spec.task_template.metadata.runtime.__setattr__("version", "9"),
    "identifier": lambda one: one.spec.task_template.id.__setattr__("project", "other"),
    "deployed version": lambda one: replace(one, "--version", "v7"),
    "image build": lambda one: one.spec.task_template.metadata.image_build_run.__setattr__(
        "name", "r1"
    ),
    "python's folders": lambda one: set_env(
        one, "_F_SYS_PATH", "./venv/bin:./.tox/x:./venv/lib/python3.12/site-packages:./python3.zip"
    ),
    "no bundle beside": lambda one: one.spec.task_template.metadata.ClearField("code_bundle_uri"),
    "triggers": lambda one: one.triggers.add(name="daily"),
    "runs that built images": lambda one: replace(
        one, "--image-cache", images(warm=f"{HOST}/warm:v2", tools=f"{HOST}/alpine:3")
    ),
}

COUNTED = {
    "image": lambda one: one.spec.task_template.container.__setattr__("image", "other"),
    "images": lambda one: replace(one, "--image-cache", images(other="image")),
    "variable": lambda one: set_env(one, "MODE", "test"),
    "folder of code": lambda one: set_env(one, "_F_SYS_PATH", "./src"),
    "function": lambda one: replace(one, "mod", "other"),
    "folder": lambda one: replace(one, "--dest", "/code"),
    "cached code": lambda one: one.spec.task_template.metadata.__setattr__(
        "discovery_version", "x"
    ),
    "default": lambda one: one.spec.default_inputs.pop(),
    "documentation": lambda one: one.spec.documentation.__setattr__("short_description", "x"),
    "environment": lambda one: one.spec.environment.__setattr__("description", "x"),
    "plugin": lambda one: custom(one, version="1"),
}


@pytest.mark.parametrize("what", sorted(LEFT_OUT))
def test_what_depends_on_where_it_was_deployed_is_left_out(what: str) -> None:
    before = opened(SHOP)
    after = edited(before, "orders.load", LEFT_OUT[what])
    assert after != before
    assert moved(before, after) == set()


@pytest.mark.parametrize("what", sorted(COUNTED))
def test_what_decides_how_a_task_runs_counts(what: str) -> None:
    before = opened(SHOP)
    assert moved(before, edited(before, "orders.load", COUNTED[what])) == {"orders.load"}


def test_images_count_by_content_in_any_order_and_packing() -> None:
    def packed(text: str) -> Archive:
        return edited(opened(SHOP), "orders.load", lambda one: replace(one, "--image-cache", text))

    one = packed(images(a="r/a:1", b="r/b:1"))
    assert moved(one, packed(images(b="r/b:1", a="r/a:1"))) == set()
    assert moved(one, packed(images(a="r/a:1", b="r/b:2"))) == {"orders.load"}
    assert moved(one, packed("no images")) == {"orders.load"}


def test_edited_code_moves_every_task_that_brings_it() -> None:
    before = opened(SHOP)
    found = packages.read(before, recorded.FORM)
    (blob,) = found.blobs
    other = packages.Blob(blob.url, "code_bundle.pkl.gz", gzip.compress(b"other"))
    after = packages.write(recorded.FORM, requests(before), [other])
    assert moved(before, after) == set(digests(before)), "a container of its own names it too"
    again = packages.Blob(blob.url, "code_bundle.pkl.gz", gzip.compress(b"other", 1))
    assert moved(after, packages.write(recorded.FORM, requests(before), [again])) == set()


def test_reusable_environments_count_without_the_sdks_own_version_of_them() -> None:
    before = opened(SHOP)
    assert request_of(before, "warm.score").spec.task_template.custom["version"]
    other = edited(before, "warm.score", lambda one: custom(one, version="other"))
    assert moved(before, other) == set()
    other = edited(before, "warm.score", lambda one: custom(one, name="other"))
    assert moved(before, other) == {"warm.score"}


def test_arguments_of_somebody_elses_program_are_kept() -> None:
    def words(*args: str) -> Any:
        return lambda one: one.spec.task_template.container.args.__setitem__(slice(None), args)

    before = opened(SHOP)
    kept = ["/bin/sh", "-c", "echo", "--version", "3"]
    assert list(request_of(before, "shell").spec.task_template.container.args) == kept
    assert moved(before, edited(before, "shell", words(*kept[:-1], "4"))) == {"shell"}


def test_own_words_after_the_resolver_are_no_options() -> None:
    one, other = task(), task()
    for request, word in ((one, "v1"), (other, "v2")):
        request.spec.task_template.container.args.extend(["--version", word])
    assert normal(one.spec) != normal(other.spec)


def test_pods_are_read_like_containers() -> None:
    def pod(request: Request, version: str, path: str, mode: str) -> None:
        env = [{"name": "_F_SYS_PATH", "value": path}, {"name": "MODE", "value": mode}]
        containers = [{"name": "main", "args": ["a0", "--version", version], "env": env}]
        spec = struct_pb2.Struct()
        spec.update({"containers": containers})
        request.spec.task_template.ClearField("container")
        request.spec.task_template.k8s_pod.pod_spec.CopyFrom(spec)

    def made(*words: str) -> dict[str, Any]:
        request = task()
        pod(request, *words)
        return normal(request.spec)

    first = made("v1", "./venv/bin:./.", "prod")
    assert first == made("v2", "", "prod")
    assert first != made("v1", "./src", "prod")
    assert first != made("v1", "", "test")
    assert first["taskTemplate"]["k8sPod"]["podSpec"]["containers"] == [
        {"name": "main", "args": ["a0"], "env": [{"name": "MODE", "value": "prod"}]}
    ]


def test_places_of_code_read_back_as_the_code_wherever_they_stand() -> None:
    def at(prefix: str, text: str) -> dict[str, Any]:
        request = task()
        url = f"{prefix}/aaaaaaaaaaaaaaa2/{'0' * 32}.tar.gz"
        template = request.spec.task_template
        template.container.args.insert(3, "--tgz")
        template.container.args.insert(4, url)
        template.metadata.code_bundle_uri = url
        template.custom.update({"nested": {"script": text.format(url)}})
        return normal(request.spec)

    first = at("s3://bucket/uploads/p/d", "run {} now")
    assert first == at("gs://other/uploads/q/e", "run {} now")
    assert first != at("s3://bucket/uploads/p/d", "run {} later")
    template = first["taskTemplate"]
    assert "code://aaaaaaaaaaaaaaa2/code.tar.gz" in template["container"]["args"]
    assert "codeBundleUri" not in template["metadata"]


@pytest.mark.parametrize("letter", ["a", "ä", "€"])
def test_descriptions_are_as_long_as_flyte_keeps_them(letter: str) -> None:
    def spec(extra: int) -> Any:
        found = task().spec
        found.environment.description = letter * (255 + extra)
        found.documentation.short_description = letter * (255 + extra)
        found.documentation.long_description = letter * (2048 + extra)
        return found

    assert normal(spec(0)) == normal(spec(7))
    cut = spec(7)
    shorten(cut)
    assert normal(cut) == normal(spec(7))
    size = len(letter.encode())
    assert len(cut.documentation.short_description.encode()) == 255 // size * size
    assert len(cut.documentation.long_description.encode()) == 2048 // size * size


def test_task_that_says_nothing_of_itself_is_the_same_in_and_out_of_git() -> None:
    one, other = task().spec, task().spec
    other.documentation.source_code.link = "https://git.example.com/x#L1"
    assert normal(one) == normal(other)
