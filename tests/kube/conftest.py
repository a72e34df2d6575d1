"""A Kubernetes API server for each process of the tests, started for the first that asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import kube_programs
import pytest
from kube_kit import Cluster
from operator_kit import Team
from world import open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CRDS = Path(__file__).parents[2] / "crds"
_FIXTURE = "cluster"
_PROGRAMS = pytest.StashKey[dict[str, Path]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs before the first test, since no test's time is meant for that."""
    if session.config.option.collectonly or _PROGRAMS in session.config.stash:
        return
    if any(_FIXTURE in getattr(item, "fixturenames", ()) for item in session.items):
        session.config.stash[_PROGRAMS] = kube_programs.find()


@pytest.fixture(scope="session")
def started_cluster(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """One API server for all tests of a worker."""
    made = Cluster(tmp_path_factory.mktemp("cluster"), pytestconfig.stash[_PROGRAMS])
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture
def cluster(started_cluster: Cluster) -> Cluster:
    """The API server, running, whatever the test before did to it."""
    started_cluster.start()
    return started_cluster


@pytest.fixture(scope="session")
def applied_definitions(started_cluster: Cluster) -> None:
    """The resources of ours, once for all tests of a worker."""
    started_cluster.start()
    started_cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    started_cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))


@pytest.fixture
def definitions(cluster: Cluster, applied_definitions: None) -> Cluster:
    """The API server, with the resources of ours as `crds/` has them."""
    return cluster


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A namespace that nobody else uses."""
    return cluster.namespace()


@pytest.fixture
async def team(definitions: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[Team]:
    """A namespace with the CRDs, and an embedded Flyte with a workflow `etl` in version v1."""
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 1})
        yield Team(definitions, world, namespace)
