"""Which runs a list is asked for; as with `asked`, rows are looked at again here."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from reconciler.model.asked import is_within
from reconciler.model.key import ALL, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.model.entity import What
    from reconciler.model.run import Mode, Phase, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRuns:
    """One list of runs.

    `project`, `domain` and `names` are globs; several names are alternatives. `phases` and `modes`
    are alternatives, empty for any. `entity` is the kind and the exact name of what was started, of
    any version unless `version` says one. A run needs all of the `labels` and `tags`.
    `..._after` is included and `..._before` is not. `archived` shows archived ones too. The newest
    come first; `limit` 0 is every row.
    """

    project: str = ALL
    domain: str = ALL
    names: tuple[str, ...] = ()
    phases: frozenset[Phase] = frozenset()
    modes: frozenset[Mode] = frozenset()
    entity: tuple[What, str] | None = None
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    created_by: str = ""
    archived: bool = False
    limit: int = 0

    def is_in(self, place: Place) -> bool:
        """Say whether a place is meant."""
        return fnmatchcase(place.project, self.project) and fnmatchcase(place.domain, self.domain)

    def matches(self, run: Run) -> bool:
        """Say whether a run is shown.

        Labels, tags and the last change are not looked at where a list does not tell them.
        """
        return (
            self.is_in(run.id.place)
            and (not self.names or any(fnmatchcase(run.id.name, glob) for glob in self.names))
            and (not self.phases or run.phase in self.phases)
            and (not self.modes or run.mode in self.modes)
            and self._is_of(run)
            and (self.archived or not run.is_archived)
            and (not self.created_by or run.created_by == self.created_by)
            and is_within(run.created_at, self.created_after, self.created_before)
            and (
                run.updated_at is None
                or is_within(run.updated_at, self.updated_after, self.updated_before)
            )
        )

    def _is_of(self, run: Run) -> bool:
        if self.entity is None:
            return True
        what, name = self.entity
        found = [one for one in (run.entity, run.workflow) if one and one.what is what]
        return any(
            one.name == name and (not self.version or one.version == self.version) for one in found
        )
