"""Renders a kustomization: files of the tree only, no plugins, no functions, no charts."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconciler.model.document import Document, Json
from reconciler.model.document import Path as Steps
from reconciler.model.origin import Origin, Problem
from reconciler.sources.rendering import places, program, tree
from reconciler.sources.rendering.patches import Patch, patches_of
from reconciler.sources.yaml import parse

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LISTS = ("resources", "bases", "components", "crds", "configurations")
_REFUSED = ("generators", "transformers", "validators", "helmCharts", "helmChartInflationGenerator")
_ORIGIN = "config.kubernetes.io/origin"

Found = tuple[list[Document], list[Problem]]


def render(folder: Path, *, cwd: Path, root: Path) -> Found:
    """Render a folder; nothing outside of `root` is read, places are relative to `cwd`."""
    shown = _shown(folder, cwd)
    check = _Check(cwd, root)
    problems = [*tree.faults(folder, tree=root, shown=shown), *check.faults(folder)]
    if problems:
        return [], problems
    with tempfile.TemporaryDirectory(prefix="reconcile-kustomize-") as made:
        top = Path(made).resolve()
        base = os.path.relpath(folder.resolve(), top)
        overlay: Json = {"resources": [base], "buildMetadata": ["originAnnotations"]}
        (top / NAMES[0]).write_text(json.dumps(overlay), encoding="utf-8")
        words = ("build", "--load-restrictor", "LoadRestrictionsRootOnly", str(top))
        try:
            text = program.run("kustomize", words, folder=top)
        except program.RenderError as error:
            return [], [Problem(Origin(shown), str(error))]
        documents, faults = parse(text, file=shown, max_bytes=program.DEFAULT_LIMITS.output_bytes)
        sources = _Sources(top, cwd, tuple(check.patches()))
        return [sources.placed(one) for one in documents], list(faults)


class _Sources:
    """The files that documents were made of, each read once."""

    def __init__(self, top: Path, cwd: Path, patches: tuple[Patch, ...]) -> None:
        self._patches = patches
        self._top = top
        self._cwd = cwd
        self._known: dict[Path, tuple[Document, ...]] = {}

    def placed(self, rendered: Document) -> Document:
        value, path = _without_origin(rendered.value)
        if path is None:
            return Document(value, rendered.origin, values=rendered.values, keys=rendered.keys)
        file = Path(os.path.normpath(self._top / path))
        if file not in self._known:
            found, _ = parse(file.read_bytes(), file=_shown(file, self._cwd))
            self._known[file] = tuple(found)
        source = places.same(rendered, self._known[file])
        if source is not None:
            return places.of_document(rendered, value, source, self._patches)
        return places.of_template(rendered, value, _shown(file, self._cwd), file)


def _without_origin(value: dict[str, Json]) -> tuple[dict[str, Json], str | None]:
    metadata = value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(annotations, dict):
        return value, None
    told = annotations.get(_ORIGIN)
    kept = {name: text for name, text in annotations.items() if name != _ORIGIN}
    rest = {name: part for name, part in metadata.items() if name != "annotations"}
    plain: dict[str, Json] = {**rest, "annotations": kept} if kept else rest
    path = None
    for line in str(told or "").splitlines():
        name, _, text = line.partition(": ")
        path = text.strip() if name == "path" else path
    return {**value, "metadata": plain}, path


class _Check:
    """Follows kustomizations and says what in them is not a file of the tree."""

    def __init__(self, cwd: Path, root: Path) -> None:
        self._cwd = cwd
        self._root = Path(os.path.realpath(root))
        self._seen: set[Path] = set()
        self._found: list[tuple[Document, Path]] = []

    def patches(self) -> Iterator[Patch]:
        """Read all patches, those of bases first."""
        for document, path in reversed(self._found):
            yield from patches_of(document, path, root=self._root, shown=_shown(path, self._cwd))

    def faults(self, folder: Path) -> Iterator[Problem]:
        real = Path(os.path.realpath(folder))
        if real in self._seen:
            return
        self._seen.add(real)
        path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
        if path is None:
            fix = f"write a {NAMES[0]}, or leave render out"
            yield Problem(Origin(_shown(folder, self._cwd)), "has no kustomization", fix=fix)
            return
        documents, problems = parse(path.read_bytes(), file=_shown(path, self._cwd))
        yield from problems
        for document in documents:
            self._found.append((document, path))
            yield from self._document(document, folder)

    def _document(self, document: Document, folder: Path) -> Iterator[Problem]:
        for name in _REFUSED:
            if name in document.value:
                yield Problem(
                    document.key_at((name,)),
                    "runs programs or charts, which are not run here",
                    path=name,
                    fix="render it yourself, and commit what comes out",
                )
        for name in _LISTS:
            entries = document.value.get(name)
            for index, entry in enumerate(entries if isinstance(entries, list) else []):
                origin = document.at((name, index))
                yield from self._entry(str(entry), folder, origin, f"{name}[{index}]")
        for steps, value in _texts(document.value):
            if steps[-1] in {"path", "url"} and ":" in value:
                yield _remote(document.at(steps), value, "path")

    def _entry(self, entry: str, folder: Path, origin: Origin, path: str) -> Iterator[Problem]:
        target = folder / entry
        if ":" in entry or "\n" in entry or not target.exists():
            yield _remote(origin, entry, path)
        elif not Path(os.path.realpath(target)).is_relative_to(self._root):
            fix = "copy it inside"
            yield Problem(origin, f"{entry} leads out of the tree", path=path, fix=fix)
        elif target.is_dir():
            yield from tree.faults(target, tree=self._root, shown=_shown(target, self._cwd))
            yield from self.faults(target)


def _remote(origin: Origin, entry: str, path: str) -> Problem:
    first = entry.splitlines()[0] if entry else "it"
    return Problem(
        origin,
        f"{first} is no file or folder of the tree, and nothing else is read",
        path=path,
        fix="commit a copy, or correct the path",
    )


def _texts(value: Json, steps: Steps = ()) -> Iterator[tuple[Steps, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*steps, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*steps, index))
    elif isinstance(value, str) and steps:
        yield steps, value


def _shown(path: Path, cwd: Path) -> str:
    real, base = os.path.realpath(path), os.path.realpath(cwd)
    return os.path.relpath(real, base) if real.startswith(base) else real
