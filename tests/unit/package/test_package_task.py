"""A task reads the same before it is registered and after, wherever its code was uploaded."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any, cast

import pytest
from flyteidl.core import tasks_pb2
from google.protobuf import json_format
from package_files import ARCHIVES, REALWORLD, VARIETY, built, opened

from reconciler.backends.flyte1 import task
from reconciler.backends.packages import code

DIGEST = "a" * 16
URL = f"s3://bucket/prefix/flytesnacks/development/{DIGEST}/{'0' * 32}.tar.gz"
SETTINGS = {
    "image_config": {"default_image": {"name": "default", "fqn": "example.invalid/x"}},
    "project": "p",
    "domain": "d",
    "version": "v",
    "env": {"A": "1"},
    "git_repo": "git@example.com:team/code.git",
    "python_interpreter": "/opt/venv/bin/python3",
    "source_root": "/home/someone/checkout",
}


def packed(settings: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(settings).encode(), mtime=5)).decode()


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def container(*args: str, settings: str = "") -> tasks_pb2.TaskTemplate:
    template = tasks_pb2.TaskTemplate(type="python-task")
    template.id.name = "t"
    template.container.args.extend(args)
    if settings:
        template.container.env.add(key=task.SETTINGS, value=settings)
    return template


def pod(*args: str, settings: str) -> tasks_pb2.TaskTemplate:
    template = tasks_pb2.TaskTemplate(type="python-task")
    spec = {
        "containers": [
            {
                "name": "primary",
                "args": list(args),
                "env": [{"name": "X", "value": "y"}, {"name": task.SETTINGS, "value": settings}],
            },
            {"name": "bare"},
        ]
    }
    json_format.ParseDict({"podSpec": spec}, template.k8s_pod)
    return template


@pytest.mark.parametrize("make", [container, pod])
def test_place_of_uploaded_code_reads_as_what_is_in_it(make: Any) -> None:
    body = task.from_wire(make("--additional-distribution", URL, settings=packed(SETTINGS)))
    assert code.code_of(body) == {f"code://{DIGEST}/code.tar.gz"}
    assert URL not in json.dumps(body)


@pytest.mark.parametrize("make", [container, pod])
def test_normal_form_survives_registration(make: Any) -> None:
    body = task.from_wire(make(URL, "--dest-dir", "/root", settings=packed(SETTINGS)))
    other = URL.replace("bucket/prefix", "elsewhere").replace("0" * 32, "1" * 32)
    sent = task.to_wire(body, {f"code://{DIGEST}/code.tar.gz": other})
    assert other in str(sent)
    assert "code://" not in str(sent)
    assert task.from_wire(sent) == body


def test_other_urls_stay_what_they_are() -> None:
    for url in (
        "s3://bucket/script_mode.tar.gz",
        f"s3://bucket/{DIGEST}/other.tar.gz",
        f"{DIGEST}/{'0' * 32}.tar.gz",
        f"s3://bucket/{'A' * 16}/{'0' * 32}.tar.gz",
    ):
        assert task.from_wire(container(url))["container"] == {"args": [url]}


def test_pickles_keep_the_name_that_flytekit_knows_them_by() -> None:
    url = f"s3://bucket/{DIGEST}/pkl.gz"
    body = task.from_wire(container(url))
    assert code.code_of(body) == {f"code://{DIGEST}/pkl.gz"}


def test_checkout_and_place_leave_the_settings_and_the_rest_stays() -> None:
    body = task.from_wire(container("x", settings=packed(SETTINGS)))
    (pair,) = task.to_wire(body).container.env
    sent = unpacked(pair.value)
    gone = {"project", "domain", "version", "git_repo", "source_root"}
    assert {name for name in SETTINGS if sent[name] is None} == gone
    assert {name: sent[name] for name in SETTINGS if name not in gone} == {
        name: value for name, value in SETTINGS.items() if name not in gone
    }


def test_how_settings_were_compressed_does_not_count() -> None:
    text = json.dumps(dict(reversed(SETTINGS.items()))).encode()
    other = base64.b64encode(gzip.compress(text, 1, mtime=9)).decode()
    assert other != packed(SETTINGS)
    one, two = (task.from_wire(container("x", settings=text)) for text in (other, packed(SETTINGS)))
    assert one == two


@pytest.mark.parametrize(
    "text", ["", "no base64!", base64.b64encode(b"no gzip").decode(), packed([1, 2])]
)
def test_settings_that_are_not_understood_stay(text: str) -> None:
    template = container("x", settings="-")
    template.container.env[0].value = text
    body = task.from_wire(template)
    assert task.to_wire(body).container == template.container
    assert task.from_wire(task.to_wire(body)) == body


@pytest.mark.parametrize(
    "path", [REALWORLD, VARIETY, ARCHIVES / "quickstart-all.tgz"], ids=lambda path: path.stem
)
def test_serialized_tasks_survive_registration(path: Any) -> None:
    tasks = [one for one in built(opened(path)).entities.values() if one.kind == task.KIND]
    for entity in tasks:
        (place,) = code.code_of(entity.body)
        url = URL.replace(DIGEST, code.digest_of_code(place))
        assert task.from_wire(task.to_wire(entity.body, {place: url})) == entity.body


def test_description_shows_a_difference_anywhere() -> None:
    body = task.from_wire(container("a", "b"))
    other = task.from_wire(container("a", "c"))
    assert cast("Any", task.describe(body))["type"] == "python-task"
    assert task.describe(body) != task.describe(other)
