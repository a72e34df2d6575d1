"""Loads types of one's own, which are code: only what whoever runs the program has named.

Nothing that a set declares can name one, and no distribution that stands in the working directory
counts, so that reading a repository never runs code from it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import cast

from reconciler.errors import UsageError
from reconciler.values.own import GROUP, OwnType

VARIABLE = "RECONCILE_TYPES"
"""Names of entry points, divided by commas."""

_METHODS = ("serves", "encode", "decode")


def named(environ: Mapping[str, str]) -> tuple[OwnType, ...]:
    """Load the types that the environment names; raises UsageError as `load` does."""
    words = (word.strip() for word in environ.get(VARIABLE, "").split(","))
    return load((word for word in words if word), cwd=Path.cwd())


def load(names: Iterable[str], *, cwd: Path) -> tuple[OwnType, ...]:
    """Load types by the names of their entry points, in this order.

    Raises UsageError for one that no installed distribution offers, that two offer, or that cannot
    be loaded.
    """
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return ()
    with _without(cwd):
        offered = _offered()
        return tuple(_load(name, offered) for name in wanted)


def _offered() -> dict[str, list[metadata.EntryPoint]]:
    found: dict[str, list[metadata.EntryPoint]] = {}
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name in seen:  # an earlier entry of the path hides it
            continue
        seen.add(name)
        for entry in distribution.entry_points.select(group=GROUP):
            found.setdefault(entry.name, []).append(entry)
    return found


def _load(name: str, offered: Mapping[str, list[metadata.EntryPoint]]) -> OwnType:
    entries = offered.get(name, [])
    if not entries:
        known = ", ".join(sorted(offered)) or "none"
        raise UsageError(
            f"{VARIABLE}: {name}: no distribution that is installed beside reconcile offers it; "
            f"offered are: {known}"
        )
    if len(entries) > 1:
        where = ", ".join(sorted(entry.value for entry in entries))
        raise UsageError(f"{VARIABLE}: {name}: is offered twice ({where}); uninstall one")
    try:
        found = entries[0].load()
        made = found() if isinstance(found, type) else found
    except Exception as error:
        raise UsageError(
            f"{VARIABLE}: {name}: {entries[0].value} cannot be loaded "
            f"({type(error).__name__}: {error}); repair it, or do not name it"
        ) from error
    missing = [method for method in _METHODS if not callable(getattr(made, method, None))]
    if missing:
        raise UsageError(
            f"{VARIABLE}: {name}: {entries[0].value} has no {', '.join(missing)}; "
            "see reconciler.values.own.OwnType"
        )
    return cast("OwnType", made)


@contextmanager
def _without(cwd: Path) -> Iterator[None]:
    """Leave the working directory out of where Python looks for modules, which `-m` puts in."""
    before = list(sys.path)
    here = os.path.realpath(cwd)
    sys.path[:] = [entry for entry in before if os.path.realpath(entry or ".") != here]
    try:
        yield
    finally:
        sys.path[:] = before
