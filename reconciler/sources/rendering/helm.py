"""Renders a chart: no cluster, no network, no plugins, and no template that asks for either."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.model.document import Document
from reconciler.model.origin import Origin, Problem
from reconciler.sources.rendering import places, program, tree
from reconciler.sources.yaml import parse

CHART = "Chart.yaml"
_ASKS = re.compile(r"\{\{[^}]*?\b(lookup|getHostByName|env|expandenv)\b")
_SOURCE = re.compile(rb"^# Source: [^/\n]+/(.+)$", re.MULTILINE)
_RELEASE = "reconcile"

Found = tuple[list[Document], list[Problem]]


def render(folder: Path, values: Sequence[Path], *, cwd: Path, root: Path) -> Found:
    """Render a chart with files of values; places are relative to `cwd`."""
    shown = _shown(folder, cwd)
    if not (folder / CHART).is_file():
        fix = "name the folder of a chart in paths, and its values as files"
        return [], [Problem(Origin(shown), f"has no {CHART}", fix=fix)]
    problems = [*tree.faults(folder, tree=root, shown=shown), *_asking(folder, cwd)]
    problems += [
        Problem(Origin(_shown(file, cwd)), "leads out of the tree", fix="copy it inside")
        for file in values
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root))
    ]
    if problems:
        return [], problems
    given = [word for file in values for word in ("--values", str(file.absolute()))]
    words = ("template", _RELEASE, str(folder.absolute()), "--skip-tests", *given)
    try:
        text = program.run("helm", words, folder=folder)
    except program.RenderError as error:
        return [], [Problem(Origin(shown), str(error))]
    documents: list[Document] = []
    told = list(_values([folder / "values.yaml", *values], cwd))
    for source, part in _parts(text):
        path = folder / source
        found, faults = parse(part, file=_shown(path, cwd))
        problems += [replace(fault, place=Origin(_shown(path, cwd))) for fault in faults]
        where = _shown(path, cwd)
        documents += [places.of_template(one, one.value, where, path, told) for one in found]
    return documents, problems


def _values(files: Sequence[Path], cwd: Path) -> Iterator[Document]:
    """Read the values that templates may name, the chart's own first."""
    for file in files:
        if file.is_file():
            yield from parse(file.read_bytes(), file=_shown(file, cwd))[0][:1]


def _parts(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Cut the output where Helm says which template comes next."""
    marks = list(_SOURCE.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield mark[1].decode("utf-8", "replace"), text[mark.end() : end]


def _asking(folder: Path, cwd: Path) -> Iterator[Problem]:
    """Name templates that would read what differs between two machines."""
    for path in sorted(folder.rglob("*")):
        if "templates" not in path.parts or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            match = _ASKS.search(line)
            if match:
                yield Problem(
                    Origin(_shown(path, cwd), number, match.start(1) + 1),
                    f"{match[1]} reads what is not in the tree: a cluster, a network or the "
                    "environment",
                    fix="take it from the values",
                )


def _shown(path: Path, cwd: Path) -> str:
    real, base = os.path.realpath(path), os.path.realpath(cwd)
    return os.path.relpath(real, base) if real.startswith(base) else real
