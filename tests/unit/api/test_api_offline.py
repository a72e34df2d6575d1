"""Which Flyte documents are resolved for where no backend is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.api.offline import adapters_for
from reconciler.backends.flyte1.adapters import ADAPTERS as FLYTE1
from reconciler.backends.flyte2.adapters import ADAPTERS as FLYTE2
from reconciler.engine.declaration import declare

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
