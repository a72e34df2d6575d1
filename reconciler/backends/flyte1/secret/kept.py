"""What a Kubernetes Secret tells of its keys: values, who set them, and a revision for each.

Kubernetes keeps one version for the whole Secret and, for each field, who applied it last. A key
that is still as we applied it has a revision made of the Secret's uid alone: neighbours may change,
it has not. Any other key has that of the whole Secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.secret import Secret

MANAGER = "flyte-reconciler"
MANAGED_BY = "app.kubernetes.io/managed-by"
SET = "flyte.reconciler.dev/set"


@dataclass(frozen=True, slots=True)
class Kept:
    """One Kubernetes Secret as it was read."""

    found: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Kept({self._metadata.get('namespace')}/{self._metadata.get('name')})"

    @property
    def uid(self) -> str:
        """Tell it from one that was made anew under the name."""
        return str(self._metadata.get("uid") or "")

    @property
    def version(self) -> str:
        """The version of the whole."""
        return str(self._metadata.get("resourceVersion") or "")

    @property
    def is_ours(self) -> bool:
        """Whether we made it."""
        return bool(self.labels.get(MANAGED_BY) == MANAGER)

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self._metadata.get("labels") or {}

    @property
    def keys(self) -> frozenset[str]:
        """The names of all keys."""
        return frozenset(self._data)

    @property
    def applied(self) -> frozenset[str]:
        """The keys that are as we applied them."""
        return frozenset(key for key in self._data if f"f:{key}" in self._ours.get("f:data", {}))

    @property
    def applied_labels(self) -> Mapping[str, str]:
        """The labels that are as we applied them."""
        ours = self._ours.get("f:metadata", {}).get("f:labels", {})
        return {name: value for name, value in self.labels.items() if f"f:{name}" in ours}

    @property
    def applied_type(self) -> str:
        """Its type, where we gave it."""
        return str(self.found.get("type") or "") if "f:type" in self._ours else ""

    def encoded(self, key: str) -> Secret[str]:
        """Return a value as Kubernetes keeps it."""
        return Secret(str(self._data[key]))

    def holds(self, key: str, value: Secret[bytes]) -> bool:
        """Whether a key has a value."""
        try:
            found = Secret(base64.b64decode(str(self._data[key]), validate=True))
        except (binascii.Error, ValueError):
            return False
        return found == value

    def revision(self, key: str) -> str:
        """Return the revision of a key, empty when it is absent."""
        if key not in self._data:
            return ""
        return f"{self.uid}/applied" if key in self.applied else f"{self.uid}/{self.version}"

    def changed(self, key: str) -> str:
        """Say who else set a key, and when."""
        for entry in self._entries():
            fields = entry.get("fieldsV1") or {}
            if f"f:{key}" in (fields.get("f:data") or {}) and entry is not self._our_entry:
                return f"{entry.get('manager')} at {entry.get('time')}"
        return ""

    @property
    def _metadata(self) -> Mapping[str, Any]:
        return self.found.get("metadata") or {}

    @property
    def _data(self) -> Mapping[str, Any]:
        return self.found.get("data") or {}

    @property
    def _ours(self) -> Mapping[str, Any]:
        entry = self._our_entry
        return (entry.get("fieldsV1") or {}) if entry else {}

    @property
    def _our_entry(self) -> Mapping[str, Any] | None:
        for entry in self._entries():
            is_main = not entry.get("subresource")
            if is_main and entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
                return entry
        return None

    def _entries(self) -> Iterator[Mapping[str, Any]]:
        yield from self._metadata.get("managedFields") or ()


ABSENT = Kept({})
