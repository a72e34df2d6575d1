"""Fields that an overlay patches are shown where the patch gives them, all others in the base."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import render_programs

from reconciler.engine.declaration import declare
from reconciler.model.document import Document

SYNC = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  render: Kustomize
  paths: [prod]
  defaults: {project: flytesnacks, domain: development}
"""
PLAN = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: NAME}
spec:
  workflow: {name: etl, version: v1}
  schedule:
    cron: "0 6 * * *"
    timezone: UTC
  inputs: {count: 3}
"""
MERGED = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: a}
spec:
  inputs:
    count: 9
    more: 1
  labels: {team: x}
"""
CRON = ("spec", "schedule", "cron")
COUNT = ("spec", "inputs", "count")


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", render_programs.search_path())


def rendered(root: Path, kustomization: str, **files: str) -> dict[str, Document]:
    """Render an overlay of two plans, a and b; their documents by name."""
    both = "resources: [a.yaml, b.yaml]\n"
    plans = {f"base/{name}.yaml": PLAN.replace("NAME", name) for name in "ab"}
    overlay = "resources: [../base]\n" + textwrap.dedent(kustomization)
    written = {"reconcile.yaml": SYNC, "base/kustomization.yaml": both, **plans}
    written |= {"prod/kustomization.yaml": overlay}
    written |= {f"prod/{name}.yaml": text for name, text in files.items()}
    for name, text in written.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = declare([], cwd=root)
    found.check()
    return {item.name: item.document for item in found.declared}


def test_a_file_that_is_merged(tmp_path: Path) -> None:
    plans = rendered(tmp_path, "patches: [{path: more.yaml}]\n", more=MERGED)
    assert str(plans["a"].at(COUNT)) == "prod/more.yaml:6:12"
    assert str(plans["a"].key_at(COUNT)) == "prod/more.yaml:6:5"
    assert str(plans["a"].at(("spec", "labels", "team"))) == "prod/more.yaml:8:18"
    assert str(plans["a"].at(CRON)) == "base/a.yaml:7:11"
    assert str(plans["b"].at(COUNT)) == "base/b.yaml:9:19"


def test_operations_in_the_kustomization_itself(tmp_path: Path) -> None:
    plans = rendered(
        tmp_path,
        """\
        patches:
          - target: {kind: FlyteLaunchPlan, name: a}
            patch: |-
              - op: replace
                path: /spec/schedule/cron
                value: "30 7 * * *"
              - op: add
                path: /spec/inputs
                value: {count: 4}
        """,
    )
    assert str(plans["a"].at(CRON)) == "prod/kustomization.yaml:7:16"
    assert str(plans["a"].at(COUNT)) == "prod/kustomization.yaml:10:24"
    assert str(plans["a"].at(("spec", "schedule", "timezone"))) == "base/a.yaml:8:15"
    assert str(plans["b"].at(CRON)) == "base/b.yaml:7:11"


def test_operations_in_a_file_and_for_all_of_a_kind(tmp_path: Path) -> None:
    plans = rendered(
        tmp_path,
        "patches: [{path: cron.yaml, target: {kind: FlyteLaunchPlan}}]\n",
        cron='- {op: replace, path: /spec/schedule/cron, value: "30 7 * * *"}\n',
    )
    assert str(plans["a"].at(CRON)) == str(plans["b"].at(CRON)) == "prod/cron.yaml:1:51"


def test_the_last_patch_that_gave_the_value_counts(tmp_path: Path) -> None:
    again = MERGED.replace("count: 9", "count: 12")
    plans = rendered(
        tmp_path, "patches: [{path: one.yaml}, {path: two.yaml}]\n", one=MERGED, two=again
    )
    assert str(plans["a"].at(COUNT)) == "prod/two.yaml:6:12"
    assert str(plans["a"].at(("spec", "inputs", "more"))) == "prod/two.yaml:7:11"


def test_a_patch_on_one_line_is_shown_where_it_is(tmp_path: Path) -> None:
    plans = rendered(
        tmp_path,
        r"""
        patches:
          - target: {name: a}
            patch: "- {op: replace, path: /spec/schedule/cron, value: '30 7 * * *'}"
        """,
    )
    assert str(plans["a"].at(CRON)) == "prod/kustomization.yaml:5:12"


def test_a_base_that_is_used_twice_gives_two_documents_with_places_of_their_own(
    tmp_path: Path,
) -> None:
    """Archives, inputs and secrets are read for each document, and found again by its place."""
    again = "resources: [../base]\nnameSuffix: -more\npatches: [{path: cron.yaml, target: {}}]\n"
    cron = '- {op: replace, path: /spec/schedule/cron, value: "30 7 * * *"}\n'
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "kustomization.yaml").write_text(again)
    (tmp_path / "more" / "cron.yaml").write_text(cron)
    plans = rendered(tmp_path, "").values()
    (tmp_path / "reconcile.yaml").write_text(SYNC.replace("[prod]", "[prod, more]"))
    found = declare([], cwd=tmp_path)
    found.check()
    origins = [str(item.document.origin) for item in found.declared]
    assert len(plans) == 2
    assert sorted(origins) == [f"base/{name}.yaml:1:{at}" for name in "ab" for at in (1, 2)]
    crons = {item.name: str(item.document.at(CRON)) for item in found.declared}
    assert crons == {
        "a": "base/a.yaml:7:11",
        "b": "base/b.yaml:7:11",
        "a-more": "more/cron.yaml:1:51",
        "b-more": "more/cron.yaml:1:51",
    }
