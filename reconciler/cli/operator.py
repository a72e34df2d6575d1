"""`reconcile operator`: keeps custom resources of a cluster so on Flyte, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from reconciler.errors import UsageError
from reconciler.schedule import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.backends.kubernetes.access import Access
    from reconciler.operator.run import Options

_PREFIX = "RECONCILE_OPERATOR"


def _seconds(_context: click.Context, _option: click.Parameter, value: str) -> float:
    try:
        found = duration.parse(value) / duration.SECOND
    except ValueError as error:
        raise click.BadParameter(f"{error}; write for example 10m") from None
    if found <= 0:
        raise click.BadParameter("must be above zero")
    return found


@click.command(context_settings={"auto_envvar_prefix": _PREFIX})
@click.option("--namespace", "-n", multiple=True, help="Watch this namespace only.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Default: in-cluster.")
@click.option("--context", default="", help="The context of the kubeconfig.")
@click.option("--connection", default="", help="NAMESPACE/NAME for objects without a FlyteSync.")
@click.option("--allow-url", multiple=True, help="Packages may come from SCHEME://HOST.")
@click.option("--allow-host", multiple=True, help="FlyteConnections may name this glob.")
@click.option(
    "--allow-scheme",
    multiple=True,
    type=click.Choice(["http", "git"]),
    help="Repositories may be fetched over this too; https and ssh are allowed.",
)
@click.option("--interval", default="10m", callback=_seconds, help="Look for drift this often.")
@click.option("--workers", type=click.IntRange(1, 64), default=4, help="Sets worked on at once.")
@click.option("--leader-elect/--no-leader-elect", default=True, help="Hold a Lease while working.")
@click.option("--lease-namespace", default="", help="Where the Lease is; default: the pod's.")
@click.option("--lease-duration", default="30s", callback=_seconds, help="How long it lasts.")
@click.option("--listen", default="0.0.0.0:8080", help="Serve /healthz, /readyz and /metrics.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info")
def operator(**given: Any) -> None:
    """Keep the custom resources of a cluster so on Flyte.

    Every option can be given by the environment: RECONCILE_OPERATOR_NAMESPACE (separated by
    spaces, as all that may be given more than once), RECONCILE_OPERATOR_CONNECTION and so on.
    """
    start(given)


def start(given: Mapping[str, Any], beside: Callable[..., Any] | None = None) -> None:
    """Run an operator with the options of the command, and what else is to run with it."""
    missing = [name for name in ("kopf", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"operator: {missing[0]} is not installed; run "
            "`pip install 'flyte-reconciler[operator]'`"
        )
    from reconciler.backends.kubernetes import access
    from reconciler.git.job import Rules
    from reconciler.git.remote import SCHEMES
    from reconciler.operator import run, trust
    from reconciler.operator.passes import Setup

    logging.basicConfig(
        level=given["log_level"].upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    is_debug = given["log_level"] == "debug"
    logging.getLogger("aiohttp").setLevel(logging.DEBUG if is_debug else logging.WARNING)
    # It logs whatever ends its watches with its traceback; that it is started again is told by us.
    logging.getLogger("kopf").setLevel(logging.DEBUG if is_debug else logging.CRITICAL)
    found = access.find(given["kubeconfig"], given["context"])
    addresses = frozenset(address(item) for item in given["allow_url"])
    options = run.Options(
        namespaces=given["namespace"],
        home=given["lease_namespace"] or found.namespace or "default",
        setup=Setup(
            connection=_named(given["connection"]),
            interval=given["interval"],
            urls=addresses,
            git=Rules(schemes=SCHEMES | frozenset(given["allow_scheme"])),
        ),
        allowed=trust.Allowed(hosts=given["allow_host"], urls=addresses),
        workers=given["workers"],
        elects=given["leader_elect"],
        lease_seconds=given["lease_duration"],
        listen=given["listen"],
        beside=beside,
    )
    asyncio.run(_operate(found, options))


async def _operate(found: Access, options: Options) -> None:
    from reconciler.operator import run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run.operate(found, options, stop)


def _named(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise UsageError(f"--connection: {text}: is not NAMESPACE/NAME")
    return namespace, name


def address(text: str) -> str:
    """Read what `--allow-url` takes."""
    parts = urlsplit(text)
    if not parts.scheme or not parts.netloc or parts.path.strip("/") or "@" in parts.netloc:
        raise UsageError(
            f"--allow-url: {text}: is not SCHEME://HOST, such as https://artifacts.example.com"
        )
    return f"{parts.scheme}://{parts.netloc}".lower()
