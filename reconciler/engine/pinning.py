"""Writes what `latest` resolved to into the files, so that a commit says what runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path as FilePath

from reconciler.engine.planning import Planned
from reconciler.errors import UsageError
from reconciler.model.document import Path
from reconciler.model.origin import Origin
from reconciler.model.resource import Resource
from reconciler.sources import edit, yaml
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.running import Latest
from reconciler.specs.trigger import TriggerSpec
from reconciler.specs.validate import Declared


@dataclass(frozen=True, slots=True)
class Pin:
    """One version to write: where the document is, the path in it, and the version."""

    origin: Origin
    name: str
    path: Path
    version: str


def pins(planned: Planned, names: tuple[str, ...] = ()) -> tuple[Pin, ...]:
    """List the versions that follow something and what they resolved to.

    With names (globs over plan names) only those. Raises UsageError for a name without a match.
    """
    by_origin = {resource.origin: resource for resource in planned.desired.resources.values()}
    found = [
        pin
        for item in planned.declaration.declared
        if (resource := by_origin.get(item.document.origin)) is not None
        and (pin := _pin(item, resource)) is not None
    ]
    for name in names:
        if not any(fnmatchcase(pin.name, name) for pin in found):
            known = ", ".join(sorted(pin.name for pin in found)) or "none"
            raise UsageError(f"{name}: no plan of that name follows a version; these do: {known}")
    return tuple(
        pin for pin in found if not names or any(fnmatchcase(pin.name, name) for name in names)
    )


def _pin(declared: Declared, resource: Resource) -> Pin | None:
    spec = declared.spec
    name, origin = resource.key.name, declared.document.origin
    if isinstance(spec, TriggerSpec) and isinstance(spec.task.version, Latest):
        return Pin(origin, name, ("spec", "task", "version"), resource.refs[0].version)
    if not isinstance(spec, LaunchPlanSpec):
        return None
    if spec.existing is not None and isinstance(spec.existing.version, Latest):
        return Pin(origin, name, ("spec", "existing", "version"), resource.version)
    if spec.workflow is not None and isinstance(spec.workflow.version, Latest):
        return Pin(origin, name, ("spec", "workflow", "version"), resource.refs[0].version)
    return None


def edited(pins: tuple[Pin, ...], *, base: FilePath) -> dict[FilePath, bytes]:
    """Compute the new content of every file; nothing is written.

    Raises UsageError when a file cannot be edited without changing more than the versions.
    """
    by_file: dict[str, list[Pin]] = defaultdict(list)
    for pin in pins:
        by_file[pin.origin.file].append(pin)
    result: dict[FilePath, bytes] = {}
    for name, items in by_file.items():
        if name == "-":
            raise UsageError("-: standard input cannot be edited; give the file")
        path = base / name
        data = path.read_bytes()
        documents, _ = yaml.parse(data, file=name)
        numbers = {document.origin: index for index, document in enumerate(documents)}
        for pin in items:
            data = edit.set_scalar(
                data, document=numbers[pin.origin], path=pin.path, value=pin.version
            )
        result[path] = data
    return result
