"""The values of the annotated examples: every field of every kind, once.

`off` names the fields that are shown as comments, since they exclude others or are not served yet.
A field below a list is named as if its entries were the list: `notifications.pagerDuty`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.specs import examples_runs
from reconciler.specs.example import OWNED, Example

if TYPE_CHECKING:
    from reconciler.model.document import Json


_TOKEN: Json = {
    "env": "FLYTE_TOKEN",
    "file": "/run/secrets/token",
    "secretKeyRef": {"name": "flyte", "key": "token"},
}
_API_KEY: Json = {
    "env": "FLYTE_API_KEY",
    "file": "/run/secrets/api-key",
    "secretKeyRef": {"name": "flyte", "key": "api-key"},
}
_CLIENT_SECRET: Json = {
    "env": "FLYTE_CLIENT_SECRET",
    "file": "/run/secrets/client-secret",
    "secretKeyRef": {"name": "flyte", "key": "client-secret"},
}
_TIGHT: Json = {
    "cpu": "500m",
    "gpu": "0",
    "memory": "1Gi",
    "storage": "10Gi",
    "ephemeralStorage": "5Gi",
}
_ROOMY: Json = {
    "cpu": "8",
    "gpu": "1",
    "memory": "32Gi",
    "storage": "100Gi",
    "ephemeralStorage": "50Gi",
}
_ATTRIBUTES: dict[str, Json] = {
    "taskResources": {"defaults": _TIGHT, "limits": _ROOMY},
    "clusterResources": {"projectQuotaCpu": "64", "projectQuotaMemory": "256Gi"},
    "executionQueueTags": ["critical"],
    "executionClusterLabel": "gpu-west",
    "pluginOverrides": [
        {"taskType": "spark", "plugins": ["spark-on-k8s"], "onMissing": "UseDefault"},
    ],
    "workflowExecution": {
        "maxParallelism": 10,
        "serviceAccount": "ranking",
        "iamRole": "arn:aws:iam::123456789012:role/ranking",
        "rawOutputPrefix": "s3://ranking-data/raw",
        "labels": {"team": "ranking"},
        "annotations": {"example.com/owner": "ranking"},
        "interruptible": True,
        "overwriteCache": False,
        "envs": {"LOG_LEVEL": "info"},
    },
    "clusterPool": "shared",
}

_SETTINGS: dict[str, Json] = {
    "run": {
        "defaultQueue": "shared",
        "maxActionConcurrency": 100,
        "runBaseDir": "s3://ranking-data/runs",
    },
    "security": {"serviceAccount": "ranking"},
    "storage": {"rawDataPath": "s3://ranking-data/raw"},
    "taskResources": {
        "min": {"cpu": "500m", "gpu": "0", "memory": "1Gi", "storage": "5Gi"},
        "max": {"cpu": "8", "gpu": "1", "memory": "32Gi", "storage": "50Gi"},
        "mirrorLimitsRequest": True,
        "defaultAccelerator": {
            "device": "nvidia-tesla-a100",
            "deviceClass": "NvidiaGpu",
            "partitionSize": "1g.5gb",
            "unpartitioned": True,
        },
    },
    "labels": {"team": "ranking"},
    "annotations": {"example.com/owner": "ranking"},
    "environmentVariables": {"LOG_LEVEL": "info"},
    "app": {"disallowAnonymous": True},
    "podTemplateName": "ranking",
    "unset": ["run.defaultQueue"],
}

EXAMPLES: dict[str, Example] = {
    "FlyteSync": Example(
        name="ranking-prod",
        spec={
            "connection": "prod",
            "paths": ["specs/"],
            "render": "None",
            "defaults": {"project": "ranking", "domain": "production"},
            "scopes": [{"project": "ranking", "domains": ["*"], "files": ["**"]}],
            "prune": "Deactivate",
            "drift": "Correct",
            "limits": {"maxRemovals": 20, "maxRemovalFraction": 0.3},
            "secrets": {"allow": {"env": ["RANKING_API_KEY"], "file": ["secrets/ranking.key"]}},
            "versions": {"pipelines.*": "v1.4.2"},
            "suspend": False,
            "interval": "10m",
            "previousNames": ["ranking"],
            "git": {
                "url": "https://git.example.com/ranking/flyte.git",
                "ref": {
                    "branch": "main",
                    "tag": "v1.4.2",
                    "semver": ">=1.4 <2",
                    "commit": "2b6e1c0f8a4d7e935c12f0b8a6d4c3e1f2a09b7d",
                },
                "path": "deploy/prod",
                "secretRef": {
                    "name": "ranking-git",
                    "directory": "/etc/reconcile/ranking-git",
                    "env": "RANKING_GIT",
                },
                "verify": {
                    "mode": "Head",
                    "secretRef": {
                        "name": "signers",
                        "directory": "/etc/reconcile/signers",
                        "env": "SIGNERS",
                    },
                },
                "resetTo": "2b6e1c0f8a4d7e935c12f0b8a6d4c3e1f2a09b7d",
                "webhook": {
                    "forge": "GitHub",
                    "secretRef": {
                        "name": "webhook",
                        "directory": "/etc/reconcile/webhook",
                        "env": "WEBHOOK",
                    },
                },
                "pullRequests": {
                    "api": "https://api.github.com",
                    "repository": "ranking/flyte",
                    "secretRef": {
                        "name": "forge",
                        "directory": "/etc/reconcile/forge",
                        "env": "FORGE",
                    },
                    "forks": False,
                },
            },
            "policies": [
                {
                    "name": "not-too-often",
                    "projects": ["*"],
                    "domains": ["prod*"],
                    "leastInterval": "15m",
                    "allowedHours": {"from": "06:00", "to": "20:00", "timezone": "Europe/Berlin"},
                    "allowedImages": ["registry.example.com/ranking/*"],
                    "requiredLabels": {"team": "*"},
                }
            ],
            "notify": [
                {
                    "occasions": ["Failed", "Recovered", "Drift", "Contested", "MissedTicks"],
                    "slack": {
                        "secretRef": {
                            "name": "chat",
                            "directory": "/etc/reconcile/chat",
                            "env": "CHAT",
                        },
                    },
                    "webhook": {
                        "url": "https://hooks.example.com/flyte",
                        "secretRef": {
                            "name": "hook",
                            "directory": "/etc/reconcile/hook",
                            "env": "HOOK",
                        },
                    },
                    "email": {
                        "to": ["oncall@example.com"],
                        "from": "flyte@example.com",
                        "host": "smtp.example.com",
                        "port": 587,
                        "security": "StartTLS",
                        "secretRef": {
                            "name": "mail",
                            "directory": "/etc/reconcile/mail",
                            "env": "MAIL",
                        },
                    },
                }
            ],
            "dependsOn": ["platform"],
        },
        off=frozenset(
            {
                *("notify.webhook", "notify.email"),
                *("notify.slack.secretRef.directory", "notify.slack.secretRef.env"),
                *("git.ref.tag", "git.ref.semver", "git.ref.commit", "git.resetTo"),
                *("git.secretRef.directory", "git.secretRef.env"),
                *("git.verify.secretRef.directory", "git.verify.secretRef.env"),
                *("git.webhook.secretRef.directory", "git.webhook.secretRef.env"),
                *("git.pullRequests.secretRef.directory", "git.pullRequests.secretRef.env"),
                *("policies.allowedHours", "policies.allowedImages", "policies.requiredLabels"),
            }
        ),
    ),
    "FlyteConnection": Example(
        name="prod",
        spec={
            "endpoint": "flyte.example.com:443",
            "embedded": {"path": ".reconcile/embedded"},
            "config": "~/.flyte/config.yaml",
            "flyte": "Flyte1",
            "tls": {
                "insecure": False,
                "caFile": "/etc/ssl/flyte/ca.pem",
                "certFile": "/etc/ssl/flyte/client.pem",
                "keyFile": "/etc/ssl/flyte/client.key",
                "caSecretKeyRef": {"name": "flyte", "key": "ca.crt"},
                "certSecretKeyRef": {"name": "flyte", "key": "tls.crt"},
                "keySecretKeyRef": {"name": "flyte", "key": "tls.key"},
                "insecureSkipVerify": False,
            },
            "auth": {
                "mode": "ClientCredentials",
                "clientId": "reconciler",
                "clientSecret": _CLIENT_SECRET,
                "token": _TOKEN,
                "apiKey": _API_KEY,
                "scopes": ["all"],
                "audience": "https://flyte.example.com",
            },
            "limits": {"inFlight": 16, "perSecond": 0, "deadline": "30s"},
            "console": "https://flyte.example.com/console",
            "secrets": {
                "kubeconfig": "~/.kube/data-plane",
                "kubeconfigSecretKeyRef": {"name": "data-plane", "key": "kubeconfig"},
                "context": "data-plane",
                "namespace": "{project}-{domain}",
                "hmacKey": {
                    "env": "RECONCILE_HMAC_KEY",
                    "file": "/run/secrets/hmac",
                    "secretKeyRef": {"name": "flyte", "key": "hmac"},
                },
            },
            "serves": [
                {
                    "namespaces": ["ranking"],
                    "projects": ["ranking"],
                    "domains": ["development", "production"],
                }
            ],
        },
        off=frozenset(
            {
                "embedded",
                "config",
                "tls.caSecretKeyRef",
                "tls.certSecretKeyRef",
                "tls.keySecretKeyRef",
                "auth.token",
                "auth.apiKey",
                "auth.clientSecret.file",
                "auth.clientSecret.secretKeyRef",
                "secrets.kubeconfigSecretKeyRef",
                "secrets.hmacKey.file",
                "secrets.hmacKey.secretKeyRef",
            }
        ),
    ),
    "FlyteProject": Example(
        name="ranking",
        spec={
            "name": "ranking",
            "displayName": "Ranking",
            "description": "Learns and serves the ranking models",
            "labels": {"team": "ranking"},
            "state": "Active",
            "attributes": {"clusterPool": "shared"},
            "domains": {
                "production": {
                    "attributes": _ATTRIBUTES,
                    "workflows": {
                        "pipelines.train": {
                            "attributes": {"taskResources": {"limits": {"gpu": "4"}}}
                        }
                    },
                    "settings": {"run": {"defaultQueue": "critical"}},
                },
            },
            "settings": _SETTINGS,
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset(
            {
                *("domains.settings", "settings", "sync"),
                "settings.taskResources.defaultAccelerator.unpartitioned",
                "settings.unset",
            }
        ),
    ),
    "FlyteSettings": Example(
        name="production",
        spec={
            "domain": "production",
            **_SETTINGS,
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset({"sync", "unset", "taskResources.defaultAccelerator.unpartitioned"}),
    ),
    "FlytePackage": Example(
        name="etl",
        spec={
            "project": "ranking",
            "domain": "production",
            "archive": "dist/package.tgz",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "launchPlans": {
                "register": "All",
                "activate": "Scheduled",
                "plans": [{"name": "experiments.*", "state": "Inactive"}],
            },
            "images": [
                {
                    "name": "ghcr.io/example/ranking",
                    "newName": "registry.example.com:5000/ranking",
                    "newTag": "v1.4.2",
                    "digest": f"sha256:{'9f86d081884c7d65' * 4}",
                }
            ],
            "options": {
                "serviceAccount": "ranking",
                "rawOutputPrefix": "s3://ranking-data/raw",
                "labels": {"team": "ranking"},
                "annotations": {"example.com/owner": "ranking"},
            },
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset({"sha256", "images.digest", "sync"}),
    ),
    "FlyteLaunchPlan": Example(
        name="etl-daily",
        spec={
            "project": "ranking",
            "domain": "production",
            "name": "etl.daily",
            "workflow": {
                "name": "pipelines.etl",
                "package": "etl",
                "version": {"latest": True, "matching": "v*"},
                "sameAs": {"domain": "staging"},
                "project": "shared",
                "domain": "production",
            },
            "existing": {"version": "abc123"},
            "state": "Active",
            "schedule": {
                "cron": "0 6 * * *",
                "timezone": "Europe/Berlin",
                "kickoffInput": "day",
                "gaps": "Report",
                "lookBack": "7d",
                "every": "6h",
                "acknowledgeRestarts": True,
            },
            "inputs": {
                "count": 3,
                "rows": {"path": "data/rows.csv", "columns": {"id": "int", "name": "str"}},
            },
            "fixedInputs": {"lr": 0.5},
            "notifications": [
                {
                    "phases": ["Failed", "TimedOut"],
                    "email": ["oncall@example.com"],
                    "pagerDuty": ["ranking@pagerduty.example.com"],
                    "slack": ["ranking-channel@slack.example.com"],
                }
            ],
            "labels": {"team": "ranking"},
            "annotations": {"example.com/owner": "ranking"},
            "serviceAccount": "ranking",
            "iamRole": "arn:aws:iam::123456789012:role/ranking",
            "rawOutputPrefix": "s3://ranking-data/raw",
            "maxParallelism": 20,
            "interruptible": True,
            "overwriteCache": False,
            "envs": {"LOG_LEVEL": "info"},
            "concurrency": {"max": 1, "onLimit": "Skip"},
            "description": "Loads the events of the day before",
            **OWNED,
            "deletionPolicy": "Deactivate",
        },
        off=frozenset(
            {
                "workflow.version",
                "workflow.sameAs",
                "workflow.project",
                "workflow.domain",
                "existing",
                "schedule.every",
                "schedule.acknowledgeRestarts",
                "notifications.pagerDuty",
                "notifications.slack",
                "sync",
            }
        ),
    ),
    "FlyteSecret": Example(
        name="ranking-api-key",
        spec={
            "name": "api-key",
            "group": "ranking",
            "key": "api-key",
            "scope": {"project": "ranking", "domain": "production"},
            "valueFrom": {
                "env": "RANKING_API_KEY",
                "file": "secrets/ranking.key",
                "secretKeyRef": {"name": "ranking", "key": "api-key"},
                "sops": {
                    "file": "secrets.enc.yaml",
                    "key": "ranking.api_key",
                    "identity": {"env": "SOPS_AGE_KEY", "file": "keys.txt"},
                },
                "age": {
                    "file": "api-key.age",
                    "identity": {"env": "AGE_KEY", "file": "keys.txt"},
                },
            },
            "revision": "2026-11",
            "rotate": "OnChange",
            **OWNED,
            "deletionPolicy": "Orphan",
        },
        off=frozenset(
            {
                "group",
                "key",
                "valueFrom.file",
                "valueFrom.secretKeyRef",
                "valueFrom.sops",
                "valueFrom.age",
                "revision",
                "sync",
            }
        ),
    ),
    "FlyteTrigger": Example(
        name="etl-daily",
        spec={
            "project": "ranking",
            "domain": "production",
            "name": "daily",
            "task": {
                "name": "etl.load",
                "package": "etl",
                "version": {"latest": True, "matching": "v*"},
            },
            "state": "Active",
            "schedule": {
                "cron": "0 6 * * *",
                "timezone": "Europe/Berlin",
                "kickoffInput": "day",
                "every": "6h",
                "from": "2027-01-01T06:00:00Z",
            },
            "inputs": {"count": 3},
            "context": {"team": "ranking"},
            "description": "Loads the events of the day before",
            "run": {
                "labels": {"team": "ranking"},
                "annotations": {"example.com/owner": "ranking"},
                "envs": {"LOG_LEVEL": "info"},
                "interruptible": True,
                "overwriteCache": False,
                "queue": "critical",
                "rawOutputPrefix": "s3://ranking-data/raw",
                "serviceAccount": "ranking",
                "maxActionConcurrency": 20,
                "notifications": [
                    {
                        "phases": ["Failed", "TimedOut"],
                        "email": ["oncall@example.com"],
                        "message": {
                            "subject": "{{.Run.Name}} {{.Phase}}",
                            "text": "{{.Error}}",
                            "html": "<p>{{.Error}}</p>",
                        },
                        "webhook": {
                            "url": "https://alerts.example.com/flyte",
                            "method": "POST",
                            "headers": {"Content-Type": "application/json"},
                            "body": '{"run": "{{.Run.Name}}"}',
                        },
                        "delivery": "oncall",
                    }
                ],
                "notificationRule": "oncall",
            },
            **OWNED,
            "deletionPolicy": "Deactivate",
        },
        off=frozenset(
            {
                "task.version",
                "schedule.every",
                "schedule.from",
                "run.notifications.webhook",
                "run.notifications.delivery",
                "run.notificationRule",
                "sync",
            }
        ),
    ),
    **examples_runs.EXAMPLES,
}
