"""What the cluster has, as far as this process has heard of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.operator.resources import Custom, Ref, read


@dataclass(slots=True)
class Store:
    """All custom resources by namespace; changed by what is watched and by what we wrote."""

    _objects: dict[str, dict[Ref, Custom]] = field(default_factory=lambda: defaultdict(dict))

    def put(self, raw: Mapping[str, Any]) -> tuple[Custom | None, Custom]:
        """Take an object in; returns what was known of it, and what is known now.

        News that is older than what is known is not taken: our own writes come back late.
        """
        metadata = raw["metadata"]
        ref = Ref(str(raw["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"]))
        known = self._objects[ref.namespace].get(ref)
        if known is not None and known.uid == metadata["uid"] and _is_older(metadata, known):
            return known, known
        found = read(raw, known)
        self._objects[ref.namespace][ref] = found
        return known, found

    def drop(self, ref: Ref, uid: str = "") -> Custom | None:
        """Forget an object that is gone, unless another one has its name by now."""
        known = self._objects[ref.namespace].get(ref)
        if known is None or (uid and known.uid != uid):
            return None
        return self._objects[ref.namespace].pop(ref)

    def get(self, ref: Ref) -> Custom | None:
        """Return an object, None when there is none."""
        return self._objects[ref.namespace].get(ref)

    def within(self, namespace: str) -> Iterator[Custom]:
        """Yield the objects of a namespace."""
        yield from list(self._objects[namespace].values())

    def all(self) -> Iterator[Custom]:
        """Yield every object."""
        for objects in list(self._objects.values()):
            yield from list(objects.values())

    def lost(self, kind: str, namespace: str, alive: Iterable[Ref]) -> list[Custom]:
        """Forget the objects of a list that it no longer has; an empty namespace is all of them."""
        there = set(alive)
        gone = [
            item
            for item in (self.within(namespace) if namespace else self.all())
            if item.ref.kind == kind and item.ref not in there
        ]
        for item in gone:
            self.drop(item.ref, item.uid)
        return gone


def _is_older(metadata: Mapping[str, Any], known: Custom) -> bool:
    version = str(metadata.get("resourceVersion") or "")
    if not (version.isdecimal() and known.version.isdecimal()):
        return False
    return int(version) < int(known.version)
