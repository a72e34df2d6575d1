"""The code of one project-domain as a FlytePackage beside its archive."""

from __future__ import annotations

from glob import escape

from reconciler.export import names
from reconciler.export.document import Exported, document
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Packaged

KIND = "FlytePackage"
SUFFIX = ".tgz"


def export(key: Key, found: Packaged, *, name: str, defaults: Place) -> Exported:
    """Declare a package named `name`, with the plans active that are; `defaults` are left out."""
    spec: dict[str, Json] = {}
    if key.place != defaults:
        spec |= {"project": key.project, "domain": key.domain}
    spec["archive"] = names.package_file(key.place, suffix=SUFFIX).name
    if found.active:
        active: list[Json] = [
            {"name": escape(plan), "state": "Active"} for plan in sorted(found.active)
        ]
        spec["launchPlans"] = {"plans": active}
    return Exported(key, document(KIND, name, spec), found.warnings)
