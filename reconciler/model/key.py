"""Which object on a Flyte backend something is about."""

from __future__ import annotations

from dataclasses import dataclass

ALL = "*"
"""Stands for every project, or every domain, of a place."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A project and a domain; `domain` is empty for what belongs to a project as a whole."""

    project: str
    domain: str = ""

    @property
    def is_single(self) -> bool:
        """Say whether it is one project-domain, and neither a project as a whole nor many."""
        return bool(self.domain) and ALL not in {self.project, self.domain}

    def __str__(self) -> str:
        return f"{self.project}/{self.domain}" if self.domain else self.project

    @staticmethod
    def parse(text: str) -> Place:
        """Read the form that `str` writes."""
        project, _, domain = text.partition("/")
        return Place(project, domain)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The identity of one Flyte object: kind, place and Flyte name (never a version).

    Written `FlyteLaunchPlan/<project>/<domain>/<name>`; a project is `FlyteProject/<project>`.
    Tasks and workflows of a package are `FlyteTask/...` and `FlyteWorkflow/...`.
    """

    kind: str
    project: str
    domain: str = ""
    name: str = ""

    @property
    def place(self) -> Place:
        """The project and domain the object lives in."""
        return Place(self.project, self.domain)

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.project, self.domain, self.name) if part)

    @staticmethod
    def parse(text: str) -> Key:
        """Read the form that `str` writes; raises ValueError when it is not of that form."""
        parts = text.split("/", 3)
        if len(parts) < 2 or not all(parts):
            raise ValueError(f"{text!r} is not a key such as FlyteLaunchPlan/project/domain/name")
        return Key(*parts)
