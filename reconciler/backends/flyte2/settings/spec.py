"""Resolves declared settings to the fields of a record for each level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from reconciler.backends.flyte2.settings import values
from reconciler.backends.flyte2.settings.rules import INSTALLATION, KIND
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.interface import Want
from reconciler.model.key import Key
from reconciler.model.origin import Origin
from reconciler.model.resource import Resource
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution
from reconciler.specs.owned import Owned
from reconciler.specs.settings import SettingsSpec
from reconciler.specs.validate import Declared


@dataclass(frozen=True, slots=True)
class SettingsAdapter:
    """Resolving of FlyteSettings documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Nothing has to be looked up."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the level."""
        del context
        return (_key(declared),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve the settings of the organisation or of a domain."""
        del context
        spec = cast("SettingsSpec", declared.spec)
        key = _key(declared)
        body = values.declared(spec)
        return Resolution(resources=(resource(key, body, spec, declared.document.origin),))


def _key(declared: Declared) -> Key:
    return Key(KIND, INSTALLATION, cast("SettingsSpec", declared.spec).domain or "")


def resource(key: Key, body: dict[str, Json], owner: Owned, origin: Origin) -> Resource:
    """Make the resource of one level, with what its document says of ownership."""
    return Resource(
        key=key,
        body=body,
        origin=origin,
        digest=digest(dict(body)),
        adopt=owner.adopt,
        protect=owner.protect,
    )
