"""Which Flyte documents are resolved for where no backend is asked."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import api
from reconciler.api import connecting
from reconciler.api.connecting import Target
from reconciler.api.offline import adapters_for
from reconciler.backends.flyte1.adapters import ADAPTERS as FLYTE1
from reconciler.backends.flyte2.adapters import ADAPTERS as FLYTE2
from reconciler.engine.declaration import declare
from reconciler.engine.planning import resolve_offline
from reconciler.errors import UnavailableError

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEAD = "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n---\n"
PROJECT = ("FlyteProject", "some")
SETTINGS = (*PROJECT, "{settings: {run: {defaultQueue: a}}, domains: {development: {}}}")
OWN_SETTINGS = (*PROJECT, "{domains: {development: {settings: {run: {defaultQueue: a}}}}}")
ATTRIBUTES = (*PROJECT, "{attributes: {clusterPool: a}}")
PLAIN = (*PROJECT, "{}")
ORGANISATION = ("FlyteSettings", "all", "{labels: {a: b}}")


def chosen(folder: Path, *documents: tuple[str, str, str], connection: str = "") -> str:
    """Say whose adapters a set gets; `connection` is the spec of its FlyteConnection."""
    sync = ("FlyteSync", "team", "{connection: main}" if connection else "{}")
    links = [("FlyteConnection", "main", connection)] if connection else []
    text = "".join(HEAD % one for one in (sync, *links, *documents))
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")
    declaration = declare((), cwd=folder)
    assert not declaration.problems
    adapters = adapters_for(declaration, cwd=folder)
    return {id(FLYTE1): "Flyte1", id(FLYTE2): "Flyte2"}[id(adapters)]


@pytest.mark.parametrize(
    ("document", "flyte"),
    [
        (SETTINGS, "Flyte2"),
        (OWN_SETTINGS, "Flyte2"),
        (ORGANISATION, "Flyte2"),
        (ATTRIBUTES, "Flyte1"),
        (PLAIN, "Flyte1"),
    ],
)
def test_what_is_declared_tells_where_the_connection_does_not(
    tmp_path: Path, document: tuple[str, str, str], flyte: str
) -> None:
    assert chosen(tmp_path, document) == flyte
    assert chosen(tmp_path, document, connection='{endpoint: "h:1"}') == flyte


@pytest.mark.parametrize(
    ("connection", "flyte"),
    [
        ('{endpoint: "h:1", flyte: Flyte1}', "Flyte1"),
        ('{endpoint: "h:1", flyte: Flyte2}', "Flyte2"),
        ("{embedded: {}, flyte: Flyte2}", "Flyte2"),
        ("{embedded: {}}", "Flyte1"),
    ],
)
def test_connection_goes_before_what_is_declared(
    tmp_path: Path, connection: str, flyte: str
) -> None:
    assert chosen(tmp_path, SETTINGS, connection=connection) == flyte
    assert chosen(tmp_path, ATTRIBUTES, connection=connection) == flyte


async def test_reference_to_a_task_is_looked_up_only_when_a_plan_is_made(tmp_path: Path) -> None:
    """Nothing is fetched to read, check and resolve it; a plan needs the server, which is away."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{free.getsockname()[1]}"
    declared = (
        "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteTrigger\nmetadata: {name: daily}\n"
        "spec: {project: p, domain: d, task: {name: etl.load, %s}, inputs: {count: 3}}\n"
    )
    for chosen in ("version: v1", "version: {latest: true}"):
        (tmp_path / "trigger.yaml").write_text(declared % chosen, encoding="utf-8")
        declaration = declare(["trigger.yaml"], cwd=tmp_path)
        found = resolve_offline(declaration, adapters_for(declaration, cwd=tmp_path), now=NOW)
        assert (found.problems, found.unchecked) == ((), 1)
        target = Target(endpoint=dead, insecure=True, flyte=connecting.FLYTE2)
        async with api.session(
            ["trigger.yaml"], connection=target, read_only=True, cwd=tmp_path
        ) as session:
            with pytest.raises(UnavailableError, match="the connection was refused"):
                await session.plan()

    (tmp_path / "trigger.yaml").write_text(declared % "", encoding="utf-8")
    (problem,) = declare(["trigger.yaml"], cwd=tmp_path).problems
    assert problem.path == "spec.task"
    assert "package or version" in str(problem)
