"""Each alert fires when it should and not before, by Prometheus's own engine.

A series has a value for each minute. An alert fires when its expression yields the same labels for
as long as its `for` says, which is worked out here; the expression is Prometheus's.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chart_kit
import go_tools
import pytest
from chart_kit import RELEASE, Object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kube_kit import Cluster

ENGINE = go_tools.Tools(Path(__file__).parent / "tools" / "promql", (".",))
LENGTH = 150
"""Minutes that a series lasts."""

Values = list[float | None]
Series = tuple[str, dict[str, str], Values]


def steady(value: float) -> Values:
    return [value] * LENGTH


def rising(step: float, every: int = 1) -> Values:
    """A counter that grows by `step` in every so many minutes."""
    return [float(step * (minute // every)) for minute in range(LENGTH)]


def one(name: str, values: Values, **labels: str) -> Series:
    return name, {"instance": "a"} | labels, values


def leads(instance: str = "a") -> Series:
    return one("reconcile_leader", steady(1), instance=instance)


def requests(code: str, step: float) -> Series:
    name = "reconcile_backend_request_seconds_count"
    return one(name, rising(step), method="ListLaunchPlans", code=code)


def buckets(**steps: float) -> list[Series]:
    """A histogram of calls: how many more there are each minute, up to so many seconds."""
    name = "reconcile_backend_request_seconds_bucket"
    ends = {"under_1": "1.0", "under_5": "5.0", "under_10": "10.0", "all": "+Inf"}
    return [
        one(name, rising(steps[key]), method="ListLaunchPlans", code="OK", le=end)
        for key, end in ends.items()
    ]


def passes(result: str, step: float) -> Series:
    name = "controller_runtime_reconcile_total"
    return one(name, rising(step), controller="flyte", result=result)


def gap(values: Values, start: int, length: int, filler: float | None = None) -> Values:
    return [filler if start <= at < start + length else value for at, value in enumerate(values)]


SAW: Values = [float(minute % 25 * 60) for minute in range(LENGTH)]
SOMETHING = one("up", steady(1))
FALSE = {"kind": "FlyteLaunchPlan", "ready": "False"}
TRUE = {"kind": "FlyteLaunchPlan", "ready": "True"}
DONE = {"kind": "FlyteLaunchPlan", "outcome": "done"}
FAILED = {"kind": "FlyteLaunchPlan", "outcome": "failed"}
DRIFT = {"kind": "FlyteLaunchPlan", "reason": "foreign"}

FIRES: dict[str, list[Series]] = {
    "FlyteReconcilerDown": [SOMETHING],
    "FlyteReconcilerNoLeader": [one("reconcile_leader", steady(0))],
    "FlyteReconcilerTwoLeaders": [leads("a"), leads("b")],
    "FlyteReconcilerSyncOld": [leads(), one("reconcile_sync_age_seconds", rising(60), set="s")],
    "FlyteReconcilerChangesPending": [leads(), one("reconcile_plan_changes", steady(2), set="s")],
    "FlyteReconcilerObjectsNotReady": [leads(), one("reconcile_objects", steady(1), **FALSE)],
    "FlyteReconcilerActionsFail": [one("reconcile_actions_total", rising(1), **FAILED)],
    "FlyteReconcilerDrift": [one("reconcile_drift_total", rising(1, every=4), **DRIFT)],
    "FlyteReconcilerBackendErrors": [requests("OK", 90), requests("UNAVAILABLE", 10)],
    "FlyteReconcilerBackendSlow": buckets(under_1=10, under_5=50, under_10=100, all=100),
    "FlyteReconcilerQueueStuck": [leads(), one("reconcile_queue_depth", steady(30))],
    "FlyteReconcilerReconcileErrors": [passes("success", 4), passes("error", 6)],
}
SILENT: dict[str, dict[str, list[Series]]] = {
    "FlyteReconcilerDown": {
        "runs": [leads()],
        "moves to another node": [one("reconcile_leader", gap(steady(1), 20, 8))],
    },
    "FlyteReconcilerNoLeader": {
        "one takes over": [
            one("reconcile_leader", gap(steady(0), 0, 30, 1), instance="a"),
            one("reconcile_leader", gap(steady(1), 0, 32, 0), instance="b"),
        ],
    },
    "FlyteReconcilerTwoLeaders": {
        "read at different times": [
            one("reconcile_leader", gap(steady(0), 0, 31, 1), instance="a"),
            one("reconcile_leader", gap(steady(1), 0, 30, 0), instance="b"),
        ],
    },
    "FlyteReconcilerSyncOld": {
        "every second pass fails": [leads(), one("reconcile_sync_age_seconds", SAW, set="s")],
        "said by who leads no more": [
            leads("a"),
            one("reconcile_leader", steady(0), instance="b"),
            one("reconcile_sync_age_seconds", rising(60), set="s", instance="b"),
        ],
    },
    "FlyteReconcilerChangesPending": {
        "approved in time": [
            leads(),
            one("reconcile_plan_changes", gap(steady(0), 10, 55, 3), set="s"),
        ],
    },
    "FlyteReconcilerObjectsNotReady": {
        "all are": [leads(), one("reconcile_objects", steady(9), **TRUE)],
        "soon": [leads(), one("reconcile_objects", gap(steady(0), 5, 14, 2), **FALSE)],
    },
    "FlyteReconcilerActionsFail": {
        "done": [one("reconcile_actions_total", rising(5), **DONE)],
        "once": [one("reconcile_actions_total", gap(steady(1), 0, 40, 0), **FAILED)],
    },
    "FlyteReconcilerDrift": {
        "now and then": [one("reconcile_drift_total", rising(1, every=10), **DRIFT)],
    },
    "FlyteReconcilerBackendErrors": {
        "few": [requests("OK", 97), requests("UNAVAILABLE", 3)],
        "asks for what is not there": [requests("OK", 50), requests("NOT_FOUND", 50)],
        "no calls": [requests("OK", 0)],
    },
    "FlyteReconcilerBackendSlow": {
        "fast": buckets(under_1=99, under_5=100, under_10=100, all=100),
    },
    "FlyteReconcilerQueueStuck": {
        "full and empty": [
            leads(),
            one("reconcile_queue_depth", [float(minute % 10 * 20) for minute in range(LENGTH)]),
        ],
    },
    "FlyteReconcilerReconcileErrors": {
        "some": [passes("success", 8), passes("error", 2)],
    },
}


@pytest.fixture
def rules(cluster: Cluster) -> dict[str, Object]:
    """The alerts as a Prometheus gets them."""
    objects = chart_kit.render(cluster, {"metrics": {"rules": {"enabled": True}}})
    (group,) = chart_kit.one(objects, "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def _evaluate(questions: Iterable[tuple[str, Sequence[Series]]]) -> list[list[dict[str, Any]]]:
    lines = [
        json.dumps(
            {
                "expr": expr,
                "series": [
                    {"labels": {"__name__": name, "job": RELEASE} | labels, "values": values}
                    for name, labels, values in series
                ],
            }
        )
        for expr, series in questions
    ]
    done = subprocess.run(
        [str(go_tools.folder_of(ENGINE) / "promql")],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["series"] for line in done.stdout.splitlines()]


def _longest(minutes: Sequence[int]) -> int:
    """How long, at most, the condition held on end."""
    longest, since = -1, 0
    for at, minute in enumerate(minutes):
        if at and minute != minutes[at - 1] + 1:
            since = at
        longest = max(longest, minute - minutes[since])
    return longest


def _is_firing(rule: Object, yielded: Sequence[dict[str, Any]]) -> bool:
    wanted = int(rule["for"].removesuffix("m"))
    return any(_longest(item["minutes"]) >= wanted for item in yielded)


@pytest.mark.timeout(600)  # the first build compiles Prometheus's engine
def test_every_alert_fires_when_it_should(rules: dict[str, Object]) -> None:
    assert list(FIRES) == list(rules)
    answers = _evaluate((rules[name]["expr"], series) for name, series in FIRES.items())
    silent = [
        name
        for (name, rule), yielded in zip(rules.items(), answers, strict=True)
        if not _is_firing(rule, yielded)
    ]

    assert silent == []


@pytest.mark.timeout(600)
def test_no_alert_fires_before(rules: dict[str, Object]) -> None:
    assert list(SILENT) == list(rules)
    cases = [(name, why, series) for name, found in SILENT.items() for why, series in found.items()]
    answers = _evaluate((rules[name]["expr"], series) for name, _, series in cases)
    loud = [
        f"{name}: {why}"
        for (name, why, _), yielded in zip(cases, answers, strict=True)
        if _is_firing(rules[name], yielded)
    ]

    assert loud == []


def test_labels_of_an_alert_are_those_that_its_text_names(rules: dict[str, Object]) -> None:
    answers = _evaluate((rules[name]["expr"], series) for name, series in FIRES.items())
    for (name, rule), yielded in zip(rules.items(), answers, strict=True):
        text = " ".join(rule["annotations"].values())
        for label in ("set", "kind", "reason", "method", "controller"):
            if f"$labels.{label}" in text:
                assert all(item["labels"].get(label) for item in yielded), name
