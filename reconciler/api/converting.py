"""Launch plans of Flyte 1 as triggers of Flyte 2, and when to move; no backend is asked.

found = converting.convert(["deploy/"], package="etl")
for note in found.notes:
    print(note)
print("".join(converting.stream(found)))
moved = converting.cut_over(found)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import cast

from reconciler.api.offline import require_sound
from reconciler.convert.cut_over import (
    LONGEST_MARGIN,
    MARGIN,
    SHORTEST_MARGIN,
    CutOver,
    plan_cut_over,
)
from reconciler.convert.trigger import Converted, Note, TaskChoice
from reconciler.convert.trigger import convert as convert_one
from reconciler.engine.declaration import declare
from reconciler.errors import SpecError, UsageError
from reconciler.export import names, text
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin, Problem
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.package import PackageSpec
from reconciler.values.references import with_paths

_NOTHING = TaskChoice()


@dataclass(frozen=True, slots=True)
class Conversion:
    """The launch plans of a set, converted; `packages` are the FlytePackages, which are not.

    The places of documents are seen from `cwd`.
    """

    converted: tuple[Converted, ...]
    packages: tuple[Origin, ...] = ()
    cwd: Path = Path()

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, by launch plan."""
        return tuple(note for item in self.converted for note in item.notes)

    @property
    def documents(self) -> list[dict[str, Json]]:
        """The triggers."""
        return [item.document for item in self.converted if item.document is not None]


def convert(
    paths: Sequence[str] = (),
    *,
    tasks: Mapping[str, TaskChoice] | None = None,
    package: str = "",
    cwd: Path | None = None,
) -> Conversion:
    """Convert every FlyteLaunchPlan that the paths hold.

    `tasks` names the task that takes a workflow's place, by the workflow's name; `package` the
    FlytePackage that registers all tasks without a version of their own. Raises UsageError for a
    workflow that no plan runs, SpecError for what has no trigger.
    """
    cwd = (cwd or Path.cwd()).absolute()
    declaration = declare(paths, cwd=cwd)
    require_sound(declaration)
    wanted = dict(tasks or {})
    defaults = Place(
        declaration.sync.defaults.project or "", declaration.sync.defaults.domain or ""
    )
    found: list[Converted] = []
    used: set[str] = set()
    for item in declaration.declared:
        if not isinstance(item.spec, LaunchPlanSpec):
            continue
        workflow = item.spec.workflow.name if item.spec.workflow else ""
        used.add(workflow)
        task = replace(wanted.get(workflow, _NOTHING), package=package)
        found.append(convert_one(item, defaults=defaults, task=task))
    unknown = sorted(wanted.keys() - used)
    if unknown:
        raise UsageError(f"--task: {', '.join(unknown)}: no launch plan here runs this workflow")
    problems = [*(one for item in found for one in item.problems), *_twice(found)]
    if problems:
        raise SpecError(sorted(problems, key=lambda one: one.origin))
    packages = (
        item.document.origin for item in declaration.declared if isinstance(item.spec, PackageSpec)
    )
    return Conversion(tuple(found), tuple(packages), cwd)


def _twice(found: Iterable[Converted]) -> Iterator[Problem]:
    """Refuse two plans that would be one trigger, of which one would be lost."""
    first: dict[Key, Origin] = {}
    for item in found:
        if item.key is None:
            continue
        origin = item.declared.document.origin
        other = first.setdefault(item.key, origin)
        if other is not origin:
            why = f"would be the same trigger {item.key} as the plan at {other}"
            yield Problem(origin, why, fix="give one of them another name or task")


def task_choices(words: Iterable[str]) -> dict[str, TaskChoice]:
    """Read `WORKFLOW=TASK[@VERSION]`; raises UsageError for what is not of that form."""
    found: dict[str, TaskChoice] = {}
    for word in words:
        workflow, _, rest = word.partition("=")
        name, at, version = rest.partition("@")
        if not workflow or not name or (at and not version):
            raise UsageError(f"--task: {word}: is not readable; write WORKFLOW=TASK[@VERSION]")
        if workflow in found:
            raise UsageError(f"--task: {workflow}: is given twice; keep one of the two")
        found[workflow] = TaskChoice(name, version)
    return found


def stream(found: Conversion) -> Iterator[str]:
    """Write all triggers as one YAML stream, with the notes as comments."""
    written = (item for item in found.converted if item.document is not None)
    for index, item in enumerate(written):
        yield ("---\n" if index else "") + _yaml(item)


def files(found: Conversion, *, folder: Path) -> Mapping[PurePosixPath, str]:
    """Lay the triggers out as files, by their path below a folder.

    Local files of inputs are named as they are seen from there.
    """
    written = {item.key: item for item in found.converted if item.key is not None}
    paths = names.file_names(written, suffix=".yaml")
    return {
        paths[key]: _yaml(_seen_from(item, (folder / paths[key]).parent, found.cwd))
        for key, item in written.items()
    }


def _seen_from(item: Converted, folder: Path, cwd: Path) -> Converted:
    """Name the local files of inputs as they are seen from a folder.

    Only the type of an input tells whether a file is meant, so it is where there is one.
    """
    file = item.declared.document.origin.file
    base = cwd if file == "-" else (cwd / file).parent

    def seen(path: str) -> str:
        is_there = not Path(path).is_absolute() and (base / path).exists()
        return os.path.relpath(base / path, folder) if is_there else path

    made = dict(item.document or {})
    spec = dict(cast("dict[str, Json]", made.get("spec") or {}))
    inputs = cast("dict[str, Json]", spec.get("inputs") or {})
    if not inputs:
        return item
    spec["inputs"] = {name: with_paths(value, seen) for name, value in inputs.items()}
    return replace(item, document={**made, "spec": spec})


def _yaml(item: Converted) -> str:
    assert item.document is not None
    return text.yaml(item.document, (note.said for note in item.notes))


def cut_over(
    found: Conversion, *, now: datetime | None = None, margin: timedelta = MARGIN
) -> CutOver:
    """Plan the move of all schedules.

    Raises UsageError for a margin that the waits for both schedulers do not fit in, or that no day
    has room for, and for a moment at the end of time.
    """
    if not SHORTEST_MARGIN <= margin <= LONGEST_MARGIN:
        raise UsageError(
            "--margin: is not between 1m, which the waits for both schedulers take, and 12h; "
            "give one that is"
        )
    try:
        return plan_cut_over(found.converted, now=now or datetime.now(UTC), margin=margin)
    except OverflowError:
        raise UsageError(f"--from: {now}: is too far away; give a nearer time") from None
