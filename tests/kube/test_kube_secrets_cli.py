"""Secrets of Flyte 1 from the command line, as a person at a desk or a pipeline has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_kit import Ended, run
from kube_kit import Cluster

CANARY = "canary-7a1c-value"
SET = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  connection: here
  defaults: {project: flytesnacks, domain: development}
  secrets: {allow: {env: [NAME, PASSWORD]}}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteConnection
metadata: {name: here}
spec:
  embedded: {}
  secrets: SECRETS
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSecret
metadata: {name: name}
spec: {group: db, key: name, valueFrom: {env: NAME}}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSecret
metadata: {name: password}
spec: {group: db, key: password, valueFrom: {env: PASSWORD}}
"""


def write(folder: Path, **secrets: str) -> None:
    text = SET.replace("SECRETS", json.dumps(secrets))
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")


async def reconcile(folder: Path, *arguments: str, password: str = CANARY) -> Ended:
    return await run(*arguments, cwd=folder, environ={"NAME": "me", "PASSWORD": password})


async def test_secrets_are_planned_applied_and_then_in_sync(
    tmp_path: Path, cluster: Cluster, namespace: str
) -> None:
    write(tmp_path, kubeconfig=str(cluster.admin.kubeconfig), namespace=namespace)

    planned = await reconcile(tmp_path, "plan", "--detailed-exitcode")
    applied = await reconcile(tmp_path, "--yes")
    again = await reconcile(tmp_path, "plan", "--detailed-exitcode")
    rotated = await reconcile(tmp_path, "plan", "--detailed-exitcode", password=f"{CANARY}-2")
    status = await reconcile(tmp_path, "status", "-o", "json")
    explained = await reconcile(tmp_path, "explain", "FlyteSecret/flytesnacks/development/db/name")
    exported = await reconcile(tmp_path, "export")
    doctor = await reconcile(tmp_path, "doctor")

    assert (planned.code, applied.code, again.code, rotated.code) == (2, 0, 0, 2)
    assert "FlyteSecret/flytesnacks/development/db/password  create" in planned.out
    assert "FlyteSecret/flytesnacks/development/db/password" in rotated.out
    assert "db/name" not in rotated.out
    data = cluster.json("get", "secret", "db", "-n", namespace)["data"]
    assert set(data) == {"name", "password"}
    assert (status.code, explained.code, exported.code) == (0, 0, 0)
    for ended in (planned, applied, again, rotated, status, explained, exported, doctor):
        assert CANARY not in f"{ended.out}{ended.err}"
        assert data["password"] not in f"{ended.out}{ended.err}"
    assert "FlyteSecret" not in exported.out
    assert f"{cluster.url} is Kubernetes v" in doctor.out


async def test_saved_plan_is_refused_for_a_secret_that_somebody_changed(
    tmp_path: Path, cluster: Cluster, namespace: str
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder, kubeconfig=str(cluster.admin.kubeconfig), namespace=namespace)
    await reconcile(folder, "plan", "--out", "../plan.json")
    assert CANARY not in (tmp_path / "plan.json").read_text(encoding="utf-8")
    cluster.kubectl(
        "create", "secret", "generic", "db", "-n", namespace, "--from-literal=name=theirs"
    )

    applied = await reconcile(folder, "apply", "../plan.json")

    assert applied.code == 3
    assert "db/name" in f"{applied.out}{applied.err}"
    kept = cluster.json("get", "secret", "db", "-n", namespace)["data"]
    assert kept["name"] == "dGhlaXJz"


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ({}, "no cluster is known for the secrets of this Flyte 1; write secrets.kubeconfig"),
        ({"kubeconfig": "nowhere"}, "kubeconfig"),
        ({"namespace": "{Project}"}, '"{Project}" gives no name of a namespace'),
    ],
)
async def test_a_connection_without_a_usable_cluster_says_so(
    tmp_path: Path, secrets: dict[str, str], expected: str
) -> None:
    write(tmp_path, **secrets)

    ended = await reconcile(tmp_path, "plan")

    assert expected in f"{ended.out}{ended.err}"
    assert ended.code in {1, 4}
    assert CANARY not in f"{ended.out}{ended.err}"
