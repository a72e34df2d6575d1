"""Flytekit and `reconcile` on one Flyte: each reads what the other wrote."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

import pytest
from client_kit import DOMAIN, difference

if TYPE_CHECKING:
    from pathlib import Path

    from client_kit import Kit

pytestmark = pytest.mark.clients


def test_flytekit_reads_the_plan_that_reconcile_registered(kit: Kit, tmp_path: Path) -> None:
    kit.register("--copy", "none", "--version", "v1")
    (tmp_path / "reconcile.yaml").write_text(
        textwrap.dedent(f"""
            apiVersion: flyte.reconciler.dev/v1alpha1
            kind: FlyteSync
            metadata: {{name: {kit.project}}}
            spec:
              defaults: {{project: {kit.project}, domain: {DOMAIN}}}
            ---
            apiVersion: flyte.reconciler.dev/v1alpha1
            kind: FlyteLaunchPlan
            metadata: {{name: evening}}
            spec:
              name: etl.evening
              workflow: {{name: etl.daily, version: v1}}
              schedule: {{cron: "0 18 * * *", timezone: Europe/Berlin, kickoffInput: day}}
              inputs:
                count: 9
                mode: delta
                limits: {{rows: 1, share: 0.25}}
              fixedInputs: {{note: by hand}}
              labels: {{team: data}}
              maxParallelism: 4
            """)
    )
    where = ("--endpoint", kit.endpoint, "--insecure")
    kit.reconcile("--yes", *where, cwd=tmp_path)

    said = kit.script("read_plan.py", name="etl.evening")
    assert re.fullmatch(rf"{kit.project}\.[a-z2-7]{{16}}", said.pop("version"))
    assert said == {
        "by version is equal": True,
        "workflow": ["etl.daily", "v1"],
        "types are the workflow's": True,
        "defaults": {
            "count": "9",
            "limits": "Limits(rows=1, share=0.25)",
            "mode": "<Mode.DELTA: 'delta'>",
        },
        "required": ["day"],
        "fixed": ["note"],
        "schedule": ["CRON_TZ=Europe/Berlin 0 18 * * *", "day"],
        "labels": {"team": "data"},
        "parallelism": 4,
    }
    version = kit.active()["etl.evening"]
    shown = json.loads(
        kit.pyflyte(*("get", "launchplan", "-p", kit.project, "-d", DOMAIN, "etl.evening", version))
    )
    assert shown["closure"]["state"] == "ACTIVE"

    kit.pyflyte("launchplan", "-p", kit.project, "-d", DOMAIN, "--deactivate", "etl.evening")
    said = kit.reconcile("--dry-run", "--detailed-exitcode", *where, cwd=tmp_path, code=2)
    assert "etl.evening" in said


def test_what_pyflyte_activated_is_exported_adopted_and_then_in_sync(
    kit: Kit, tmp_path: Path
) -> None:
    kit.register("--copy", "none", "--version", "v1", "--activate-launchplans")
    active = kit.active()
    where = ("--endpoint", kit.endpoint, "--insecure")
    kit.reconcile(
        *("export", "--project", kit.project, "--set", kit.project, "--out", "root", *where),
        cwd=tmp_path,
    )
    root = tmp_path / "root"
    before = dict(kit.server.calls) if kit.server else {}
    kit.reconcile("adopt", *where, cwd=root)
    said = kit.reconcile("--dry-run", "--detailed-exitcode", *where, cwd=root)
    kit.reconcile("--yes", *where, cwd=root)
    assert kit.active() == active, said
    if kit.server:
        calls = difference(before, kit.server.calls)
        written = {name for name in calls if name.startswith(("Create", "Update"))}
        assert written == {"CreateTask"}, "the ledger is all that is written"
