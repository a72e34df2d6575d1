"""Finds the workflow or task that a document runs: in a package of the set, or on the backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from reconciler.model.interface import Missing, Unread, Want, Workflow
from reconciler.model.key import Place
from reconciler.model.origin import Problem
from reconciler.resolve.context import Context, Package
from reconciler.specs.validate import Declared

W = TypeVar("W", bound=Workflow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Generic[W]):
    """What a document refers to.

    `word` names it in messages and is the field of the reference; `kind` is what is looked for,
    `offered` where a package has it. Either `package` or `want` is given; `chosen_by` is the field
    of the reference that leads to `want`.
    """

    word: str
    kind: type[W]
    offered: Callable[[Package], Mapping[str, W]]
    name: str
    package: str | None = None
    want: Want | None = None
    chosen_by: str = "version"


def find(
    target: Target[W], declared: Declared, context: Context, place: Place
) -> W | Problem | None:
    """Find a target; None where only a backend knows it and there is none, or it is faulty."""
    if target.package is not None:
        return _in_package(target, declared, context, place)
    assert target.want is not None
    answer = context.catalog.get(target.want)
    path = (target.word, target.chosen_by)
    match answer:
        case Missing(reason=reason):
            problem = declared.problem(
                reason, *path, fix="register it first, or declare its package in this set"
            )
            return replace(problem, awaits=True)
        case Unread(cause=cause):
            problem = declared.problem(f"could not be looked up: {cause}", *path)
            return replace(problem, awaits=True)
        case Workflow():
            assert isinstance(answer, target.kind)
            return answer
        case None if context.is_offline:
            return None
        case None:
            return declared.problem(
                f"the interface of {target.name} is not known without a backend",
                *path,
                fix="give a connection, or declare the package in this set",
            )


def _in_package(
    target: Target[W], declared: Declared, context: Context, place: Place
) -> W | Problem | None:
    word, name = target.word, target.package
    assert name is not None
    package = context.packages.get((place, name))
    if package is None and name in context.faulty:
        return None
    if package is None:
        problem = declared.problem(
            f"no FlytePackage {name} is declared for {place}",
            word,
            "package",
            fix="declare it with the same project and domain",
        )
        return replace(problem, awaits=True)
    if package.unread:
        why = f"its package could not be read: {package.unread}"
        return replace(declared.problem(why, word, "package"), awaits=True)
    offered = target.offered(package)
    found = offered.get(target.name)
    if found is None:
        known = ", ".join(sorted(offered)[:10]) or "none"
        return declared.problem(
            f"package {name} has no {word} {target.name}",
            word,
            "name",
            fix=f"its {word}s are: {known}",
        )
    return found
