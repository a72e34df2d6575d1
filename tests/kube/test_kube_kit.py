"""The API server that the Kubernetes tests run on behaves as they count on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import go_tools
import pytest
from kube_kit import Cluster

TESTS = Path(__file__).parents[1]


def _map(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_server_says_the_version_that_its_module_names(cluster: Cluster) -> None:
    said = json.loads(cluster.kubectl("version", "-o", "json"))
    if "KUBEBUILDER_ASSETS" not in os.environ:
        text = (TESTS / "kube" / "tools" / "kubernetes" / "go.mod").read_text()
        version = said["serverVersion"]["gitVersion"]
        assert f"k8s.io/kubernetes {version}" in text
        assert said["clientVersion"]["gitVersion"] == version
    assert "version.BuildInfo" in cluster.helm("version")


def test_service_account_may_do_what_it_was_granted_and_no_more(
    cluster: Cluster, namespace: str
) -> None:
    who = cluster.service_account(namespace, "reader")
    assert "forbidden" in cluster.kubectl("get", "configmaps", identity=who, code=1)
    cluster.grant(who, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]})
    assert "No resources found" in cluster.kubectl("get", "configmaps", identity=who)
    assert "forbidden" in cluster.kubectl("get", "configmaps", "-A", identity=who, code=1)
    assert "forbidden" in cluster.kubectl("get", "secrets", identity=who, code=1)
    cluster.grant(
        who, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}, everywhere=True
    )
    cluster.kubectl("get", "secrets", "-A", identity=who)


def test_requests_say_who_asked_for_what(cluster: Cluster, namespace: str) -> None:
    who = cluster.service_account(namespace, "writer")
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]}
    cluster.grant(who, rule)
    before = len(cluster.requests())
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(_map("one", a="b")), identity=who)
    theirs = [one for one in cluster.requests(before) if one.user.endswith(":writer")]
    assert [(one.verb, one.code) for one in theirs if one.is_write] == [("create", 201)]
    assert theirs[-1].path.startswith(f"/api/v1/namespaces/{namespace}/configmaps")


@pytest.mark.parametrize("how", ["restart", "kill", "kill everything", "freeze", "forget"])
def test_what_is_stored_outlives_the_server(cluster: Cluster, namespace: str, how: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(_map("kept", a="b")))
    match how:
        case "restart":
            cluster.restart()
        case "kill":
            cluster.kill("kube-apiserver")
            assert "refused" in cluster.kubectl("get", "namespaces", code=1)
        case "kill everything":
            cluster.kill()
        case "freeze":
            cluster.freeze()
            said = cluster.kubectl("get", "namespaces", "--request-timeout=1s", code=1)
            assert "timeout" in said.lower() or "deadline" in said
        case _:
            cluster.forget_history()
            old = f"/api/v1/namespaces/{namespace}/configmaps?watch=1&resourceVersion=1"
            assert "Expired" in cluster.kubectl("get", "--raw", old, code=None)
    cluster.start()
    found = cluster.json("get", "configmap", "kept", "-n", namespace)
    assert found["data"] == {"a": "b"}


def test_a_token_outlives_a_restart(cluster: Cluster, namespace: str) -> None:
    who = cluster.service_account(namespace, "stays")
    cluster.restart()
    assert "forbidden" in cluster.kubectl("get", "pods", identity=who, code=1)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A module of Go that takes a moment to build."""
    (tmp_path / "go.mod").write_text("module example.com/hello\n\ngo 1.22\n")
    (tmp_path / "go.sum").touch()
    (tmp_path / "main.go").write_text('package main\n\nfunc main() { println("hello") }\n')
    return tmp_path


_BUILD = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
import go_tools
print(go_tools.folder_of(go_tools.Tools(Path(sys.argv[2]), (".",))))
"""


def test_processes_that_build_at_once_build_once(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "builds"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{_counting(tmp_path, log)}:{os.environ['PATH']}")
    command = [sys.executable, "-c", _BUILD, str(TESTS), str(program)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    places = {one.communicate(timeout=120)[0].strip() for one in running}
    assert len(places) == 1
    assert (Path(places.pop()) / "hello").exists()
    assert log.read_text().split() == ["build"]


def _counting(folder: Path, log: Path) -> Path:
    """A `go` that notes each build and runs the real one."""
    real = subprocess.check_output(["sh", "-c", "command -v go"], text=True).strip()
    wrapper = folder / "bin" / "go"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase "$1" in build) echo build >>{log};; esac\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper.parent


def test_a_build_that_was_killed_is_done_again(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wrapper = tmp_path / "bin" / "go"
    _counting(tmp_path, tmp_path / "builds")
    hanging = wrapper.read_text().replace("echo build", "exec sleep 60; echo build")
    (slow := tmp_path / "slow").mkdir()
    (slow / "go").write_text(hanging)
    (slow / "go").chmod(0o755)
    command = [sys.executable, "-c", _BUILD, str(TESTS), str(program)]
    path = os.environ["PATH"]
    killed = subprocess.Popen(command, env=os.environ | {"PATH": f"{slow}:{path}"})
    cache = tmp_path / "cache" / "reconcile-tests"
    while not list(cache.glob("*.part-*")):
        assert killed.poll() is None
    killed.kill()
    killed.wait()

    place = go_tools.folder_of(go_tools.Tools(program, (".",)))
    assert (place / "hello").exists()
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [place.name]
