"""`reconcile forget --cluster`: lets custom resources go without an operator."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli import terminal

_SHOWN = 20


async def release_all(given: dict[str, Any]) -> int:
    """Show what carries the operator's finalizer, ask on a terminal, and take it away."""
    from reconciler.backends.kubernetes import access
    from reconciler.backends.kubernetes.client import open_cluster
    from reconciler.operator import release

    found = access.find(given["kubeconfig"], given["context"])
    async with open_cluster(found) as cluster:
        refs = [ref async for ref in release.find(cluster, given["namespaces"])]
        for ref in refs[:_SHOWN]:
            click.echo(f"  {ref}")
        if len(refs) > _SHOWN:
            click.echo(f"  and {len(refs) - _SHOWN} more")
        if not refs:
            click.echo(f"{found.server}: no object carries the operator's finalizer.")
            return 0
        if not given["yes"] and terminal.can_ask():
            terminal.ask(f"Take the finalizer of {len(refs)} objects away? Flyte stays as it is")
        count = await release.release(cluster, refs)
    click.echo(f"Released: {count} objects at {found.server}; Flyte was not touched.")
    return 0
