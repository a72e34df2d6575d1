"""`reconcile serve`: keeps Flyte like Git repositories, until it is stopped."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options as shared
from reconciler.cli.operator import address, operator, start
from reconciler.cli.output import say
from reconciler.errors import UsageError
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.serve.page import Page
    from reconciler.serve.run import Options

_PREFIX = "RECONCILE_SERVE"
_SHORTEST_TOKEN = 20
_FLAG = "--kubernetes"


class Serve(click.Command):
    """The command that, with --kubernetes, takes what the operator takes."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the options of whichever of the two is meant."""
        if _FLAG not in args:
            return super().make_context(info_name, args, parent, **extra)
        rest = [word for word in args if word != _FLAG]
        return clustered.make_context(info_name, rest, parent, **extra)


@click.command("serve", cls=Serve, context_settings={"auto_envvar_prefix": _PREFIX})
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
@click.option("--page", "page_listen", help="Serve the web page at HOST:PORT.", metavar="ADDRESS")
@click.option("--page-token-file", type=click.Path(path_type=Path), help="Who knows it may look.")
@click.option("--page-header", help="Header in which a proxy says who is asking.")
@click.option("--page-proxy", multiple=True, metavar="CIDR", help="Where that proxy is.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info")
@click.option("--check", is_flag=True, help="Check CONFIG and end; nothing is fetched.")
@click.option(_FLAG, is_flag=True, help="Read custom resources instead; takes what operator takes.")
def serve(**given: object) -> None:
    """Keep Flyte like the Git repositories that CONFIG names.

    CONFIG are files and folders with FlyteSyncs that have `git`, and FlyteConnections. Relative
    paths in them start here. Every option can be given by the environment: RECONCILE_SERVE_LISTEN
    and so on.
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
    options = _options(dict(given))
    missing = [path for path in options.paths if not (options.cwd / path).exists()]
    if missing:
        raise UsageError(f"{missing[0]}: does not exist; name files and folders with FlyteSyncs")
    if given["check"]:
        _check(options)
        return
    asyncio.run(_serve(options))


_PAGE = ("page_listen", "page_token_file", "page_header", "page_proxy")


def _serve_cluster(**given: Any) -> None:
    """Keep the custom resources of a cluster so on Flyte, FlyteSyncs from Git and webhooks too."""
    from reconciler.serve.leading import pod_of

    if given.pop("config"):
        raise UsageError(
            "--kubernetes: excludes CONFIG: files may name secrets of this machine and custom "
            "resources may not, and files are synced by every replica, which a Lease does not "
            "hold back; serve CONFIG by a process of its own"
        )
    page = _page({name: given.pop(name) for name in _PAGE})
    service = given.pop("service")
    led = (service, pod_of(os.environ)) if service else None

    def beside(operator: Any, cluster: Any) -> Any:
        from reconciler.serve.clustered import ClusterHooks

        return ClusterHooks(operator, cluster, page, led)

    start(given, beside)


clustered = click.Command(
    "serve",
    context_settings={"auto_envvar_prefix": _PREFIX},
    callback=_serve_cluster,
    params=[
        click.Argument(["config"], nargs=-1, metavar=""),
        *operator.params,
        *(one for one in serve.params if one.name in _PAGE),
        click.Option(
            ["--service"],
            default="",
            metavar="NAME",
            help="Lead this Service, which selects no pods, to whoever is in charge.",
        ),
    ],
    help=_serve_cluster.__doc__,
)


def _check(options: Options) -> None:
    """Say what is wrong with a configuration, all of it."""
    from reconciler.serve import config

    found = config.read(options.paths, cwd=options.cwd)
    for _, text in sorted(found.faults.items()):
        say(text)
    if found.faults:
        raise UsageError(f"{len(found.faults)} documents have problems; correct them")
    count = len(found.syncs)
    click.echo(f"{count} FlyteSync{'s' if count != 1 else ''} from Git: no problems")


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
        page=_page(given),
        paths=texts("config"),
        cwd=Path.cwd(),
        target=shared.target(given),
        setup=passes.Setup(rules=rules, urls=frozenset(map(address, texts("allow_url")))),
        workers=workers,
        listen=str(given["listen"]),
        started=lambda port: click.echo(f"serving on port {port}", err=True),
    )


def _page(given: dict[str, object]) -> Page | None:
    """Read who may look at the page; None where there is to be none."""
    listen, header = given["page_listen"], given["page_header"]
    file, networks = given["page_token_file"], given["page_proxy"]
    if not listen:
        if file or header or networks:
            raise UsageError("--page: is not given, and the other options are about it")
        return None
    if find_spec("jinja2") is None:
        raise UsageError(
            "serve: jinja2 is not installed; run `pip install 'flyte-reconciler[web]'`"
        )
    from reconciler.serve.page import Page
    from reconciler.web.gate import Gate

    assert isinstance(networks, tuple)
    gate = Gate(
        token=_token(file) if isinstance(file, Path) else None,
        header=str(header or ""),
        proxies=tuple(map(_network, networks)),
    )
    if gate.is_shut:
        raise UsageError(
            "--page: give --page-token-file, or --page-header with --page-proxy; it shows what "
            "runs in production and is not for everybody"
        )
    said = "the page is on port"
    return Page(
        listen=str(listen), gate=gate, started=lambda port: click.echo(f"{said} {port}", err=True)
    )


def _token(file: Path) -> Secret[str]:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--page-token-file: {file}: {error}") from error
    if len(text) < _SHORTEST_TOKEN:
        raise UsageError(
            f"--page-token-file: {file}: holds fewer than {_SHORTEST_TOKEN} characters; "
            "make one with `openssl rand -hex 32`"
        )
    return Secret(text)


def _network(text: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(str(text))
    except ValueError as error:
        raise UsageError(f"--page-proxy: {error}; write an address or a network") from error


async def _serve(options: Options) -> None:
    from reconciler.serve import run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run.serve(options, stop)
