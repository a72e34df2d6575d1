"""The Helm chart as the tests see it: rendered by the real helm, its objects as mappings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kube_kit import Cluster, Identity

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "flyte-reconciler"
RELEASE = "flyte-reconciler"
# A helm that Go builds from its module does not know which Kubernetes it was made for.
KUBERNETES = "1.34.0"
EVERYTHING: dict[str, Any] = {
    "replicas": 2,
    "git": {"enabled": True, "allowSchemes": ["http"]},
    "page": {
        "enabled": True,
        "token": {"secretName": "page"},
        "header": "X-Forwarded-User",
        "proxies": ["10.0.3.0/24"],
    },
    "secrets": {"read": True, "write": True},
    "networkPolicy": {"enabled": True},
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Flyte"}},
    },
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"example.com/c": "d"},
    "commonLabels": {"example.com/team": "data"},
    "imagePullSecrets": [{"name": "pull"}],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "operator": {
        "connection": "flyte/prod",
        "allowUrls": ["https://artifacts.example.com"],
        "allowHosts": ["*.example.com"],
    },
}
"""Every part of the chart that is off by default, on."""

METRICS: dict[str, set[str]] = {
    "reconcile_actions_total": {"kind", "outcome"},
    "reconcile_plan_changes": {"set"},
    "reconcile_objects": {"kind", "ready"},
    "reconcile_drift_total": {"kind", "reason"},
    "reconcile_sync_age_seconds": {"set"},
    "reconcile_backend_request_seconds": {"method", "code"},
    "reconcile_queue_depth": set(),
    "reconcile_pass_seconds": {"set"},
    "reconcile_leader": set(),
    "controller_runtime_reconcile_total": {"controller", "result"},
    "controller_runtime_reconcile_time_seconds": {"controller"},
}
"""The metrics that alerts and dashboard may ask for, with their labels."""

Object = dict[str, Any]


def render(
    cluster: Cluster, values: Mapping[str, Any] | None = None, *, namespace: str = "flyte"
) -> list[Object]:
    """The objects that a release with these values has, its hooks with them."""
    text = template(cluster, values, namespace=namespace)
    return [item for item in yaml.safe_load_all(text) if item]


def template(
    cluster: Cluster,
    values: Mapping[str, Any] | None = None,
    *,
    namespace: str = "flyte",
    code: int = 0,
) -> str:
    """What `helm template` prints; with a `code` other than 0, why it refuses."""
    options = ["--namespace", namespace, "--kube-version", KUBERNETES, "-f", "-"]
    return cluster.run(
        "helm",
        *("template", RELEASE, str(CHART), *options),
        stdin=json.dumps(values or {}),
        code=code,
        identity=cluster.admin,
    )


def of_kind(objects: Iterable[Object], kind: str) -> list[Object]:
    """The objects of one kind."""
    return [item for item in objects if item["kind"] == kind]


def one(objects: Iterable[Object], kind: str, name: str = "") -> Object:
    """The only object of a kind, or of a kind and a name."""
    found = [item for item in of_kind(objects, kind) if name in ("", item["metadata"]["name"])]
    assert len(found) == 1, f"{kind} {name}: {len(found)} of them"
    return found[0]


def pods(objects: Iterable[Object]) -> list[Object]:
    """The pods that would run, each as its specification."""
    return [
        item["spec"]["template"]["spec"] for item in objects if "template" in item.get("spec", {})
    ]


def operator(
    cluster: Cluster, values: Mapping[str, Any] | None = None, *, namespace: str
) -> Identity:
    """The operator's account with the roles of the chart, in a namespace that is there."""
    objects = render(cluster, values, namespace=namespace)
    roles = [item for item in objects if re.fullmatch(r".*Role(Binding)?", item["kind"])]
    cluster.apply(*(item for item in roles if "annotations" not in item["metadata"]))
    return cluster.service_account(namespace, RELEASE)


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One thing that an account may do. `where` is a namespace, or `*` for the whole cluster."""

    where: str
    group: str
    resource: str
    verb: str
    name: str = "*"


def rights(objects: Iterable[Object], account: str) -> set[Right]:
    """All that the rendered roles let one service account do."""
    found = list(objects)
    roles = {_place(item): item["rules"] for item in found if item["kind"].endswith("Role")}
    given: set[Right] = set()
    for binding in found:
        if binding["kind"].endswith("Binding") and _is_of(binding, account):
            kind, where = binding["roleRef"]["kind"], _place(binding)[1]
            held_in = "*" if kind == "ClusterRole" else where
            for rule in roles[kind, held_in, binding["roleRef"]["name"]]:
                given.update(_of_rule(rule, where))
    return given


def _place(item: Object) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", "*"), item["metadata"]["name"]


def _is_of(binding: Object, account: str) -> bool:
    return [subject["name"] for subject in binding["subjects"]] == [account]


def _of_rule(rule: Mapping[str, list[str]], where: str) -> Iterator[Right]:
    assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames", ["*"]):
                    yield Right(where, group, resource, verb, name)
