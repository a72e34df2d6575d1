"""`reconcile dev`: the embedded Flyte, for other clients and for several commands at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes

if TYPE_CHECKING:
    from reconciler.server.embedded import AuthSettings


@click.command("dev")
@click.option(
    "--data",
    type=click.Path(file_okay=False),
    default=".reconcile/embedded",
    show_default=True,
    help="Directory of its database.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=30080,
    show_default=True,
    help="Port for gRPC and HTTP; 0 takes a free one.",
)
@click.option("--auth", default="", metavar="CLIENT_ID:SECRET_FILE", help="Require this client.")
@click.option(
    "--strict", is_flag=True, help="Refuse on Flyte 2 what a hosted installation refuses."
)
@click.option("--schedules", is_flag=True, help="Fire schedules, as Flyte's schedulers do.")
@click.option(
    "--catch-up/--no-catch-up",
    default=True,
    show_default=True,
    help="With --schedules: start what was missed since they last fired.",
)
def dev(data: str, port: int, auth: str, strict: bool, schedules: bool, catch_up: bool) -> int:
    """Run a Flyte that registers, lists and activates, and runs nothing; Ctrl-C ends it."""
    from reconciler.server import embedded

    def ready(endpoint: embedded.Endpoint) -> None:
        click.echo(f"embedded Flyte at {endpoint.grpc} (data in {data}); Ctrl-C ends it", err=True)
        click.echo(
            f"  reconcile --endpoint {endpoint.grpc} --insecure ...\n"
            f"  pyflyte and flytectl: endpoint {endpoint.grpc}, insecure true\n"
            f"  flyte --endpoint localhost:{endpoint.grpc.rpartition(':')[2]} --insecure ...",
            err=True,
        )

    def tell(sentence: str) -> None:
        click.echo(sentence, err=True)

    settings = _auth(auth)
    fires = embedded.ScheduleSettings(catch_up=catch_up, tell=tell) if schedules else None
    try:
        asyncio.run(
            embedded.serve_forever(
                Path(data).absolute(),
                port=port,
                auth=settings,
                ready=ready,
                strict=strict,
                schedules=fires,
            )
        )
    except KeyboardInterrupt:
        return exit_codes.OK
    return exit_codes.OK


def _auth(text: str) -> AuthSettings | None:
    from reconciler.errors import UsageError
    from reconciler.server.embedded import AuthSettings

    if not text:
        return None
    client, separator, path = text.partition(":")
    if not separator or not Path(path).is_file():
        raise UsageError("--auth: is not CLIENT_ID:FILE with a file that holds the secret")
    return AuthSettings(client_id=client, client_secret=Path(path).read_text().rstrip("\n"))
