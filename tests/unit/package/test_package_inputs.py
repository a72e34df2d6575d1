"""Inputs of plans on a package's workflow, which are checked without a backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flyteidl.core import types_pb2
from package_files import QUICKSTART, edited, opened, tar

from reconciler.cli.validate import validate


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set whose workflow takes a file beside what it took before."""

    def change(spec: Any) -> None:
        variable = spec.template.interface.inputs.variables["rows"]
        variable.type.blob.dimensionality = types_pb2.BlobType.SINGLE

    archive = edited(opened(QUICKSTART), "quickstart.report.heartbeat_2", change)
    (tmp_path / "package.tgz").write_bytes(tar(archive.members))
    sync = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSync",
        "metadata": {"name": "team"},
        "spec": {"defaults": {"project": "p", "domain": "d"}},
    }
    (tmp_path / "reconcile.yaml").write_text(json.dumps(sync))
    declare(
        tmp_path, "FlytePackage", "code", archive="package.tgz", launchPlans={"register": "Default"}
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def declare(tree: Path, kind: str, name: str, **spec: Any) -> None:
    document = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    (tree / f"{name}.json").write_text(json.dumps(document))


def test_validate_looks_for_local_files(tree: Path) -> None:
    workflow = {"name": "quickstart.report.heartbeat", "package": "code"}
    declare(
        tree,
        "FlyteLaunchPlan",
        "beat",
        workflow=workflow,
        fixedInputs={"verbose": True, "rows": {"path": "rows.csv"}},
    )

    without = CliRunner().invoke(validate, standalone_mode=False)
    (tree / "rows.csv").write_text("id\n")
    beside = CliRunner().invoke(validate, standalone_mode=False)

    assert without.return_value == 1
    assert "beat.json:1:" in without.stderr
    assert "spec.fixedInputs.rows.path: rows.csv: does not exist; correct" in without.stderr
    assert beside.return_value == 0, beside.stderr
    assert beside.stdout == "2 documents checked: 0 errors.\n"
