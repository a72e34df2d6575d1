"""Alerts and dashboard ask for metrics that exist, in PromQL that parses, and are explained."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import chart_kit
import promql_parser
import pytest
import yaml
from chart_kit import CHART, EVERYTHING, METRICS, RELEASE, ROOT, Object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kube_kit import Cluster

HISTOGRAMS = {
    "reconcile_backend_request_seconds",
    "reconcile_pass_seconds",
    "controller_runtime_reconcile_time_seconds",
}
SCRAPED = {"job", "instance", "le"}
DASHBOARD: Object = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
GUIDE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")


def _check(text: str) -> set[str]:
    """Parse an expression; return the metrics it asks for, with labels that they have."""
    asked: set[str] = set()

    def visit(node: Any) -> None:
        match node:
            case promql_parser.VectorSelector():
                metric, labels = _selected(node)
                assert metric in METRICS, f"{metric}: is not a metric of the operator: {text}"
                allowed = METRICS[metric] | SCRAPED
                assert labels <= allowed, f"{metric}: has no {labels - allowed}: {text}"
                assert "job" in labels, f"{metric}: is asked of other jobs too: {text}"
                asked.add(metric)
            case promql_parser.AggregateExpr() if node.modifier:
                grouped.update(node.modifier.labels)

    grouped: set[str] = set()
    promql_parser.walk(promql_parser.parse(text), visit)
    known = set().union(*(METRICS[name] for name in asked)) | SCRAPED
    assert grouped <= known, f"nothing has {grouped - known}: {text}"
    return asked


def _selected(node: Any) -> tuple[str, set[str]]:
    name = node.name
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    if base in HISTOGRAMS:
        assert base != name, f"{name}: is a histogram"
        name = base
    return name, {matcher.name for matcher in node.matchers.matchers}


@pytest.fixture
def alerts(cluster: Cluster) -> dict[str, Object]:
    """The alerting rules by their names."""
    (group,) = chart_kit.one(chart_kit.render(cluster, EVERYTHING), "PrometheusRule")["spec"][
        "groups"
    ]
    found = {rule["alert"]: rule for rule in group["rules"]}
    assert len(found) == len(group["rules"])
    return found


def test_alerts_ask_for_what_the_operator_says(alerts: dict[str, Object]) -> None:
    asked = set().union(*(_check(rule["expr"]) for rule in alerts.values()))

    assert asked == set(METRICS) - {
        "reconcile_pass_seconds",
        "controller_runtime_reconcile_time_seconds",
    }
    for rule in alerts.values():
        assert f'job="{RELEASE}"' in rule["expr"], "the job is that of the Service"


def test_alerts_say_what_is_wrong_and_how_bad(alerts: dict[str, Object]) -> None:
    for name, rule in alerts.items():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, name
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["annotations"]["summary"]
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        groups = re.search(r"by \(([^)]*)\)", rule["expr"])
        kept = set(re.split(r",\s*", groups.group(1))) if groups else set()
        assert used <= kept, f"{name}: {used - kept} is not a label of what it yields"


def test_every_alert_is_explained_with_its_threshold(alerts: dict[str, Object]) -> None:
    rows = re.findall(r"^\| `(FlyteReconciler\w+)` \|", GUIDE, re.MULTILINE)
    values = re.findall(r"`metrics\.rules\.(\w+)`", GUIDE)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    thresholds = set(defaults["metrics"]["rules"]) - {"enabled", "labels"}

    assert rows == list(alerts)
    assert set(values) >= thresholds


@pytest.mark.parametrize(
    ("value", "alert", "part"),
    [
        ({"syncAgeSeconds": 7777}, "FlyteReconcilerSyncOld", "> 7777"),
        ({"backendErrorRatio": 0.25}, "FlyteReconcilerBackendErrors", "> 0.25"),
        ({"backendSeconds": 2.5}, "FlyteReconcilerBackendSlow", "> 2.5"),
        ({"queueDepth": 33}, "FlyteReconcilerQueueStuck", "> 33"),
        ({"driftPerHour": 44}, "FlyteReconcilerDrift", "> 44"),
        ({"pendingMinutes": 66}, "FlyteReconcilerChangesPending", "66m"),
        ({"notReadyMinutes": 77}, "FlyteReconcilerObjectsNotReady", "77m"),
    ],
)
def test_thresholds_are_values(
    cluster: Cluster, value: dict[str, Any], alert: str, part: str
) -> None:
    objects = chart_kit.render(cluster, {"metrics": {"rules": {"enabled": True} | value}})
    (group,) = chart_kit.one(objects, "PrometheusRule")["spec"]["groups"]
    (rule,) = (rule for rule in group["rules"] if rule["alert"] == alert)

    _check(rule["expr"])
    assert part in f"{rule['expr']} {rule['for']}"


def _expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            # What Grafana fills in before Prometheus reads it.
            yield target["expr"].replace("$__rate_interval", "5m").replace("$job", "any")


def test_dashboard_shows_every_metric() -> None:
    asked = set().union(*(_check(text) for text in _expressions()))

    assert asked == set(METRICS)


def test_panels_are_named_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_config_map_holds_the_dashboard_as_it_is(cluster: Cluster) -> None:
    found = chart_kit.one(chart_kit.render(cluster, EVERYTHING), "ConfigMap")

    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["annotations"] == {"grafana_folder": "Flyte"}
    assert json.loads(found["data"]["flyte-reconciler.json"]) == DASHBOARD
