"""Addresses in the web consoles of both Flytes.

They are those that flytekit's `generate_console_url` and the `url` of Flyte 2's SDK give. The base
is what the connection names, else the endpoint's own host: the console is served beside it.
"""

from __future__ import annotations

from urllib.parse import quote

from reconciler.model.entity import Entity, What

_WORDS = {What.TASKS: "task", What.WORKFLOWS: "workflow", What.LAUNCH_PLANS: "launch_plan"}


def of_entity(base: str, flyte: str, entity: Entity) -> str:
    """Address an entity; empty where its console has no page for it, or no base is known."""
    if not base:
        return ""
    if flyte == "Flyte2":
        return _flyte2(base, entity)
    if entity.what is What.PROJECTS:
        return f"{_console(base)}/projects/{_part(entity.name)}"
    word = _WORDS.get(entity.what)
    if word is None or not entity.version:
        return ""
    where = _flyte1_place(base, entity.project, entity.domain)
    return f"{where}/{word}/{_part(entity.name)}/version/{_part(entity.version)}"


def of_execution(base: str, project: str, domain: str, name: str) -> str:
    """Address an execution of Flyte 1; nodes and tasks of it have the same page."""
    return f"{_flyte1_place(base, project, domain)}/executions/{_part(name)}"


def of_run(base: str, project: str, domain: str, name: str) -> str:
    """Address a run of Flyte 2."""
    return f"{_flyte2_place(base, project, domain)}/runs/{_part(name)}"


def _flyte2(base: str, entity: Entity) -> str:
    where = _flyte2_place(base, entity.project, entity.domain)
    match entity.what:
        case What.TASKS:
            return f"{where}/tasks/{_part(entity.name)}"
        case What.TRIGGERS:
            task, _, trigger = entity.name.partition("/")
            return f"{where}/triggers/{task}/{_part(trigger)}"
        case _:
            return ""


def _flyte1_place(base: str, project: str, domain: str) -> str:
    return f"{_console(base)}/projects/{_part(project)}/domains/{_part(domain)}"


def _flyte2_place(base: str, project: str, domain: str) -> str:
    root = base.rstrip("/").removesuffix("/v2")
    return f"{root}/v2/domain/{_part(domain)}/project/{_part(project)}"


def _console(base: str) -> str:
    """Return the root of Flyte 1's console, whether or not the base names its path."""
    return f"{base.rstrip('/').removesuffix('/console')}/console"


def _part(text: str) -> str:
    return quote(text, safe="")
