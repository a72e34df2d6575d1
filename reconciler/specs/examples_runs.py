"""The values of the annotated examples of runs; see `examples`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.specs.example import OWNED, Example

if TYPE_CHECKING:
    from reconciler.model.document import Json

_RESOURCES: Json = {
    "cpu": "2",
    "memory": "4Gi",
    "gpu": "1",
    "ephemeralStorage": "10Gi",
}

EXAMPLES: dict[str, Example] = {
    "FlyteBackfill": Example(
        name="etl-daily-november",
        spec={
            "project": "ranking",
            "domain": "production",
            "launchPlan": {"name": "etl.daily", "version": "v1.4.2"},
            "trigger": {"task": "etl.load", "name": "daily"},
            "from": "2026-11-01T00:00:00Z",
            "to": "2026-12-01T00:00:00Z",
            "parallelism": 8,
            "order": "Oldest",
            "coverage": "Missing",
            "onFailure": "Continue",
            "retries": 1,
            "inputs": {"count": 3},
            "overwriteCache": False,
            "anchor": "2026-11-01T06:00:00Z",
            "budget": {"maxRuns": 100, "maxInFlight": 20},
            "state": "Running",
            "terminate": False,
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset({"launchPlan.version", "trigger", "inputs", "anchor", "sync"}),
    ),
    "FlyteRun": Example(
        name="migrate",
        spec={
            "project": "ranking",
            "domain": "production",
            "task": {
                "name": "migrations.apply",
                "package": "etl",
                "version": "v1.4.2",
                "project": "ranking",
                "domain": "production",
            },
            "launchPlan": {
                "name": "etl.daily",
                "version": "v1.4.2",
                "project": "ranking",
                "domain": "production",
            },
            "workflow": {
                "name": "pipelines.etl",
                "package": "etl",
                "version": {"latest": True, "matching": "v1.*"},
                "project": "ranking",
                "domain": "production",
            },
            "trigger": {"task": "etl.load", "name": "daily"},
            "name": "migrate-42",
            "namePrefix": "migrate",
            "inputs": {"target": 42},
            "inputsFrom": {"schema": {"run": "read-schema", "output": "o0"}},
            "after": ["backup"],
            "state": "Started",
            "cause": "superseded",
            "ttl": "168h",
            "overwriteCache": True,
            "interruptible": False,
            "envs": {"LOG_LEVEL": "20"},
            "tags": ["migration"],
            "labels": {"team": "ranking"},
            "annotations": {"example.com/owner": "ranking"},
            "clusterPool": "batch",
            "clusterLabel": "gpu",
            "rawOutputPrefix": "s3://bucket/raw",
            "serviceAccount": "runner",
            "iamRole": "arn:aws:iam::123456789012:role/runner",
            "maxParallelism": 10,
            "notifications": [
                {
                    "phases": ["Failed", "TimedOut"],
                    "email": ["oncall@example.com"],
                    "pagerDuty": ["service@example.pagerduty.com"],
                    "slack": ["channel@example.slack.com"],
                    "message": {"subject": "failed", "text": "{{.Error}}", "html": "<b>failed</b>"},
                    "webhook": {
                        "url": "https://hooks.example.com/flyte",
                        "method": "POST",
                        "headers": {"Content-Type": "application/json"},
                        "body": "{{.Run.Name}}",
                    },
                    "delivery": "oncall",
                }
            ],
            "overrides": {
                "requests": _RESOURCES,
                "limits": _RESOURCES,
                "retries": 2,
                "timeout": "1h",
                "envs": {"LOG_LEVEL": "20"},
                "secrets": [{"group": "db", "key": "password", "env": "DB_PASSWORD"}],
            },
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset(
            {
                *("task.version", "task.project", "task.domain", "launchPlan", "workflow"),
                *("trigger", "name", "cause", "iamRole", "overrides", "clusterLabel", "tags"),
                *("notifications.pagerDuty", "notifications.slack", "notifications.message"),
                *("notifications.webhook", "notifications.delivery", "sync"),
            }
        ),
    ),
    "FlyteSignal": Example(
        name="release-approved",
        spec={
            "project": "ranking",
            "domain": "production",
            "run": {"declared": "release", "name": "release-42"},
            "signal": "approve-release",
            "approve": True,
            "reject": True,
            "value": 0.5,
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset({"run.name", "reject", "value", "sync"}),
    ),
}
