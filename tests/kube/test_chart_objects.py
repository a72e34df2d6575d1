"""What the chart renders is valid, locked down, and in the mode `namespaced` in its namespaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import chart_kit
import pytest
from chart_kit import CHART, EVERYTHING, RELEASE, Object

if TYPE_CHECKING:
    from kube_kit import Cluster

CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
PLAIN = ("/healthz", "/healthz", "/readyz")
MODES: dict[str, dict[str, Any]] = {
    "cluster": {},
    "cluster, everything": EVERYTHING,
    "namespaced": {"scope": "namespaced"},
    "namespaced, everything": {"scope": "namespaced", "namespaces": ["one", "two"], **EVERYTHING},
}
modes = pytest.mark.parametrize("values", MODES.values(), ids=MODES)


def _monitoring(kind: str, plural: str) -> Object:
    """A definition of the Prometheus operator's, reduced to what an API server must know."""
    group = "monitoring.coreos.com"
    any_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "versions": [version | {"schema": {"openAPIV3Schema": any_object}}],
        },
    }


@modes
def test_helm_finds_nothing_to_complain_of(
    cluster: Cluster, values: dict[str, Any], tmp_path: Any
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(values))

    said = cluster.helm("lint", "--strict", str(CHART), "-f", str(path))

    assert "1 chart(s) linted, 0 chart(s) failed" in said


@modes
def test_every_object_is_valid_to_a_real_api_server(
    cluster: Cluster, values: dict[str, Any]
) -> None:
    kinds = [("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")]
    cluster.apply(*(_monitoring(*kind) for kind in kinds))
    for _, plural in kinds:
        name = f"crd/{plural}.monitoring.coreos.com"
        cluster.kubectl("wait", "--for=condition=Established", name, "--timeout=30s")
    there = cluster.namespace("chart")
    watched = [cluster.namespace("watched") for _ in values.get("namespaces", ())]
    if watched:
        values = values | {"namespaces": watched}
    objects = chart_kit.render(cluster, values, namespace=there)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})

    # Server-side, since the definitions may be there by another hand.
    options = ("--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server")
    said = cluster.kubectl("apply", *options, "-f", "-", stdin=text).splitlines()

    accepted = [line for line in said if line.endswith("(server dry run)")]
    assert len(accepted) == len(objects)
    assert [line for line in said if line.startswith("Warning")] == []


@modes
def test_every_container_is_locked_down(cluster: Cluster, values: dict[str, Any]) -> None:
    found = chart_kit.pods(chart_kit.render(cluster, values))

    assert len(found) == 2, "the operator, and the hook of the uninstallation"
    for pod in found:
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        assert pod["enableServiceLinks"] is False
        (tmp,) = (volume for volume in pod["volumes"] if volume["name"] == "tmp")
        assert tmp["emptyDir"] == {"medium": "Memory", "sizeLimit": "128Mi"}
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
        for container in pod["containers"]:
            _check_container(container)


def _check_container(container: Object) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    assert container["resources"]["requests"]
    assert container["resources"]["limits"]["memory"]
    assert "command" not in container


def test_operator_is_probed_and_measured_at_its_own_port(cluster: Cluster) -> None:
    objects = chart_kit.render(cluster)
    (operator,) = chart_kit.one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    probes = [operator[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
    (port,) = chart_kit.one(objects, "Service", RELEASE)["spec"]["ports"]

    assert operator["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert tuple(probe["httpGet"]["path"] for probe in probes) == PLAIN
    assert {probe["httpGet"]["port"] for probe in probes} == {port["targetPort"]} == {"http"}
    assert "--listen=0.0.0.0:8080" in operator["args"]


def test_selectors_find_the_operator_and_not_the_hook(cluster: Cluster) -> None:
    objects = chart_kit.render(cluster, EVERYTHING)
    (operator,) = chart_kit.of_kind(objects, "Deployment")
    (hook,) = chart_kit.of_kind(objects, "Job")
    selectors = [
        operator["spec"]["selector"]["matchLabels"],
        chart_kit.one(objects, "Service", RELEASE)["spec"]["selector"],
        chart_kit.one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        chart_kit.one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    monitor = chart_kit.one(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]

    for selector in selectors:
        assert selector.items() <= operator["spec"]["template"]["metadata"]["labels"].items()
        assert not selector.items() <= hook["spec"]["template"]["metadata"]["labels"].items()
    service = chart_kit.one(objects, "Service", RELEASE)
    assert monitor.items() <= service["metadata"]["labels"].items()


@pytest.mark.parametrize("values", [MODES["namespaced"], MODES["namespaced, everything"]])
def test_namespaced_release_has_nothing_of_the_whole_cluster(
    cluster: Cluster, values: dict[str, Any]
) -> None:
    objects = chart_kit.render(cluster, values | {"crds": {"install": False}})
    namespaces = {item["metadata"].get("namespace") for item in objects}

    assert CLUSTER_WIDE & {item["kind"] for item in objects} == set()
    assert namespaces == {"flyte", *values.get("namespaces", ())}


def test_mode_and_options_reach_the_operator(cluster: Cluster) -> None:
    def arguments(values: dict[str, Any]) -> list[str]:
        deployment = chart_kit.one(chart_kit.render(cluster, values), "Deployment")
        return deployment["spec"]["template"]["spec"]["containers"][0]["args"]

    assert arguments({}) == [
        "operator",
        "--interval=10m",
        "--workers=4",
        "--leader-elect",
        "--lease-namespace=flyte",
        "--lease-duration=30s",
        "--listen=0.0.0.0:8080",
        "--log-level=info",
    ]
    assert arguments(MODES["namespaced, everything"])[:7] == [
        "serve",
        "--kubernetes",
        "--namespace=one",
        "--namespace=two",
        "--connection=flyte/prod",
        "--allow-url=https://artifacts.example.com",
        "--allow-host=*.example.com",
    ]
    assert "--namespace=flyte" in arguments(MODES["namespaced"])
    assert "--no-leader-elect" in arguments({"operator": {"leaderElection": False}})


def test_what_is_off_by_default_is_not_rendered(cluster: Cluster) -> None:
    kinds = [item["kind"] for item in chart_kit.render(cluster)]

    assert not {"ServiceMonitor", "PrometheusRule", "NetworkPolicy", "ConfigMap"} & set(kinds)
    assert "PodDisruptionBudget" not in kinds, "with one replica it would only hold up a drain"
    assert "Secret" not in kinds


def test_network_policy_lets_out_to_names_the_api_server_and_flyte_alone(
    cluster: Cluster,
) -> None:
    peer = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    flyte = {"to": peer, "ports": [443, 8089]}
    policy = {"enabled": True, "apiServer": {"to": peer, "ports": [6443]}, "flyte": flyte}
    objects = chart_kit.render(cluster, {"networkPolicy": policy})
    spec = chart_kit.one(objects, "NetworkPolicy")["spec"]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}]}]
    tcp = [{"port": port, "protocol": "TCP"} for port in (53, 6443, 443, 8089)]
    assert spec["egress"] == [
        {"ports": [{"port": 53, "protocol": "UDP"}, tcp[0]]},
        {"ports": tcp[1:2], "to": peer},
        {"ports": tcp[2:], "to": peer},
    ]


def test_git_has_a_place_for_its_copies_and_a_port_for_webhooks(cluster: Cluster) -> None:
    values = {"git": {"enabled": True, "cache": {"sizeLimit": "1Gi"}}}
    policy = {"enabled": True, "hooksFrom": [{"podSelector": {}}]}
    objects = chart_kit.render(cluster, values | {"networkPolicy": policy})
    pod = chart_kit.one(objects, "Deployment")["spec"]["template"]["spec"]
    network = chart_kit.one(objects, "NetworkPolicy")["spec"]

    assert {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}} in pod["volumes"]
    assert {"name": "cache", "mountPath": "/tmp/cache"} in pod["containers"][0]["volumeMounts"]
    assert {"name": "XDG_CACHE_HOME", "value": "/tmp/cache"} in pod["containers"][0]["env"]
    assert pod["containers"][0]["image"].endswith("-git")
    served = chart_kit.one(objects, "Service", f"{RELEASE}-serve")["spec"]
    assert "selector" not in served
    assert served["ports"] == [
        {"name": "http-hooks", "port": 80, "targetPort": "http", "protocol": "TCP"}
    ]
    http = [{"port": "http", "protocol": "TCP"}]
    assert network["ingress"][1:] == [{"ports": http, "from": [{"podSelector": {}}]}]
    assert [port["port"] for port in network["egress"][-1]["ports"]] == [22, 443]


def test_page_has_a_port_of_its_own_and_a_token_that_no_role_reads(cluster: Cluster) -> None:
    page = {"enabled": True, "token": {"secretName": "page", "key": "word"}}
    policy = {"enabled": True, "pageFrom": [{"podSelector": {}}]}
    objects = chart_kit.render(cluster, {"page": page, "networkPolicy": policy})
    pod = chart_kit.one(objects, "Deployment")["spec"]["template"]["spec"]
    network = chart_kit.one(objects, "NetworkPolicy")["spec"]

    assert {"name": "page", "containerPort": 8081, "protocol": "TCP"} in pod["containers"][0][
        "ports"
    ]
    secret = {"secretName": "page", "items": [{"key": "word", "path": "token"}]}
    assert {"name": "page-token", "secret": secret} in pod["volumes"]
    assert "--page-token-file=/etc/reconcile/page/token" in pod["containers"][0]["args"]
    ports = chart_kit.one(objects, "Service", f"{RELEASE}-serve")["spec"]["ports"]
    assert [(port["name"], port["targetPort"]) for port in ports] == [("http-page", "page")]
    served = [{"port": "page", "protocol": "TCP"}]
    assert network["ingress"][1:] == [{"ports": served, "from": [{"podSelector": {}}]}]
    assert "secrets" not in {right.resource for right in chart_kit.rights(objects, RELEASE)}


def test_two_replicas_are_spread_and_go_one_at_a_time(cluster: Cluster) -> None:
    objects = chart_kit.render(cluster, {"replicas": 2})
    deployment = chart_kit.one(objects, "Deployment")["spec"]

    assert chart_kit.one(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert deployment["replicas"] == 2
    (spread,) = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"


def test_image_is_pinned_by_the_digest_that_is_given(cluster: Cluster) -> None:
    digest = f"sha256:{'a' * 64}"
    values = {"image": {"repository": "example.com/reconciler", "digest": digest}}
    images = {
        container["image"]
        for pod in chart_kit.pods(chart_kit.render(cluster, values))
        for container in pod["containers"]
    }

    assert images == {f"example.com/reconciler@{digest}"}
