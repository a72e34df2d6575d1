"""`reconcile serve`: keeps Flyte like Git repositories, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options as shared
from reconciler.cli.operator import address
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.serve.run import Options

_PREFIX = "RECONCILE_SERVE"


@click.command(context_settings={"auto_envvar_prefix": _PREFIX})
@click.argument("config", nargs=-1, required=True)
@shared.connection
@click.option("--allow-url", multiple=True, help="Packages may come from SCHEME://HOST.")
@click.option(
    "--allow-scheme",
    multiple=True,
    type=click.Choice(["http", "git"]),
    help="Fetch over this too; https and ssh are allowed.",
)
@click.option("--most-mib", default=2048, type=click.IntRange(1), help="Size of a repository.")
@click.option("--fetch-seconds", default=120, type=click.IntRange(1), help="Time of a fetch.")
@click.option("--workers", type=click.IntRange(1, 64), default=4, help="Sets worked on at once.")
@click.option("--listen", default="0.0.0.0:8080", help="Serve webhooks, probes and metrics.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info")
def serve(**given: object) -> None:
    """Keep Flyte like the Git repositories that CONFIG names.

    CONFIG are files and folders with FlyteSyncs that have `git`, and FlyteConnections. Every option
    can be given by the environment: RECONCILE_SERVE_LISTEN and so on.
    """
    if find_spec("prometheus_client") is None:
        raise UsageError(
            "serve: prometheus_client is not installed; run "
            "`pip install 'flyte-reconciler[operator]'`"
        )
    logging.basicConfig(
        level=str(given["log_level"]).upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    asyncio.run(_serve(_options(dict(given))))


def _options(given: dict[str, object]) -> Options:
    from reconciler.git import job, remote
    from reconciler.git.program import Limits
    from reconciler.serve import passes, run

    def texts(name: str) -> tuple[str, ...]:
        value = given[name]
        assert isinstance(value, tuple)
        return tuple(map(str, value))

    mib, seconds, workers = given["most_mib"], given["fetch_seconds"], given["workers"]
    assert isinstance(mib, int)
    assert isinstance(seconds, int)
    assert isinstance(workers, int)
    rules = job.Rules(
        schemes=remote.SCHEMES | frozenset(texts("allow_scheme")),
        limits=Limits(seconds=seconds, mirror_bytes=mib << 20),
    )
    return run.Options(
        paths=texts("config"),
        cwd=Path.cwd(),
        target=shared.target(given),
        setup=passes.Setup(rules=rules, urls=frozenset(map(address, texts("allow_url")))),
        workers=workers,
        listen=str(given["listen"]),
        started=lambda port: click.echo(f"serving on port {port}", err=True),
    )


async def _serve(options: Options) -> None:
    from reconciler.serve import run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run.serve(options, stop)
