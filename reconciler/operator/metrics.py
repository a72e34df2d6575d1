"""Metrics for Prometheus; the names are those of the dashboard and the alert rules of the chart."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Everything that is counted; one registry of its own, so that tests can have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.actions = Counter(
            "reconcile_actions",
            "Calls that change Flyte, by outcome.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.plan_changes = Gauge(
            "reconcile_plan_changes",
            "Changes that are pending, by set.",
            ["set"],
            registry=registry,
        )
        self.objects = Gauge(
            "reconcile_objects",
            "Custom resources, by kind and readiness.",
            ["kind", "ready"],
            registry=registry,
        )
        self.drift = Counter(
            "reconcile_drift",
            "Changes that somebody else made.",
            ["kind", "reason"],
            registry=registry,
        )
        self.sync_age = Gauge(
            "reconcile_sync_age_seconds",
            "Since the last pass that ended well.",
            ["set"],
            registry=registry,
        )
        self.backend_seconds = Histogram(
            "reconcile_backend_request_seconds",
            "Calls to Flyte.",
            ["method", "code"],
            registry=registry,
        )
        self.queue_depth = Gauge(
            "reconcile_queue_depth", "Sets that wait for a pass.", registry=registry
        )
        self.pass_seconds = Histogram(
            "reconcile_pass_seconds", "Passes over a set.", ["set"], registry=registry
        )
        self.leader = Gauge(
            "reconcile_leader", "1 while this process is in charge.", registry=registry
        )
        self.passes = Counter(
            "controller_runtime_reconcile",
            "Passes, named as controllers in Go name them.",
            ["controller", "result"],
            registry=registry,
        )
        self.pass_time = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Passes, named as controllers in Go name them.",
            ["controller"],
            registry=registry,
        )
        self.notifications = Counter(
            "reconcile_notifications",
            "Messages about sets, by the way they went and how that ended.",
            ["way", "result"],
            registry=registry,
        )
        self.status_patches = Counter(
            "reconcile_status_patches", "Statuses written to the API server.", registry=registry
        )
        self.finalizer_patches = Counter(
            "reconcile_finalizer_patches",
            "Finalizers written to the API server.",
            registry=registry,
        )
        self.events_dropped = Counter(
            "reconcile_events_dropped",
            "Events that tell of no fault, and that were too many to write.",
            registry=registry,
        )

    def called(self, method: str, code: str, seconds: float) -> None:
        """Count a call to Flyte."""
        self.backend_seconds.labels(method, code).observe(seconds)
