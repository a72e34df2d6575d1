"""Documents by kustomize and Helm: with the places of their sources, and out of nothing else."""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import render_programs

from reconciler.engine.declaration import Declaration, declare
from reconciler.errors import SpecError
from reconciler.sources.rendering import program

SYNC = """
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteSync
    metadata: {name: team}
    spec:
      render: RENDER
      paths: PATHS
      defaults: {project: flytesnacks, domain: development}
    """
PLAN = """\
    apiVersion: flyte.reconciler.dev/v1alpha1
    kind: FlyteLaunchPlan
    metadata:
      name: nightly
    spec:
      workflow: {name: etl, version: v1}
      schedule:
        cron: "0 6 * * *"
      inputs:
        count: 3
    """
TEMPLATE = PLAN.replace('"0 6 * * *"', "{{ .Values.cron | quote }}")
CHART = {
    "chart/Chart.yaml": "{apiVersion: v2, name: plans, version: 1.0.0}",
    "chart/values.yaml": 'cron: "0 6 * * *"',
    "chart/templates/plan.yaml": TEMPLATE,
}
OVERLAY = {
    "base/plan.yaml": PLAN,
    "base/kustomization.yaml": "resources: [plan.yaml]",
    "prod/kustomization.yaml": "{resources: [../base], patches: [{path: patch.yaml}]}",
    "prod/patch.yaml": """\
        apiVersion: flyte.reconciler.dev/v1alpha1
        kind: FlyteLaunchPlan
        metadata: {name: nightly}
        spec: {inputs: {count: 9}}
        """,
}


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", render_programs.search_path())
    monkeypatch.setenv("CANARY", "canary-of-the-environment")


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def read(root: Path, render: str, paths: str, files: Mapping[str, str]) -> Declaration:
    sync = SYNC.replace("RENDER", render).replace("PATHS", paths)
    write(root, {"reconcile.yaml": sync, **files})
    return declare([], cwd=root)


def problems(root: Path, render: str, paths: str, files: Mapping[str, str]) -> list[str]:
    found = read(root, render, paths, files)
    with pytest.raises(SpecError) as caught:
        found.check()
    return [str(item) for item in caught.value.problems]


@contextmanager
def listening() -> Iterator[tuple[str, list[bool]]]:
    """A host and port, and whether anybody has connected once the block is left."""
    touched: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield f"127.0.0.1:{server.getsockname()[1]}", touched
        try:
            server.accept()[0].close()
            touched.append(True)
        except TimeoutError:
            pass


def test_an_overlay_gives_documents_with_the_places_of_the_base(tmp_path: Path) -> None:
    found = read(tmp_path, "Kustomize", "[prod]", OVERLAY)

    found.check()
    (plan,) = found.declared
    assert found.is_whole
    assert getattr(plan.spec, "inputs", None) == {"count": 9}
    assert "annotations" not in plan.document.value["metadata"]
    assert str(plan.document.origin) == "base/plan.yaml:1:1"
    assert str(plan.document.at(("spec", "schedule", "cron"))) == "base/plan.yaml:8:11"
    assert (tmp_path / "prod/kustomization.yaml").read_text() == OVERLAY["prod/kustomization.yaml"]


def test_an_error_in_an_overlay_points_at_the_line_of_its_source(tmp_path: Path) -> None:
    wrong = {**OVERLAY, "base/plan.yaml": PLAN.replace("cron:", "crom:")}

    found = problems(tmp_path, "Kustomize", "[prod]", wrong)

    assert [item for item in found if item.startswith("base/plan.yaml:8:5: spec.schedule.crom")]


def test_a_chart_gives_documents_with_the_lines_of_its_templates(tmp_path: Path) -> None:
    files = {**CHART, "prod.yaml": 'cron: "30 7 * * *"'}

    found = read(tmp_path, "Helm", "[chart, prod.yaml]", files)

    found.check()
    (plan,) = found.declared
    assert plan.document.value["spec"]["schedule"] == {"cron": "30 7 * * *"}  # type: ignore[index, call-overload]
    cron = ("spec", "schedule", "cron")
    assert str(plan.document.at(cron)) == "prod.yaml:1:7"
    assert str(plan.document.key_at(cron)) == "chart/templates/plan.yaml:8:5"


def test_an_error_in_a_chart_points_at_the_line_of_the_template(tmp_path: Path) -> None:
    files = {**CHART, "chart/templates/plan.yaml": TEMPLATE.replace("cron:", "crom:")}

    found = problems(tmp_path, "Helm", "[chart]", files)

    where = "chart/templates/plan.yaml:8:5: spec.schedule.crom"
    assert [item for item in found if item.startswith(where)]


@pytest.mark.parametrize(
    "entry",
    [
        "http://HOST/plan.yaml",
        "http://169.254.169.254/latest/meta-data",
        "https://HOST/repository.git//base?ref=main",
        "git::http://HOST/repository",
        "git@HOST:team/repository",
        "github.com/team/repository//base",
        "missing.yaml",
    ],
)
def test_remote_bases_are_refused_before_anything_runs(tmp_path: Path, entry: str) -> None:
    with listening() as (host, touched):
        asked = entry.replace("HOST", host)
        found = problems(
            tmp_path, "Kustomize", "[prod]", {"prod/kustomization.yaml": f"resources: ['{asked}']"}
        )

    why = "is no file or folder of the tree, and nothing else is read; commit a copy, or correct"
    assert found == [f"prod/kustomization.yaml:1:13: resources[0]: {asked} {why} the path"]
    assert touched == []


@pytest.mark.parametrize("field", ["generators", "transformers", "validators", "helmCharts"])
def test_plugins_and_functions_are_not_run(tmp_path: Path, field: str) -> None:
    canary = tmp_path / "canary"
    function = """\
        apiVersion: example.com/v1
        kind: Function
        metadata:
          name: touch
          annotations:
            config.kubernetes.io/function: "exec: {path: ./touch.sh}"
        """
    script = f"#!/bin/sh\ntouch {canary}\n"
    write(tmp_path, {"prod/function.yaml": function, "prod/touch.sh": script})
    (tmp_path / "prod/touch.sh").chmod(0o755)

    (problem,) = problems(
        tmp_path, "Kustomize", "[prod]", {"prod/kustomization.yaml": f"{field}: [function.yaml]"}
    )

    assert f"{field}: runs programs or charts, which are not run here" in problem
    assert not canary.exists()


@pytest.mark.parametrize(
    ("template", "word"),
    [
        ('{{ env "CANARY" }}', "env"),
        ('{{ expandenv "$CANARY" }}', "expandenv"),
        ('{{ lookup "v1" "Secret" "default" "canary" }}', "lookup"),
        ('{{ getHostByName "canary.example.com" }}', "getHostByName"),
    ],
)
def test_templates_that_ask_for_what_is_not_in_the_tree_are_errors(
    tmp_path: Path, template: str, word: str
) -> None:
    files = {**CHART, "chart/templates/plan.yaml": TEMPLATE + f"# {template}\n"}

    (problem,) = problems(tmp_path, "Helm", "[chart]", files)

    assert problem.startswith("chart/templates/plan.yaml:11:")
    assert f": {word} reads what is not in the tree" in problem
    assert "canary-of-the-environment" not in problem


def test_a_template_that_hides_what_it_asks_for_gets_nothing(tmp_path: Path) -> None:
    hidden = TEMPLATE + '# {{ tpl (printf "{{ %s \\"CANARY\\" }}" (print "en" "v")) . }}\n'

    found = problems(tmp_path, "Helm", "[chart]", {**CHART, "chart/templates/plan.yaml": hidden})

    assert len(found) == 1
    assert "canary-of-the-environment" not in found[0]


@pytest.mark.parametrize(("render", "paths"), [("Kustomize", "[prod]"), ("Helm", "[chart]")])
def test_links_out_of_the_tree_and_huge_files_are_errors(
    tmp_path: Path, render: str, paths: str
) -> None:
    outside = tmp_path / "canary.yaml"
    outside.write_text("canary: of the disk")
    root = tmp_path / "set"
    folder = root / paths.strip("[]")
    write(root, {**OVERLAY, **CHART})
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "link.yaml").symlink_to(outside)
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(17 << 20)

    found = problems(root, render, paths, {})

    assert {item.partition(": ")[2].partition(";")[0] for item in found} == {
        "the symbolic link leaves the tree",
        "it is larger than 16 MiB",
    }


def test_a_renderer_that_never_ends_or_never_stops_writing_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in {"slow": "while :; do :; done", "loud": "while :; do echo y; done"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(program.RenderError, match=r"slow: no end in 0 s"):
        program.run("slow", [], folder=tmp_path, limits=program.Limits(0.2, 1 << 20))
    with pytest.raises(program.RenderError, match="loud: writes more than 1 MiB"):
        program.run("loud", [], folder=tmp_path, limits=program.Limits(60, 1 << 20))
    with pytest.raises(program.RenderError, match="helm is not on the search path; install it"):
        program.run("helm", [], folder=tmp_path)
