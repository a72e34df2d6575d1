"""How documents are resolved where no backend is asked: by the Flyte that they are for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.api import connecting
from reconciler.api.connecting import Target
from reconciler.backends.flyte1 import adapters as flyte1
from reconciler.engine.checking import check
from reconciler.engine.declaration import Declaration
from reconciler.errors import ReconcilerError, SpecError
from reconciler.resolve.context import Adapter
from reconciler.resolve.unserved import Unserved
from reconciler.specs.connection import Flyte
from reconciler.specs.project import ProjectSpec


def adapters_for(declaration: Declaration, *, cwd: Path | None = None) -> Mapping[str, Adapter]:
    """Choose the adapters of the Flyte that the connection names, else of one that fits the rest.

    Which one fits is told by the kinds that are declared, and by projects with attributes or
    settings; where that tells nothing it is Flyte 1. A connection that is named nowhere, or cannot
    be found, says nothing here.
    """
    where = (cwd or Path.cwd()).absolute()
    match _named(declaration, where):
        case connecting.FLYTE1:
            return flyte1.ADAPTERS
        case connecting.FLYTE2:
            return _flyte2()
        case _ if not _refused(declaration, flyte1.ADAPTERS):
            return flyte1.ADAPTERS
        case _:
            return min(
                (flyte1.ADAPTERS, _flyte2()), key=lambda adapters: _refused(declaration, adapters)
            )


def require_sound(declaration: Declaration) -> None:
    """Raise SpecError where documents have errors, with all that can be said without a backend."""
    try:
        declaration.check()
    except SpecError:
        now = datetime.now(UTC)
        found = check(declaration, adapters_for(declaration, cwd=declaration.cwd), now=now)
        raise SpecError(found.errors) from None


def _named(declaration: Declaration, where: Path) -> str:
    try:
        choice = connecting.choose(Target(), declaration, environ=os.environ, cwd=where)
    except (ReconcilerError, OSError):
        return connecting.AUTO
    is_embedded = choice.data is not None and choice.flyte == connecting.AUTO
    return connecting.FLYTE1 if is_embedded else choice.flyte


def _flyte2() -> Mapping[str, Adapter]:
    from reconciler.backends.flyte2.adapters import ADAPTERS

    return ADAPTERS


def _refused(declaration: Declaration, adapters: Mapping[str, Adapter]) -> int:
    """Count the documents whose kind is not served, or that have what only the other Flyte has."""
    other = Flyte.FLYTE2 if adapters is flyte1.ADAPTERS else Flyte.FLYTE1
    return sum(
        isinstance(adapters.get(item.kind), Unserved)
        or (isinstance(item.spec, ProjectSpec) and item.spec.is_for is other)
        for item in declaration.declared
    )
