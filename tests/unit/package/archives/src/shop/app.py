"""Environments of all sorts, for `flyte deploy`. Recorded, each with its own SDK, by

    reconcile record --out shop.tgz -- flyte deploy --project p --domain d --all shop/app.py

shop-elsewhere.tgz is of a copy in a Git repository, by SDK 2.11.4 in an environment below
the copy, with SHOP_TRIGGERS=1 and under a version of its own.
"""

import os
from datetime import datetime

import flyte
from flyte.extras import ContainerTask
from kubernetes.client import V1Container, V1PodSpec

from shop.stats import mean

IMAGE = "registry.example.com/shop:v1"

orders = flyte.TaskEnvironment(
    name="orders",
    image=IMAGE,
    resources=flyte.Resources(cpu=1, memory="500Mi"),
    env_vars={"MODE": "prod"},
    secrets=[flyte.Secret(key="token", as_env_var="TOKEN")],
    description="All about orders",
)
pods = flyte.TaskEnvironment(
    name="pods",
    image=IMAGE,
    pod_template=flyte.PodTemplate(
        primary_container_name="main",
        pod_spec=V1PodSpec(containers=[V1Container(name="main"), V1Container(name="side")]),
    ),
)
warm = flyte.TaskEnvironment(
    name="warm",
    image=flyte.Image.from_base("registry.example.com/warm:v2"),
    reusable=flyte.ReusePolicy(replicas=2, idle_ttl=300),
)
daily = flyte.Trigger(
    name="daily",
    automation=flyte.Cron("0 6 * * *", timezone="Europe/Berlin"),
    inputs={"rows": 3, "day": flyte.TriggerTime},
)


@orders.task(retries=2)
async def load(rows: int = 100, source: str = "orders") -> list[float]:
    """Load rows of a source."""
    return [float(row) for row in range(rows if source else 0)]


@orders.task(triggers=(daily,) if os.environ.get("SHOP_TRIGGERS") else (), cache="auto")
async def etl(rows: int, day: datetime, region: str = "berlin") -> float:
    """Sum a day up.

    Rows of other days are left out.

    Args:
        rows: how many
        day: which day
        region: where
    """
    return mean(await load(rows)) if day and region else 0.0


@pods.task
def check(limit: float = 1.5) -> bool:
    """Check in a pod of its own."""
    return limit > 1


@warm.task
def score(values: list[float]) -> float:
    """Score where it is warm already."""
    return mean(values)


shell = ContainerTask(
    name="shell",
    image="registry.example.com/alpine:3",
    command=["/bin/sh", "-c", "echo", "--version", "3"],
)
tools = flyte.TaskEnvironment.from_task("tools", shell)
