"""`reconcile record` of Flyte 2's client: the same package from anywhere, then in sync."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from client_kit import KIT, ROOT, check_kit, run
from flyte_kit import SDK, check_sdk
from flyteidl2.core import security_pb2
from flyteidl2.task import task_service_pb2

from reconciler.backends.flyte2.package import recorded
from reconciler.backends.packages import recorded as packages
from reconciler.sources import archive

pytestmark = pytest.mark.clients

EXAMPLE = ROOT / "examples" / "flyte2"
FLYTE = SDK / "bin" / "flyte"
NAMES = {"features.clicks", "features.weights", "ranking.report", "ranking.train"}
SET = """
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteSync
    metadata: {name: recorded}
    spec:
      connection: local
      defaults: {project: flytesnacks, domain: development}
    ---
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteConnection
    metadata: {name: local}
    spec: {embedded: {path: .reconcile/embedded}, flyte: Flyte2}
    ---
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlytePackage
    metadata: {name: app}
    spec: {archive: app.tgz}
"""


def checkout(folder: Path) -> Path:
    """A copy of the example's code."""
    check_sdk()
    shutil.copytree(EXAMPLE / "src", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout of the project."""
    return checkout(tmp_path / "here")


def record(
    folder: Path, out: Path, *command: str, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `reconcile record` in a checkout, with a home directory of its own."""
    variables.setdefault("HOME", str(folder.parent / "home"))
    return run(
        *(sys.executable, "-m", "reconciler", "record", "--out", str(out), "--", *command),
        cwd=folder,
        code=code,
        FLYTE_DISABLE_SENTRY="true",
        **variables,
    )


def deploy(*arguments: str, project: str = "some", domain: str = "where") -> tuple[str, ...]:
    return (
        *(str(FLYTE), "deploy", "--project", project, "--domain", domain, "--all"),
        *arguments,
        "ranking/model.py",
    )


def digests(path: Path) -> dict[str, str]:
    """The digest of each task of a package."""
    found = recorded.read(archive.read(path.read_bytes()))
    return {name: task.digest for name, task in found.tasks.items()}


def test_two_checkouts_record_the_package_that_is_committed(folder: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tgz", tmp_path / "two.tgz"
    done = record(folder, one, *deploy())
    assert f"recorded 4 tasks in {one}" in done.stderr
    other = checkout(tmp_path / "a" / "deeper" / "place")
    record(other, two, *deploy("--version", "v7", project="other", domain="production"))
    assert one.read_bytes() == two.read_bytes(), "placeholders stand for where it was recorded"
    assert set(digests(one)) == NAMES
    assert digests(one) == digests(EXAMPLE / "dist" / "package.tgz")


def test_recorded_tasks_are_applied_and_then_in_sync_and_an_edit_moves_them(
    folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "reconcile.yaml").write_text(textwrap.dedent(SET))
    reconcile = (sys.executable, "-m", "reconciler")
    record(folder, root / "app.tgz", *deploy())
    run(*reconcile, "--yes", cwd=root)
    run(*reconcile, "--dry-run", "--detailed-exitcode", cwd=root)

    before = digests(root / "app.tgz")
    source = folder / "ranking" / "model.py"
    text = source.read_text()
    source.write_text(text.replace('market: str = "berlin"', 'market: str = "paris"'))
    record(folder, root / "app.tgz", *deploy())
    assert digests(root / "app.tgz").keys() == before.keys()
    planned = run(*reconcile, "--dry-run", "--detailed-exitcode", cwd=root, code=2)
    assert "FlyteTask/flytesnacks/development/ranking.train" in planned.stdout
    source.write_text(text)
    record(folder, root / "app.tgz", *deploy())
    run(*reconcile, "--dry-run", "--detailed-exitcode", cwd=root)


def test_triggers_of_the_code_are_left_to_their_own_kind(folder: Path, tmp_path: Path) -> None:
    source = folder / "ranking" / "model.py"
    source.write_text(
        source.read_text().replace(
            "@env.task(retries=1)",
            'daily = flyte.Trigger(\n    "daily",\n    flyte.Cron("0 6 * * *"),\n'
            '    inputs={"day": flyte.TriggerTime, "rounds": 3},\n)\n\n\n'
            "@env.task(retries=1, triggers=(daily,))",
        )
    )
    out = tmp_path / "app.tgz"
    done = record(folder, out, *deploy())
    assert "deployed the triggers ranking.train/daily: a package registers none" in done.stderr
    found = recorded.read(archive.read(out.read_bytes()))
    assert found.tasks["ranking.train"].triggers == ("daily",)


def test_what_cannot_be_recorded_is_refused_with_the_reason(folder: Path, tmp_path: Path) -> None:
    check_kit()
    out = tmp_path / "app.tgz"
    both = folder / "both.sh"
    both.write_text(
        f"{' '.join(deploy())} && {KIT}/bin/pyflyte register -p p -d d --copy none -v v1 old.py\n"
    )
    (folder / "old.py").write_text(
        "from flytekit import task\n\n\n@task\ndef old(n: int) -> int:\n    return n\n"
    )
    twice = folder / "twice.sh"
    twice.write_text(f"{' '.join(deploy())} && {' '.join(deploy(domain='other'))}\n")
    cases = {
        (str(FLYTE), "--endpoint", "localhost:1", "deploy"): "--endpoint would go before",
        (str(FLYTE), "get", "project"): "registered nothing",
        ("sh", "both.sh"): "with Flyte 1 and with Flyte 2",
        ("sh", "twice.sh"): "registered into some/other and some/where",
    }
    for command, words in cases.items():
        done = record(folder, out, *command, code=1)
        assert words in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not out.exists()


def test_command_that_fails_writes_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "app.tgz"
    script = f"{' '.join(deploy())} && exit 7"
    done = record(folder, out, "sh", "-c", script, code=7)
    assert "nothing was written" in done.stderr
    assert not out.exists()


def test_configuration_of_the_user_keeps_its_settings_and_loses_its_endpoint(
    folder: Path, tmp_path: Path
) -> None:
    """The client finds this file before any that a variable names."""
    (folder / ".flyte").mkdir()
    (folder / ".flyte" / "config.yaml").write_text(
        "admin: {endpoint: 'dns:///flyte.invalid:1', insecure: false, authType: Pkce}\n"
        "task: {org: acme, project: mine, domain: home}\n"
    )
    out = tmp_path / "app.tgz"
    record(folder, out, str(FLYTE), "deploy", "--all", "ranking/model.py")
    assert digests(out) == digests(EXAMPLE / "dist" / "package.tgz")


ASKING = """
from pathlib import Path

import flyte

IMAGE = "example.invalid/asking:v1"
by_name = flyte.TaskEnvironment(name="name", image=IMAGE, secrets="db-password")
by_object = flyte.TaskEnvironment(name="object", image=IMAGE, secrets=flyte.Secret("db-password"))
by_list = flyte.TaskEnvironment(name="list", image=IMAGE, secrets=["db-password"])
as_variable = flyte.TaskEnvironment(
    name="variable",
    image=IMAGE,
    secrets=[flyte.Secret("password", group="db"), flyte.Secret("token", as_env_var="API_TOKEN")],
)
as_file = flyte.TaskEnvironment(
    name="file",
    image=IMAGE,
    secrets=flyte.Secret("password", group="db", mount=Path("/etc/flyte/secrets")),
)


@by_name.task
async def one() -> int:
    return 1


@by_object.task
async def two() -> int:
    return 1


@by_list.task
async def three() -> int:
    return 1


@as_variable.task
async def four() -> int:
    return 1


@as_file.task
async def five() -> int:
    return 1
"""


def test_secrets_that_tasks_ask_for_are_recorded_however_they_are_written(tmp_path: Path) -> None:
    check_sdk()
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "asking.py").write_text(ASKING)
    command = (str(FLYTE), "deploy", "--project", "some", "--domain", "where", "--all", "asking.py")
    record(folder, tmp_path / "asking.tgz", *command)

    found = archive.read((tmp_path / "asking.tgz").read_bytes())
    asked = {
        sent.request.task_id.name: [
            (one.group, one.key, one.env_var, one.mount_requirement)
            for one in sent.request.spec.task_template.security_context.secrets
        ]
        for sent in packages.read(found, recorded.FORM).requests
        if isinstance(sent.request, task_service_pb2.DeployTaskRequest)
    }
    variable, file = security_pb2.Secret.ENV_VAR, security_pb2.Secret.FILE
    by_key = [("", "db-password", "DB_PASSWORD", variable)]
    assert asked == {
        "name.one": by_key,
        "object.two": by_key,
        "list.three": by_key,
        "variable.four": [
            ("db", "password", "DB_PASSWORD", variable),
            ("", "token", "API_TOKEN", variable),
        ],
        "file.five": [("db", "password", "", file)],
    }
