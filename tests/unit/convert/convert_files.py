"""Sets of launch plans as files, converted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reconciler.api import converting
from reconciler.api.converting import Conversion
from reconciler.convert.trigger import TaskChoice

API = "flyte.reconciler.dev/v1alpha1"
WORKFLOW: dict[str, Any] = {"name": "etl.main", "version": "v1"}


def plan(name: str = "daily", /, **spec: Any) -> dict[str, Any]:
    """Make a document of a plan that runs etl.main."""
    if "existing" not in spec:
        spec = {"workflow": WORKFLOW, **spec}
    place = {"project": "sales", "domain": "production"}
    return {
        "apiVersion": API,
        "kind": "FlyteLaunchPlan",
        "metadata": {"name": name},
        "spec": {**place, **spec},
    }


def convert(
    folder: Path,
    *documents: dict[str, Any],
    tasks: dict[str, TaskChoice] | None = None,
    package: str = "",
) -> Conversion:
    """Convert documents that stand in one file each."""
    for index, one in enumerate(documents):
        (folder / f"plan{index}.json").write_text(json.dumps(one, indent=1), encoding="utf-8")
    return converting.convert((".",), tasks=tasks, package=package, cwd=folder)


def trigger(found: Conversion) -> dict[str, Any]:
    """Return the spec of the only trigger."""
    (made,) = found.documents
    spec: Any = made["spec"]
    return dict(spec)
