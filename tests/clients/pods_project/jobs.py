"""What the tests run in the place of pods: who reads a secret, and who calls a fetched task."""

import os

import flyte
from flyte import remote

UNLUCKY = 13
IMAGE = "registry.example.com/jobs:v1"

env = flyte.TaskEnvironment(
    name="jobs",
    image=IMAGE,
    secrets=[flyte.Secret(key="api-token", as_env_var="API_TOKEN")],
)


@env.task
async def double(count: int) -> int:
    """Twice as many, of any number but one."""
    if count == UNLUCKY:
        raise ValueError("thirteen is no count")
    return count * 2


@env.task
async def call(count: int) -> int:
    """One more than what a task says that is deployed, and known by its name alone."""
    fetched = remote.Task.get("jobs.double", version="v1")
    return await fetched(count=count) + 1


@env.task
async def peek() -> str:
    """How the secret begins."""
    return os.environ["API_TOKEN"][:4]
