"""Resolutions that are kept from one resolving to the next, for a process that resolves for ever.

A document is resolved anew when it, or anything that its resolution was made from, is another one:
the context as far as the document can see it, what it wants of the backend, and the packages that
were resolved before it. What holds values or archives, or declares runs, is never kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.model.traits import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.resolve.context import Adapter, Context, Package, Resolution
    from reconciler.specs.validate import Declared

_LONGEST = timedelta(hours=1)
"""How long a resolution may stand whose search for firings began at another moment."""


@dataclass(frozen=True, slots=True)
class _Kept:
    declared: Declared
    context: Context
    resolution: Resolution


@dataclass(slots=True)
class Memo:
    """What was resolved last, by the place of each document."""

    _kept: dict[str, _Kept] = field(default_factory=dict)
    _packages: dict[str, Package] = field(default_factory=dict)

    def resolution(self, declared: Declared, adapter: Adapter, context: Context) -> Resolution:
        """Resolve a document, or return what was made of the very same before."""
        origin = str(declared.document.origin)
        is_of_values = any(
            origin in held for held in (context.archives, context.contents, context.files)
        )
        if is_of_values or adapter.traits.shape is Shape.RUNS:
            return adapter.resolve(declared, context)
        wants = adapter.wants(declared, context)
        catalog = {want: context.catalog[want] for want in wants if want in context.catalog}
        seen = replace(
            context,
            catalog=catalog,
            archives={},
            contents={},
            files={},
            started={},
            unresolved=frozenset(),
        )
        kept = self._kept.get(origin)
        if kept is not None and _is_same(kept, declared, seen):
            return kept.resolution
        made = adapter.resolve(declared, context)
        self._kept[origin] = _Kept(declared, replace(seen, packages=dict(seen.packages)), made)
        return made

    def offered(self, origin: str, package: Package) -> Package:
        """Return what plans see of a package: the same as before, where it offers the same."""
        bare = replace(package, code={})
        kept = self._packages.get(origin)
        if kept != bare:
            self._packages[origin] = kept = bare
        return kept

    def keep(self, declared: Iterable[Declared]) -> None:
        """Forget what belongs to other documents than these."""
        origins = {str(item.document.origin) for item in declared}
        self._kept = {origin: kept for origin, kept in self._kept.items() if origin in origins}
        self._packages = {name: kept for name, kept in self._packages.items() if name in origins}


def _is_same(kept: _Kept, declared: Declared, seen: Context) -> bool:
    return (
        kept.declared.document is declared.document
        and kept.declared.spec == declared.spec
        and abs(seen.now - kept.context.now) < _LONGEST
        and replace(seen, now=kept.context.now) == kept.context
    )
