"""What a service is to sync: FlyteSyncs with a repository, and FlyteConnections, from files.

These files are of the owner of the service: what they say is trusted, and what is in the
repositories that they name is not. One bad document does not hold back the others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from reconciler.engine.declaration import Declaration
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.origin import Severity
from reconciler.sources import files
from reconciler.specs.connection import ConnectionSpec
from reconciler.specs.sync import SyncSpec
from reconciler.specs.validate import Declared, validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The sets to sync by name; `faults` says of the others what is wrong, also of no set."""

    base: Path
    syncs: Mapping[str, Declared] = field(default_factory=dict)
    connections: tuple[Declared, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    def declaration(self, sync: Declared) -> Declaration:
        """Return what a connection is chosen for; nothing is planned of it."""
        return Declaration(
            base=self.base,
            cwd=self.base,
            sync=cast("SyncSpec", sync.spec),
            set_name=sync.name,
            declared=self.connections,
            problems=(),
            sync_document=sync,
        )

    def mark(self, sync: Declared) -> str:
        """Tell when a set has to be looked at anew: its own text, or that of its connection."""
        connection = cast("SyncSpec", sync.spec).connection
        texts = [sync.document.value]
        texts += [item.document.value for item in self.connections if item.name == connection]
        return digest({"documents": cast("list[Json]", texts)})


def read(paths: Sequence[str], *, cwd: Path) -> Config:
    """Read files and folders; never raises for what is in them."""
    tree = files.discover(list(paths), base=cwd)
    found = validate(tree.documents)
    faults: dict[str, str] = {}
    for problem in (*tree.problems, *found.problems):
        if problem.severity is Severity.ERROR:
            name = problem.origin.file
            faults[name] = f"{faults[name]}; {problem}" if name in faults else str(problem)
    syncs: dict[str, Declared] = {}
    connections: list[Declared] = []
    for item in found.declared:
        if isinstance(item.spec, ConnectionSpec):
            connections.append(item)
        elif isinstance(item.spec, SyncSpec):
            _add(item, item.spec, syncs, faults)
        else:
            faults[str(item.document.origin)] = (
                f"{item.document.origin}: is a {item.kind}; keep it in the repository"
            )
    for faulty in found.faulty:
        # Told under the name of the set, so that its last good spec is not taken for the present.
        told = faults.pop(faulty.document.origin.file, "")
        faults[faulty.name] = told or faults.get(faulty.name, "") or "has an error"
    return Config(base=cwd, syncs=syncs, connections=tuple(connections), faults=faults)


def _add(
    item: Declared, spec: SyncSpec, syncs: dict[str, Declared], faults: dict[str, str]
) -> None:
    if spec.git is None:
        faults[item.name] = f"{item.document.origin}: names no repository; write spec.git"
    elif item.name in syncs:
        first = syncs.pop(item.name).document.origin
        faults[item.name] = f"{item.document.origin}: is there twice, first at {first}; remove one"
    else:
        syncs[item.name] = item


def fingerprint(paths: Sequence[str], *, cwd: Path) -> str:
    """Tell whether files may have changed, by their names, sizes and times."""
    seen: list[Json] = []
    for path in paths:
        start = cwd / path
        for file in [start] if start.is_file() else sorted(start.rglob("*")):
            try:
                facts = os.stat(file)  # noqa: PTH116 - times in nanoseconds
            except OSError:
                continue
            seen.append([str(file), facts.st_size, facts.st_mtime_ns, facts.st_ino])
    return json.dumps(seen)
