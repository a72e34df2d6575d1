"""A release from its installation to its end, by the real helm on a real API server.

There is no controller here: the test runs the command of the Job, as its service account, and says
that the Job has ended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chart_kit
import pytest
import yaml
from chart_kit import CHART, RELEASE, ROOT, Object

if TYPE_CHECKING:
    from kube_kit import Cluster

CRDS = ROOT / "crds"
PROGRAM = str(Path(sys.executable).with_name("reconcile"))
FINALIZER = "flyte.reconciler.dev/finalizer"
CONNECTION = "flyteconnections.flyte.reconciler.dev"
FORGET = f"{RELEASE}-forget"
KEEP = {"helm.sh/resource-policy": "keep"}
# Its Kubernetes is one that a helm built without a release's flags takes for very old.
OPTIONS = ("--take-ownership", "--timeout", "50s")


def _generated() -> dict[str, Object]:
    return {
        path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in CRDS.glob("*.yaml")
    }


def _install(cluster: Cluster, namespace: str, *options: str, chart: Path = CHART) -> str:
    return cluster.helm(
        *("upgrade", "--install", RELEASE, str(chart), "--namespace", namespace),
        *OPTIONS,
        *options,
    )


def _connection(name: str) -> Object:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteConnection",
        "metadata": {"name": name, "finalizers": [FINALIZER]},
        "spec": {"endpoint": "flyte.example.com:443"},
    }


def _apply(cluster: Cluster, namespace: str, item: Object) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(item))


def _names(cluster: Cluster, *what: str) -> set[str]:
    return {item["metadata"]["name"] for item in cluster.json("get", *what)["items"]}


def test_chart_holds_the_generated_definitions() -> None:
    copied = {path.name: path.read_text() for path in (CHART / "files" / "crds").iterdir()}
    made = {path.name: path.read_text() for path in CRDS.iterdir()}

    assert copied == made, "run: make generate"


def test_rendered_definitions_are_the_generated_ones_and_are_kept(cluster: Cluster) -> None:
    rendered = chart_kit.of_kind(chart_kit.render(cluster), "CustomResourceDefinition")
    for item in rendered:
        assert item["metadata"].pop("annotations").items() >= KEEP.items()
        assert item["metadata"].pop("labels")["app.kubernetes.io/part-of"] == "flyte-reconciler"
    made = list(_generated().values())
    for item in made:
        item["metadata"].pop("annotations", None)

    assert {item["metadata"]["name"]: item for item in rendered} == {
        item["metadata"]["name"]: item for item in made
    }


def test_definitions_may_be_somebody_elses(cluster: Cluster) -> None:
    objects = chart_kit.render(cluster, {"crds": {"install": False}})

    assert chart_kit.of_kind(objects, "CustomResourceDefinition") == []


@pytest.mark.timeout(600)
def test_upgrade_brings_younger_definitions_and_keeps_the_objects(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    said = _install(cluster, namespace)
    assert f"kubectl -n {namespace} rollout status deployment/{RELEASE}" in said
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{CONNECTION}", "--timeout=30s")
    _apply(cluster, namespace, _connection("kept"))
    before = cluster.json("get", "-n", namespace, CONNECTION, "kept")
    younger = tmp_path / "flyte-reconciler"
    shutil.copytree(CHART, younger)
    path = younger / "files" / "crds" / "flyteconnections.yaml"
    definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    (version,) = definition["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["younger"] = {"type": "string"}
    path.write_text(yaml.safe_dump(definition))

    _install(cluster, namespace, chart=younger)

    crd = cluster.json("get", "crd", CONNECTION)
    (served,) = crd["spec"]["versions"]
    assert "younger" in served["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    after = cluster.json("get", "-n", namespace, CONNECTION, "kept")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    _install(cluster, namespace)
    cluster.helm("uninstall", RELEASE, "--namespace", namespace, "--no-hooks")


def _await_job(cluster: Cluster, namespace: str, ends: Future[str]) -> Object:
    end = time.monotonic() + 45
    while time.monotonic() < end and not ends.done():
        found = cluster.json("get", "jobs", "-n", namespace)["items"]
        if found:
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"no job: {ends.result() if ends.done() else 'helm still waits'}")


def _say_that_it_ended(cluster: Cluster, namespace: str, job: Object) -> None:
    now = job["metadata"]["creationTimestamp"]
    status: dict[str, Any] = {"startTime": now, "completionTime": now, "succeeded": 1}
    status["conditions"] = [
        {"type": kind, "status": "True", "lastTransitionTime": now}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    options = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    cluster.kubectl("patch", "job", job["metadata"]["name"], "-n", namespace, *options)


@pytest.mark.timeout(600)
def test_uninstalling_leaves_objects_that_can_be_deleted(cluster: Cluster, namespace: str) -> None:
    _install(cluster, namespace, "--set", "scope=namespaced")
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{CONNECTION}", "--timeout=30s")
    _apply(cluster, namespace, _connection("left"))
    with ThreadPoolExecutor() as pool:
        uninstall = ("uninstall", RELEASE, "--namespace", namespace, "--timeout", "50s")
        ends = pool.submit(cluster.helm, *uninstall)
        job = _await_job(cluster, namespace, ends)

        assert _names(cluster, "deployments", "-n", namespace) == set()
        assert _names(cluster, "roles", "-n", namespace) == {FORGET}
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["forget", "--cluster", "--yes", f"--namespace={namespace}"]
        who = cluster.service_account(
            namespace, job["spec"]["template"]["spec"]["serviceAccountName"]
        )
        done = subprocess.run(
            [PROGRAM, *container["args"]],
            env=dict(os.environ) | {"KUBECONFIG": str(who.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"FlyteConnection/{namespace}/left" in done.stdout
        _say_that_it_ended(cluster, namespace, job)

        assert "uninstalled" in ends.result()
    for kind in ("jobs", "roles", "rolebindings", "services"):
        assert _names(cluster, kind, "-n", namespace) == set(), kind
    assert FORGET not in _names(cluster, "serviceaccounts", "-n", namespace)
    assert CONNECTION in _names(cluster, "crd")
    cluster.kubectl("delete", CONNECTION, "left", "-n", namespace, "--timeout=20s")
