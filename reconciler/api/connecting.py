"""Chooses a connection and opens it.

The order is: flag, RECONCILE_CONNECTION, the FlyteSync's own, error. Nothing is ever implied: the
configuration of flytectl or flytekit counts only where it is named.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.engine.declaration import Declaration
from reconciler.errors import UsageError
from reconciler.model.document import Json

if TYPE_CHECKING:
    from reconciler.backends.port import Backend
    from reconciler.backends.settings import Settings

VARIABLE = "RECONCILE_CONNECTION"
EMBEDDED = "embedded"
CONFIG_NAMES = ("flytectl", "flytekit")
EMBEDDED_DIRECTORY = Path(".reconcile") / "embedded"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the user asked for: a connection by name or file, or a bare endpoint."""

    connection: str = ""
    endpoint: str = ""
    insecure: bool = False
    deadline_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A connection and who chose it; exactly one of `data`, `spec`, `config`, `endpoint` is set.

    `data` is the directory of an embedded Flyte, `spec` a FlyteConnection's spec as it was written
    and `base` what its relative files are below, `config` a configuration file's name.
    """

    chosen_by: str
    deadline_seconds: float = 0.0
    data: Path | None = None
    spec: Mapping[str, Json] | None = None
    base: Path = Path()
    config: str = ""
    endpoint: str = ""
    insecure: bool = False


def choose(
    target: Target, declaration: Declaration | None, *, environ: Mapping[str, str], cwd: Path
) -> Choice:
    """Pick the connection; raises UsageError when none is named."""
    choice = _choose(target, declaration, environ=environ, cwd=cwd)
    return replace(choice, deadline_seconds=target.deadline_seconds)


def _choose(
    target: Target, declaration: Declaration | None, *, environ: Mapping[str, str], cwd: Path
) -> Choice:
    if target.endpoint and target.connection:
        raise UsageError("--endpoint and --connection: give one of the two")
    if target.endpoint:
        return Choice(chosen_by="--endpoint", endpoint=target.endpoint, insecure=target.insecure)
    name, chosen_by = target.connection, "--connection"
    if not name:
        name, chosen_by = environ.get(VARIABLE, ""), VARIABLE
    if not name and declaration is not None:
        name, chosen_by = declaration.sync.connection or "", "reconcile.yaml"
    if not name:
        raise UsageError(
            "connection: none is named; give --connection NAME or --endpoint HOST:PORT, set "
            f"{VARIABLE}, or write spec.connection in the FlyteSync"
        )
    return _named(name, chosen_by, declaration, cwd)


def _named(name: str, chosen_by: str, declaration: Declaration | None, cwd: Path) -> Choice:
    base = declaration.base if declaration is not None else cwd
    if name == EMBEDDED:
        return Choice(chosen_by=chosen_by, data=base / EMBEDDED_DIRECTORY)
    found = declaration.connection(name) if declaration is not None else None
    if found is not None:
        return _declared(found[1].document.value, chosen_by=f"{name}, {chosen_by}", base=base)
    if name in CONFIG_NAMES:
        return Choice(chosen_by=chosen_by, config=name)
    path = cwd / name
    if not path.is_file():
        raise UsageError(
            f"{chosen_by}: {name}: is neither a FlyteConnection of this tree, nor a file, nor one "
            f"of {EMBEDDED}, {', '.join(CONFIG_NAMES)}; correct the name"
        )
    return _from_file(path, chosen_by)


def _from_file(path: Path, chosen_by: str) -> Choice:
    """Read a file that holds a FlyteConnection, else take it for a flytectl or flytekit one."""
    from reconciler.errors import SpecError
    from reconciler.model.origin import Severity
    from reconciler.sources import files
    from reconciler.specs.connection import ConnectionSpec
    from reconciler.specs.validate import validate

    if path.suffix in {".yaml", ".yml", ".json"}:
        tree = files.discover([str(path)], base=path.parent)
        found = validate(tree.documents)
        errors = [
            item for item in (*tree.problems, *found.problems) if item.severity is Severity.ERROR
        ]
        connections = [item for item in found.declared if isinstance(item.spec, ConnectionSpec)]
        if connections:
            return _declared(
                connections[0].document.value,
                chosen_by=f"{path.name}, {chosen_by}",
                base=path.parent,
            )
        is_ours = any("apiVersion" in document.value for document in tree.documents)
        if errors and is_ours:
            raise SpecError(errors)
    return Choice(chosen_by=chosen_by, config=str(path))


def _declared(value: Mapping[str, Json], *, chosen_by: str, base: Path) -> Choice:
    spec = value.get("spec")
    assert isinstance(spec, dict)
    embedded = spec.get("embedded")
    if isinstance(embedded, dict):
        path = embedded.get("path") or EMBEDDED_DIRECTORY
        return Choice(chosen_by=chosen_by, data=base / str(path))
    config = spec.get("config")
    if isinstance(config, str):
        path = Path(config).expanduser()
        return Choice(chosen_by=chosen_by, config=str(base / path))
    return Choice(chosen_by=chosen_by, spec=spec, base=base)


@asynccontextmanager
async def connect(
    choice: Choice, *, read_only: bool, environ: Mapping[str, str]
) -> AsyncIterator[Backend]:
    """Open the chosen connection; for an embedded Flyte, start it unless it runs already."""
    from reconciler.backends import configfiles
    from reconciler.backends import settings as settings_of
    from reconciler.backends.flyte1.backend import Flyte1
    from reconciler.backends.flyte1.channel import connect as open_channel

    if choice.data is not None:
        from reconciler.server import embedded

        async with embedded.attach(choice.data) as running:
            settings = settings_of.for_endpoint(
                running.grpc, chosen_by=choice.chosen_by, insecure=True
            )
            settings = _timed(settings, choice)
            async with open_channel(settings, read_only=read_only) as channel:
                yield Flyte1(channel, label=EMBEDDED)
        return
    if choice.endpoint:
        settings = settings_of.for_endpoint(
            choice.endpoint, chosen_by=choice.chosen_by, insecure=choice.insecure
        )
    elif choice.config:
        loaded = configfiles.load(
            choice.config, environ=environ, home=Path.home(), chosen_by=choice.chosen_by
        )
        for note in loaded.notes:
            log.warning("%s", note)
        settings = loaded.settings
    else:
        settings = settings_of.from_spec(
            choice.spec or {}, base=choice.base, chosen_by=choice.chosen_by
        )
    async with open_channel(_timed(settings, choice), read_only=read_only) as channel:
        yield Flyte1(channel)


def _timed(settings: Settings, choice: Choice) -> Settings:
    if not choice.deadline_seconds:
        return settings
    return replace(settings, deadline=timedelta(seconds=choice.deadline_seconds))
