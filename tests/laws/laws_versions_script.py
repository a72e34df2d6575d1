"""Prints the versions of a set's plans as JSON; run in a process of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler.backends.flyte1.adapters import ADAPTERS
from reconciler.engine.declaration import declare
from reconciler.model.interface import Workflow
from reconciler.resolve.context import Context
from reconciler.resolve.resolve import resolve, wants

INPUTS = {
    "count": {"type": {"simple": "INTEGER"}},
    "ratio": {"type": {"simple": "FLOAT"}},
    "day": {"type": {"simple": "DATETIME"}},
}


def main() -> None:
    """Resolve against a workflow that is made up here."""
    declaration = declare([sys.argv[1]], cwd=Path.cwd())
    declaration.check()
    context = Context(
        set_name=declaration.set_name,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        default_project="flytesnacks",
        default_domain="development",
    )
    known = {
        want: Workflow(want.project, want.domain, want.name, want.version, INPUTS)
        for want in wants(declaration.declared, ADAPTERS, context)
    }
    resolved = resolve(declaration.declared, ADAPTERS, replace(context, catalog=known))
    assert not resolved.errors, resolved.errors
    print(json.dumps({str(key): item.version for key, item in resolved.desired.resources.items()}))


main()
