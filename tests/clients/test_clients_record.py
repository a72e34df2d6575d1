"""`reconcile record` of real clients: the package holds what they registered, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest
from client_kit import HERE, IMAGE, KIT, check_kit, run

from reconciler.backends.flyte1.package import entities, graph
from reconciler.model.key import Place
from reconciler.sources import archive
from reconciler.specs.package import PackageOptions

pytestmark = pytest.mark.clients

PYFLYTE = str(KIT / "bin" / "pyflyte")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a copy of the project."""
    check_kit()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "etl.py").write_bytes((HERE / "project" / "etl.py").read_bytes())
    return tmp_path


def record(
    folder: Path, out: str, *command: str, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `reconcile record` in the folder, with a home directory of its own."""
    variables.setdefault("HOME", str(folder / "home"))
    return run(
        *(sys.executable, "-m", "reconciler", "record", "--out", out, "--", *command),
        cwd=folder,
        code=code,
        **variables,
    )


def register(*arguments: str, project: str = "some", domain: str = "where") -> tuple[str, ...]:
    return (PYFLYTE, "register", "-p", project, "-d", domain, *arguments, "src/etl.py")


def package(folder: Path, out: str, *arguments: str) -> None:
    """Run `pyflyte package` of the same code."""
    run(
        *(PYFLYTE, "--pkgs", "etl", "package", "--image", IMAGE, "-o", str(folder / out)),
        *arguments,
        cwd=folder / "src",
        HOME=str(folder / "home"),
    )


def digests(path: Path) -> dict[tuple[str, str], str]:
    """The digest of each entity of a package."""
    content = entities.read(archive.read(path.read_bytes()))
    made = graph.build(content, place=Place("p", "d"), options=PackageOptions())
    return {name: entity.digest for name, entity in made.entities.items()}


def manifest(path: Path) -> dict[str, object]:
    with tarfile.open(path) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return json.loads(file.read())


@pytest.mark.parametrize("copy", ["none", "auto"])
def test_a_recorded_register_has_the_digests_of_pyflyte_package(folder: Path, copy: str) -> None:
    done = record(
        folder,
        "one.tgz",
        *register("--copy", copy, "--version", "v1", "-i", IMAGE, "--activate-launchplans"),
    )
    assert "recorded 3 tasks, 3 workflows, 6 launch plans in one.tgz" in done.stderr
    assert "the command activated etl.daily, etl.every_hour" in done.stderr
    package(folder, "packed.tgz", "--copy", copy)
    found = digests(folder / "one.tgz")
    assert len(found) == 12
    assert found == digests(folder / "packed.tgz")

    record(
        folder,
        "two.tgz",
        *register(
            *("--copy", copy, "--version", "v2", "-i", IMAGE, "--activate-launchplans"),
            project="other",
            domain="development",
        ),
    )
    one = (folder / "one.tgz").read_bytes()
    assert one == (folder / "two.tgz").read_bytes(), "placeholders stand for where it was recorded"
    assert len(manifest(folder / "one.tgz")["blobs"]) == (1 if copy == "auto" else 0)


def test_a_command_that_fails_writes_nothing_and_passes_its_exit_code_on(folder: Path) -> None:
    (folder / "old.tgz").write_bytes(b"as it was")
    script = f"{' '.join(register('--copy', 'none', '-v', 'v1'))} && exit 7"
    done = record(folder, "old.tgz", "sh", "-c", script, code=7)
    assert "Successfully registered" in done.stdout
    assert "nothing was written" in done.stderr
    assert (folder / "old.tgz").read_bytes() == b"as it was"

    source = folder / "src" / "etl.py"
    source.write_text(source.read_text().replace('"0 6 * * *"', '"0 25 * * *"'))
    done = record(folder, "bad.tgz", *register("--copy", "none", "-v", "v1"), code=1)
    assert not (folder / "bad.tgz").exists()


def test_a_configuration_that_pyflyte_is_given_keeps_its_images_and_loses_its_endpoint(
    folder: Path,
) -> None:
    config = folder / "mine.yaml"
    config.write_text(
        textwrap.dedent("""
            admin: {endpoint: "dns:///flyte.invalid:1", insecure: false, authType: Pkce}
            images: {gpu: registry.example.com/gpu:v3}
            """)
    )
    source = folder / "src" / "etl.py"
    source.write_text(
        source.read_text().replace(
            "@task\ndef load", '@task(container_image="{{.image.gpu}}")\ndef load'
        )
    )
    command = register("--copy", "none", "-v", "v1", "-i", IMAGE)
    record(folder, "app.tgz", command[0], "--config", str(config), *command[1:])
    content = entities.read(archive.read((folder / "app.tgz").read_bytes()))
    assert content.tasks["etl.load"].template.container.image == "registry.example.com/gpu:v3"
    assert content.tasks["etl.total"].template.container.image == IMAGE


def test_a_program_of_ones_own_is_recorded_with_what_it_refers_to(folder: Path) -> None:
    done = record(
        folder,
        "own.tgz",
        str(KIT / "bin" / "python"),
        str(HERE / "scripts" / "register_own.py"),
        PYTHONPATH=str(folder / "src"),
    )
    assert "own.flow: not checked, refers to what the command did not register" in done.stderr
    assert "UpdateNamedEntity (1 call) is not kept" in done.stderr
    content = entities.read(archive.read((folder / "own.tgz").read_bytes()))
    flow = content.workflows["own.flow"]
    references = [
        (each.project, each.name, each.version)
        for node in flow.template.nodes
        if (each := node.task_node.reference_id).name
    ]
    assert sorted(references) == [
        ("shared", "clean", "v9"),
        ("{{ registration.project }}", "etl.load", "{{ registration.version }}"),
    ]
    assert set(digests(folder / "own.tgz")) == {
        ("FlyteTask", "etl.load"),
        ("FlyteWorkflow", "own.flow"),
        ("FlyteLaunchPlan", "own.flow"),
    }


def test_what_cannot_be_recorded_is_refused_with_the_reason(folder: Path) -> None:
    (folder / "nothing.py").write_text("")
    python = str(KIT / "bin" / "python")
    cases = {
        (python, "nothing.py"): "did not call the recording endpoint",
        (PYFLYTE, "get", "launchplan"): "registered nothing",
        ("no-such-program",): "no such command",
        ("flytectl", "-c", "prod.yaml", "register"): "-c would go before the recording endpoint",
        ("flytectl", "--admin.endpoint=x", "get"): "--admin.endpoint would go before",
    }
    for command, words in cases.items():
        done = record(folder, "out.tgz", *command, code=1)
        assert words in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not (folder / "out.tgz").exists()
    done = record(folder, "missing/out.tgz", python, "nothing.py", code=1)
    assert "no such directory" in done.stderr


def test_a_recorded_package_registers_and_then_is_in_sync(folder: Path) -> None:
    record(folder, "app.tgz", *register("--copy", "auto", "-i", IMAGE))
    (folder / "reconcile.yaml").write_text(
        textwrap.dedent("""
            apiVersion: flyte.reconciler.dev/v1alpha1
            kind: FlyteSync
            metadata: {name: recorded}
            spec:
              connection: embedded
              defaults: {project: flytesnacks, domain: development}
            ---
            apiVersion: flyte.reconciler.dev/v1alpha1
            kind: FlytePackage
            metadata: {name: app}
            spec:
              archive: app.tgz
              launchPlans: {register: All, activate: Scheduled}
            """)
    )
    reconcile = (sys.executable, "-m", "reconciler")
    run(*reconcile, "--yes", cwd=folder)
    run(*reconcile, "--dry-run", "--detailed-exitcode", cwd=folder)
    package(folder, "app.tgz", "--copy", "auto", "-f")
    run(*reconcile, "--dry-run", "--detailed-exitcode", cwd=folder)
