"""flytekit's settings in `_F_SS_C`: real flytekit reads what a task carries after registering."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from client_kit import HERE, KIT, Kit, check_kit, run
from flyteidl.core import tasks_pb2

from reconciler.backends.flyte1 import settings_text, task

pytestmark = pytest.mark.clients

NOWHERE = {"project": None, "domain": None, "version": None, "git_repo": None, "source_root": None}


def flytekit(cwd: Path, *texts: str) -> Any:
    """What flytekit writes, and what it reads in these texts."""
    check_kit()
    done = run(
        str(KIT / "bin" / "python"),
        str(HERE / "scripts" / "settings.py"),
        json.dumps({"texts": texts}),
        cwd=cwd,
    )
    return json.loads(done.stdout.splitlines()[-1])


def carried(template: tasks_pb2.TaskTemplate) -> str:
    (found,) = [one.value for one in template.container.env if one.key == settings_text.VARIABLE]
    return found


def test_flytekit_reads_back_all_settings_that_travel(tmp_path: Path) -> None:
    written = flytekit(tmp_path)
    template = tasks_pb2.TaskTemplate(type="python-task")
    template.container.env.add(key=settings_text.VARIABLE, value=written["text"])
    body = task.from_wire(template)
    sent = task.to_wire(body)
    assert task.from_wire(sent) == body
    found = flytekit(tmp_path, carried(sent))
    (read,) = found["read"]
    code = {**written["full"]["fast_serialization_settings"], "distribution_location": None}
    assert code["destination_dir"] == "/code"
    assert read == {**written["full"], **NOWHERE, "fast_serialization_settings": code}
    assert read["flytekit_virtualenv_root"] == "/srv/venv"
    assert found["images"] == ["registry.example.com:5000/app:v1"]
    assert found["spark"] == [f"example.invalid/spark@sha256:{'0' * 64}"]


def test_flytekit_reads_the_settings_of_a_registered_task_and_its_chosen_image(kit: Kit) -> None:
    (kit.folder / "src" / "etl.py").rename(kit.folder / "etl.py")
    run(
        *(str(KIT / "bin" / "pyflyte"), "--pkgs", "etl", "package", "--copy", "none"),
        *("--image", "registry.example.com/etl:v1", "--env", "LEVEL=debug", "-o", "app.tgz"),
        cwd=kit.folder,
        HOME=str(kit.folder / "home"),
    )
    shutil.rmtree(kit.source)
    (kit.folder / "specs.json").write_text(
        json.dumps(
            {
                "apiVersion": "flyte.reconciler.dev/v1alpha1",
                "kind": "FlytePackage",
                "metadata": {"name": "app"},
                "spec": {
                    "archive": "app.tgz",
                    "project": kit.project,
                    "domain": "development",
                    "images": [{"name": "registry.example.com/etl", "newTag": "v2"}],
                },
            }
        )
    )
    kit.reconcile("--yes", "--endpoint", kit.endpoint, "--insecure", "specs.json", cwd=kit.folder)
    (version,) = {one.id.version for one in kit.plans(name="etl.hourly")}
    (made,) = kit.workflow("etl.hourly", version).tasks
    assert made.template.id.name == "etl.fan_out"
    found = flytekit(kit.folder, carried(made.template))
    (read,) = found["read"]
    assert {name: read[name] for name in NOWHERE} == NOWHERE
    assert read["env"] == {"LEVEL": "debug"}
    assert read["python_interpreter"] == "/opt/venv/bin/python3"
    assert found["images"] == ["registry.example.com/etl:v2"]
    assert made.template.container.image == "registry.example.com/etl:v2"
