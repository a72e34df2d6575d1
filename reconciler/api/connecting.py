"""Chooses a connection and opens it.

The order is: flag, RECONCILE_CONNECTION, the FlyteSync's own, error. Nothing is ever implied: the
configuration of flytectl or flytekit counts only where it is named.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.engine.declaration import Declaration
from reconciler.errors import BackendError, DeniedError, UsageError
from reconciler.model.document import Json

if TYPE_CHECKING:
    from reconciler.backends.port import Backend
    from reconciler.backends.settings import Settings

VARIABLE = "RECONCILE_CONNECTION"
EMBEDDED = "embedded"
AUTO, FLYTE1, FLYTE2 = "Auto", "Flyte1", "Flyte2"
CONFIG_NAMES = ("flytectl", "flytekit")
EMBEDDED_DIRECTORY = Path(".reconcile") / "embedded"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the user asked for: a connection by name or file, a bare endpoint, or a snapshot."""

    connection: str = ""
    endpoint: str = ""
    insecure: bool = False
    deadline_seconds: float = 0.0
    flyte: str = ""
    against: Path | None = None


Observe = Callable[[str, str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A connection and who chose it; exactly one of `data`, `spec`, `config`, `endpoint` is set.

    `data` is the directory of an embedded Flyte, `spec` a FlyteConnection's spec as it was written
    and `base` what its relative files are below, `config` a configuration file's name. `flyte` is
    the generation of Flyte, one of FlyteConnection's words, `hmac_key` where the key for hashes of
    secret values is, and `secrets` what a FlyteConnection says of them besides.
    """

    chosen_by: str
    flyte: str = AUTO
    hmac_key: Json = None
    secrets: Mapping[str, Json] = field(default_factory=dict)
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
    flyte = target.flyte or choice.flyte
    return replace(choice, flyte=flyte, deadline_seconds=target.deadline_seconds)


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
        name, chosen_by = declaration.sync.connection or "", _place_of(declaration)
    if not name:
        raise UsageError(
            "connection: none is named; give --connection NAME or --endpoint HOST:PORT, set "
            f"{VARIABLE}, or write spec.connection in the FlyteSync"
        )
    return _named(name, chosen_by, declaration, cwd)


def _place_of(declaration: Declaration) -> str:
    """Name the file that names the connection: a service has one for each set."""
    document = declaration.sync_document
    is_one_of_many = declaration.sync.git is not None and document is not None
    return document.document.origin.file if is_one_of_many and document else "reconcile.yaml"


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
    common = Choice(chosen_by=chosen_by, flyte=str(spec.get("flyte") or AUTO), base=base)
    secrets = spec.get("secrets")
    if isinstance(secrets, dict):
        common = replace(common, hmac_key=secrets.get("hmacKey"), secrets=secrets)
    embedded = spec.get("embedded")
    if isinstance(embedded, dict):
        return replace(common, data=base / str(embedded.get("path") or EMBEDDED_DIRECTORY))
    config = spec.get("config")
    if isinstance(config, str):
        return replace(common, config=str(base / Path(config).expanduser()))
    return replace(common, spec=spec)


@asynccontextmanager
async def connect(
    choice: Choice,
    *,
    read_only: bool,
    environ: Mapping[str, str],
    observe: Observe | None = None,
) -> AsyncIterator[Backend]:
    """Open the chosen connection; for an embedded Flyte, start it unless it runs already.

    The embedded Flyte serves both generations and is a Flyte 1 unless `flyte` says otherwise.
    `observe` is told of every call: its method, its code, and the seconds that it took.
    """
    from reconciler.backends import settings as settings_of

    if choice.data is not None:
        from reconciler.server import embedded

        async with embedded.attach(choice.data) as running:
            settings = settings_of.for_endpoint(
                running.grpc, chosen_by=choice.chosen_by, insecure=True
            )
            opening = _open_flyte2 if choice.flyte == FLYTE2 else _open_flyte1
            async with opening(
                replace(_chosen(settings, choice), observe=observe),
                read_only=read_only,
                label=EMBEDDED,
            ) as backend:
                yield backend
        return
    settings = replace(_chosen(_settings(choice, environ), choice), observe=observe)
    async with open_backend(settings, choice.flyte, read_only=read_only) as backend:
        yield backend


@asynccontextmanager
async def open_backend(
    settings: Settings, flyte: str, *, read_only: bool
) -> AsyncIterator[Backend]:
    """Open what settings lead to; `flyte` is one of FlyteConnection's words."""
    opening = {FLYTE1: _open_flyte1, FLYTE2: _open_flyte2}.get(flyte, _open_either)
    async with opening(settings, read_only=read_only, label="") as backend:
        yield backend


def _settings(choice: Choice, environ: Mapping[str, str]) -> Settings:
    """Read how to reach what is not embedded."""
    from reconciler.backends import configfiles
    from reconciler.backends import settings as settings_of

    if choice.endpoint:
        return settings_of.for_endpoint(
            choice.endpoint, chosen_by=choice.chosen_by, insecure=choice.insecure
        )
    if choice.config:
        loaded = configfiles.load(
            choice.config, environ=environ, home=Path.home(), chosen_by=choice.chosen_by
        )
        for note in loaded.notes:
            log.warning("%s", note)
        return loaded.settings
    return settings_of.from_spec(choice.spec or {}, base=choice.base, chosen_by=choice.chosen_by)


def _chosen(settings: Settings, choice: Choice) -> Settings:
    """Fill in what holds however the connection is made."""
    from reconciler.backends import settings as settings_of

    key = settings_of.hmac_key(choice.hmac_key, base=choice.base, chosen_by=choice.chosen_by)
    plane = settings_of.data_plane(choice.secrets, base=choice.base, chosen_by=choice.chosen_by)
    settings = replace(settings, hmac_key=key, data_plane=plane)
    if not choice.deadline_seconds:
        return settings
    return replace(settings, deadline=timedelta(seconds=choice.deadline_seconds))


@asynccontextmanager
async def _open_flyte1(
    settings: Settings, *, read_only: bool, label: str
) -> AsyncIterator[Backend]:
    from reconciler.backends.flyte1.backend import Flyte1
    from reconciler.backends.flyte1.channel import connect as open_channel

    async with (
        open_channel(settings, read_only=read_only) as channel,
        Flyte1(channel, label=label) as backend,
    ):
        yield backend


@asynccontextmanager
async def _open_flyte2(
    settings: Settings, *, read_only: bool, label: str
) -> AsyncIterator[Backend]:
    from reconciler.backends.flyte2.backend import Flyte2
    from reconciler.backends.flyte2.channel import connect as open_channel
    from reconciler.backends.flyte2.routing import Routes

    async with open_channel(settings, read_only=read_only) as channel, Routes(channel) as routes:
        yield Flyte2(channel, routes, label=label)


@asynccontextmanager
async def _open_either(
    settings: Settings, *, read_only: bool, label: str
) -> AsyncIterator[Backend]:
    """Ask for the version of Flyte 1; what does not serve that call may be a Flyte 2.

    Whatever else goes wrong is Flyte 1's, and is said by the first call that needs an answer.
    """
    from reconciler.backends.flyte1.backend import Flyte1, ask_version
    from reconciler.backends.flyte1.channel import connect as open_channel

    async with open_channel(settings, read_only=read_only) as channel:
        try:
            asked: Any = await ask_version(channel)
        except BackendError as error:
            asked = error
        is_other = isinstance(asked, BackendError) and asked.code == "UNIMPLEMENTED"
        if not (is_other and await _is_flyte2(settings)):
            async with Flyte1(channel, label=label, asked=asked) as backend:
                yield backend
            return
    async with _open_flyte2(settings, read_only=read_only, label=label) as backend:
        yield backend


async def _is_flyte2(settings: Settings) -> bool:
    """Ask for projects the way of Flyte 2; a refusal by one who serves the call is a yes."""
    from reconciler.backends.flyte2.backend import confirm
    from reconciler.backends.flyte2.channel import connect as open_channel

    async with open_channel(settings, read_only=True) as channel:
        try:
            await confirm(channel)
        except BackendError as error:
            return isinstance(error, DeniedError)
    return True
