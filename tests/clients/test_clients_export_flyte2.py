"""`reconcile export --packages` of what the real flyte client deployed, its code included."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from client_kit import DOMAIN, run
from flyte_kit import SDK

from reconciler.backends.flyte2.package import recorded
from reconciler.sources import archive

if TYPE_CHECKING:
    from pathlib import Path

    from flyte_kit import Sdk

pytestmark = pytest.mark.clients


def reconcile(sdk: Sdk, *arguments: str, cwd: Path, code: int = 0) -> str:
    """What `reconcile` prints, connected to the same Flyte."""
    done = run(
        *(sys.executable, "-m", "reconciler", *arguments),
        *("--endpoint", sdk.endpoint, "--insecure", "--flyte", "Flyte2"),
        cwd=cwd,
        code=code,
    )
    return done.stdout + done.stderr


def exported(sdk: Sdk, out: str) -> Path:
    """The folder of an export of the code that the client deployed."""
    where = ("--project", sdk.project, "--domain", DOMAIN)
    reconcile(sdk, "export", "--packages", *where, "--out", out, cwd=sdk.folder)
    return sdk.folder / out


def digests(path: Path) -> dict[str, str]:
    """The digest of each task of a package."""
    found = recorded.read(archive.read(path.read_bytes()))
    return {name: task.digest for name, task in found.tasks.items()}


def test_export_of_a_deploy_has_the_digests_of_its_recording(sdk: Sdk) -> None:
    deploy = ("--copy-style", "none", "--version", "v1", "src/etl.py", "env")
    sdk.flyte("deploy", *deploy)
    made = exported(sdk, "made") / "packages" / sdk.project / f"{DOMAIN}.tgz"
    where = ("--project", "other", "--domain", "production")
    run(
        *(sys.executable, "-m", "reconciler", "record", "--out", "recorded.tgz", "--"),
        *(str(SDK / "bin" / "flyte"), "deploy", *where, *deploy),
        cwd=sdk.folder,
        **sdk.variables,
    )
    assert set(digests(made)) == {"etl.load", "extract.rows"}
    assert digests(made) == digests(sdk.folder / "recorded.tgz")


def test_code_of_a_deploy_stays_where_it_is_and_the_export_is_in_sync(sdk: Sdk) -> None:
    sdk.deploy()
    before = sdk.trigger("nightly").id.revision
    folder = exported(sdk, "made")
    archive_of = f"packages/{sdk.project}/{DOMAIN}.tgz"
    again = exported(sdk, "again")
    assert (folder / archive_of).read_bytes() == (again / archive_of).read_bytes()

    applied = reconcile(sdk, "--yes", cwd=folder)

    assert "Applied: 2 objects changed" in applied
    reconcile(sdk, "--dry-run", "--detailed-exitcode", cwd=folder)
    client, ours = sdk.versions("etl.load")
    url = sdk.task("etl.load", client).spec.task_template.metadata.code_bundle_uri
    assert sdk.task("etl.load", ours).spec.task_template.metadata.code_bundle_uri == url
    assert sdk.trigger("nightly").id.revision == before, "triggers are no part of a package"
