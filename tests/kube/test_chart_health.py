"""Those who wait for custom resources read ours rightly: Flux by kstatus, Argo CD by its Lua."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import go_tools
import health_kit
import pytest
import yaml
from chart_kit import Object

LIBRARY = go_tools.Tools(Path(__file__).parent / "tools" / "kstatus", (".",))
NEVER_SEEN = -1
"""What the definitions give an object as the generation that was observed, until one was."""


def _object(observed: int = 3, *conditions: tuple[str, str, str], deleted: bool = False) -> Object:
    metadata: Object = {"name": "daily", "namespace": "sales", "generation": 3}
    if deleted:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]}
    found = [
        {"type": kind, "status": state, "reason": reason, "message": f"because of {reason}"}
        for kind, state, reason in conditions
    ]
    status: Object = {"observedGeneration": observed} | ({"conditions": found} if found else {})
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteLaunchPlan",
        "metadata": metadata,
        "status": status,
    }


DONE = ("Ready", "True", "ReconciliationSucceeded")
SAMPLES: dict[str, tuple[Object, str]] = {
    "never seen": (_object(NEVER_SEEN), "InProgress"),
    "ready": (_object(3, DONE), "Current"),
    "ready, then edited": (_object(2, DONE), "InProgress"),
    "ready and suspended": (_object(3, DONE, ("Suspended", "True", "Suspended")), "Current"),
    "waits for a package": (
        _object(
            3,
            ("Ready", "False", "DependencyNotReady"),
            ("Reconciling", "True", "DependencyNotReady"),
        ),
        "InProgress",
    ),
    "tries again": (
        _object(
            3,
            ("Ready", "False", "BackendUnavailable"),
            ("Reconciling", "True", "BackendUnavailable"),
        ),
        "InProgress",
    ),
    "faulty": (
        _object(3, ("Ready", "False", "InvalidSpec"), ("Stalled", "True", "InvalidSpec")),
        "Failed",
    ),
    "faulty, then edited": (
        _object(2, ("Ready", "False", "InvalidSpec"), ("Stalled", "True", "InvalidSpec")),
        "InProgress",
    ),
    "needs an approval": (
        _object(3, ("Ready", "False", "ApprovalRequired"), ("Stalled", "True", "ApprovalRequired")),
        "Failed",
    ),
    "not stalled any more": (_object(3, DONE, ("Stalled", "False", "InvalidSpec")), "Current"),
    "is being deleted": (_object(3, DONE, deleted=True), "Terminating"),
    "is being deleted and stalled": (
        _object(3, ("Stalled", "True", "Protected"), deleted=True),
        "Terminating",
    ),
}
samples = pytest.mark.parametrize(("item", "expected"), SAMPLES.values(), ids=SAMPLES)


@samples
def test_flux_reads_our_conditions_rightly(item: Object, expected: str) -> None:
    assert health_kit.kstatus(item) == expected


@samples
def test_argo_comes_to_the_same_verdict(item: Object, expected: str) -> None:
    status, message = health_kit.argo(item)

    assert status == health_kit.AS_ARGO_SAYS[expected]
    assert message


def test_argo_is_told_of_all_kinds_at_once() -> None:
    assert list(health_kit.customizations()) == ["flyte.reconciler.dev/*"]


def test_argo_waits_for_an_object_without_any_status() -> None:
    assert health_kit.argo(_object() | {"status": None})[0] == "Progressing"


@pytest.mark.timeout(600)  # the first build compiles the types of Kubernetes
def test_our_rules_of_kstatus_are_those_of_the_library() -> None:
    others = [_object(3, ("Ready", "Unknown", "Progressing")), _object(3), {"kind": "FlyteSync"}]
    items = [item for item, _ in SAMPLES.values()] + others
    done = subprocess.run(
        [str(go_tools.folder_of(LIBRARY) / "kstatus")],
        input="\n".join(json.dumps(item) for item in items),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [health_kit.kstatus(item) for item in items]


def test_flux_example_waits_for_ready() -> None:
    text = (health_kit.EXAMPLES / "flux-kustomization.yaml").read_text(encoding="utf-8")
    whole, single = (item["spec"] for item in yaml.safe_load_all(text))
    (check,) = single["healthChecks"]

    assert whole["wait"] is True
    assert check["apiVersion"] == "flyte.reconciler.dev/v1alpha1"
    assert set(check) == {"apiVersion", "kind", "name", "namespace"}
