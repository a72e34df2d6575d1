"""flytekit's settings in `_F_SS_C`: read, brought to one form, and written back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flyteidl.core import tasks_pb2
from google.protobuf import json_format
from package_files import ARCHIVES, QUICKSTART, built, digests, edited, opened

from reconciler.backends.flyte1 import settings_text, task

FULL: dict[str, Any] = {
    "image_config": {
        "default_image": {"name": "default", "fqn": "host:5000/app", "tag": "v1", "digest": None},
        "images": [{"name": "spark", "fqn": "spark", "tag": None, "digest": "sha256:0"}],
    },
    "project": "p",
    "domain": "d",
    "version": "v1",
    "env": {"LEVEL": "debug"},
    "default_resources": {"requests": {"cpu": "1", "mem": None}, "limits": {"cpu": None}},
    "git_repo": "git@example.com:team/code.git",
    "python_interpreter": "/opt/venv/bin/python3",
    "flytekit_virtualenv_root": "/opt/venv",
    "fast_serialization_settings": {
        "enabled": True,
        "destination_dir": "/root",
        "distribution_location": "s3://bucket/fast.tar.gz",
    },
    "source_root": "/home/someone/checkout",
}
TRAVELS = {
    "image_config": FULL["image_config"],
    "env": FULL["env"],
    "default_resources": FULL["default_resources"],
    "python_interpreter": "/opt/venv/bin/python3",
    "flytekit_virtualenv_root": "/opt/venv",
    "fast_serialization_settings": {
        "enabled": True,
        "destination_dir": "/root",
        "distribution_location": None,
    },
}
NOWHERE = dict.fromkeys(("project", "domain", "version", "git_repo", "source_root"))


def in_container(settings: Any) -> tasks_pb2.TaskTemplate:
    template = tasks_pb2.TaskTemplate(type="python-task")
    template.container.env.add(key="OTHER", value="x")
    template.container.env.add(key=settings_text.VARIABLE, value=settings_text.pack(settings))
    return template


def in_pod(settings: Any) -> tasks_pb2.TaskTemplate:
    template = tasks_pb2.TaskTemplate(type="python-task")
    env = [{"name": settings_text.VARIABLE, "value": settings_text.pack(settings)}]
    pod = {"containers": [{"name": "primary", "env": [{"name": "OTHER", "value": "x"}, *env]}]}
    json_format.ParseDict({"podSpec": pod}, template.k8s_pod)
    return template


def carried(template: tasks_pb2.TaskTemplate) -> Any:
    """What the environment of a task holds, unpacked."""
    if template.HasField("container"):
        pairs = {one.key: one.value for one in template.container.env}
    else:
        pod = json_format.MessageToDict(template.k8s_pod.pod_spec)
        pairs = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert pairs["OTHER"] == "x"
    return settings_text.unpack(pairs[settings_text.VARIABLE])


def test_transport_form_is_read_and_written_alike() -> None:
    text = settings_text.pack(FULL)
    assert settings_text.unpack(text) == FULL
    assert settings_text.pack(dict(reversed(FULL.items()))) == text


@pytest.mark.parametrize("make", [in_container, in_pod])
def test_what_travels_is_written_back_and_the_rest_is_null(make: Any) -> None:
    body = task.from_wire(make(FULL))
    sent = task.to_wire(body)
    assert carried(sent) == {**TRAVELS, **NOWHERE}
    assert task.from_wire(sent) == body
    assert task.to_wire(task.from_wire(sent)) == sent


@pytest.mark.parametrize("field", sorted(TRAVELS))
def test_each_setting_that_travels_counts(field: str) -> None:
    other = task.from_wire(in_container({**FULL, field: "another"}))
    assert other != task.from_wire(in_container(FULL))


@pytest.mark.parametrize("field", sorted(NOWHERE))
def test_where_it_was_serialized_does_not_count(field: str) -> None:
    other = task.from_wire(in_container({**FULL, field: "another"}))
    assert other == task.from_wire(in_container(FULL))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_resources", {"requests": {"cpu": None}, "limits": {"cpu": None}}),
        ("fast_serialization_settings", {"enabled": False, "destination_dir": "/root"}),
    ],
)
def test_settings_that_say_nothing_are_null(field: str, value: Any) -> None:
    one = task.from_wire(in_container({**FULL, field: value}))
    assert one == task.from_wire(in_container({**FULL, field: None}))
    assert carried(task.to_wire(one))[field] is None


@pytest.mark.parametrize("path", [QUICKSTART, ARCHIVES / "quickstart-all.tgz"])
def test_variable_is_there_where_the_package_has_it_and_nowhere_else(path: Any) -> None:
    found = {
        name
        for (kind, name), one in built(opened(path)).entities.items()
        if kind == task.KIND
        for pair in task.to_wire(one.body).container.env
        if pair.key == settings_text.VARIABLE
    }
    assert found == {"quickstart.etl.clean_in_parts"}


def test_environment_that_tasks_made_by_a_task_get_is_content() -> None:
    archive = opened(QUICKSTART)

    def change(spec: Any) -> None:
        (pair,) = spec.template.container.env
        settings = settings_text.unpack(pair.value)
        pair.value = settings_text.pack({**(settings or {}), "env": {"LEVEL": "debug"}})

    name = "quickstart.etl.clean_in_parts"
    after = edited(archive, f"{name}_1", change)
    assert digests(after)["FlyteTask", name] != digests(archive)["FlyteTask", name]
    (pair,) = built(after).entities["FlyteTask", name].body["container"]["env"]  # type: ignore[call-overload,index]
    assert json.loads(pair["value"])["env"] == {"LEVEL": "debug"}
