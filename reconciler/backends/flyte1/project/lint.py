"""What is wrong with attributes beyond their form, and what they do not do on Flyte 1.

Facts of flyteadmin 1.16.8: a row of task resources replaces the platform's defaults and limits as a
whole, so that an amount left out is none; `storage` is not read; cluster resources are read for
projects and domains; plugin overrides of a whole project fail on the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from reconciler.backends.flyte1.project import quantity
from reconciler.backends.flyte1.project.paths import Row
from reconciler.model.document import Path
from reconciler.model.origin import Problem
from reconciler.specs.project import Attributes, ProjectSpec, Resources, TaskResources
from reconciler.specs.shape import written_name
from reconciler.specs.validate import Declared

_USED = ("cpu", "gpu", "memory", "ephemeral_storage")


def of_project(declared: Declared, spec: ProjectSpec) -> Iterator[Problem]:
    """Yield what Flyte 1 cannot keep of the project itself; its columns count bytes."""
    texts = {"displayName": (spec.display_name, 64), "description": (spec.description, 300)}
    for name, (text, most) in texts.items():
        size = len((text or "").encode())
        if size > most:
            why = f"has {size} bytes; Flyte 1 takes at most {most}"
            yield declared.problem(why, name, fix="shorten it")
    paths = [("domains", one, "settings") for one in spec.domains if spec.domains[one].settings]
    for path in [("settings",), *paths] if spec.settings else paths:
        yield declared.problem(
            "Flyte 1, which this connection leads to, has no settings",
            *path,
            fix="write attributes instead, or use a connection to Flyte 2",
        )


def check(declared: Declared, row: Row, path: Path, attributes: Attributes) -> Iterator[Problem]:
    """Yield the problems of one level; `row` says which level it is, `path` where it stands."""
    if attributes.plugin_overrides is not None and not row.domain:
        yield declared.problem(
            "Flyte 1 cannot keep plugin overrides for a whole project",
            *path,
            "pluginOverrides",
            fix="write them at each domain",
        )
    if attributes.cluster_resources is not None and row.workflow:
        yield declared.warning(
            "has no effect on a workflow: cluster resources are read for projects and domains",
            *path,
            "clusterResources",
            fix="write it at the domain",
        )
    if attributes.task_resources is not None:
        yield from _task_resources(declared, (*path, "taskResources"), attributes.task_resources)


def _task_resources(declared: Declared, path: Path, resources: TaskResources) -> Iterator[Problem]:
    sections = {"defaults": resources.defaults, "limits": resources.limits}
    amounts: dict[str, dict[str, Fraction]] = {}
    for section, given in sections.items():
        amounts[section] = {}
        for name, text in _texts(given).items():
            try:
                amounts[section][name] = quantity.parse(text)
            except ValueError as error:
                yield declared.problem(str(error), *path, section, name)
            if name == "storage":
                yield declared.warning(
                    "has no effect: Flyte 1 does not read it",
                    *path,
                    section,
                    name,
                    fix="write ephemeralStorage",
                )
    for name, default in amounts["defaults"].items():
        limit = amounts["limits"].get(name)
        if limit is not None and default > limit:
            yield declared.problem(
                f"{_texts(resources.defaults)[name]} is more than the limit "
                f"{_texts(resources.limits)[name]}",
                *path,
                "defaults",
                name,
                fix="lower it, or raise the limit",
            )
    unlimited = [name for name in _names() if not amounts["limits"].get(name)]
    if unlimited:
        yield declared.warning(
            f"sets no limit for {', '.join(unlimited)}, so tasks may ask for any amount: a row "
            "replaces the platform's limits as a whole",
            *path,
            fix="write every limit that shall hold",
        )
    if not amounts["defaults"]:
        yield declared.warning(
            "has no defaults, so tasks that do not say what they need ask for nothing: a row "
            "replaces the platform's defaults as a whole",
            *path,
            fix="write the defaults that shall hold",
        )


def _names() -> tuple[str, ...]:
    return tuple(written_name(Resources, attribute) for attribute in _USED)


def _texts(resources: Resources | None) -> dict[str, str]:
    if resources is None:
        return {}
    return resources.model_dump(by_alias=True, exclude_none=True)
