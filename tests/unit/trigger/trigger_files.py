"""Declared triggers and the task that they run, for tests of resolving."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import Any

from reconciler.backends.flyte2.adapters import ADAPTERS
from reconciler.model.interface import Task, Want
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Resource
from reconciler.resolve.context import Context, Package
from reconciler.resolve.resolve import Resolved, resolve
from reconciler.sources.yaml import parse
from reconciler.specs.validate import validate

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
DATETIME: dict[str, Any] = {"type": {"simple": "DATETIME"}}
INTEGER: dict[str, Any] = {"type": {"simple": "INTEGER"}}
FLOAT: dict[str, Any] = {"type": {"simple": "FLOAT"}}

TASK = Task(
    project="ranking",
    domain="production",
    name="etl.load",
    version="v1",
    inputs={"count": INTEGER, "day": DATETIME, "ratio": FLOAT},
    defaults={"ratio": {"scalar": {"primitive": {"floatValue": 0.5}}}},
    sdk="2.12.1",
)


def context(task: Task = TASK, **other: Any) -> Context:
    """A context that knows one task, by its version and as the newest."""
    exact = Want(task.project, task.domain, task.name, version=task.version)
    newest = Want(task.project, task.domain, task.name, matching="v*")
    return Context(
        set_name="ranking-prod",
        now=NOW,
        default_project="ranking",
        default_domain="production",
        catalog={exact: task, newest: task},
        **other,
    )


def document(spec: str) -> str:
    """A FlyteTrigger named daily of the task etl.load."""
    body = textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ")
    return (
        "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteTrigger\n"
        f"metadata: {{name: daily}}\nspec:\n{body}\n"
    )


def resolved(spec: str, found: Context | None = None) -> Resolved:
    """Validate and resolve one trigger."""
    documents, unreadable = parse(document(spec).encode(), file="daily.yaml")
    declared = validate(documents)
    assert not unreadable
    assert not declared.problems, declared.problems
    return resolve(declared.declared, ADAPTERS, found or context())


def one(spec: str, found: Context | None = None) -> Resource:
    """The resource of a trigger without an error."""
    result = resolved(spec, found)
    assert not result.errors, result.errors
    (resource,) = result.desired.resources.values()
    return resource


def error(spec: str, found: Context | None = None) -> Problem:
    """The only error of a trigger."""
    (problem,) = (
        item for item in resolved(spec, found).problems if item.severity is Severity.ERROR
    )
    return problem


def packaged(task: Task = TASK) -> Package:
    """A package that offers the task."""
    return Package(tasks={task.name: task})
