"""Reads the code that is registered in project-domains, and writes it as packages of one set."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from reconciler.backends.port import Backend
from reconciler.engine import inventory
from reconciler.engine.inventory import Export, Selection
from reconciler.errors import UsageError
from reconciler.export import names, package
from reconciler.export.document import LeftOut
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Packaged, Wanted

_NAME = "code"
"""What the package of a project-domain is called, with its place where there are several."""


async def export(
    backend: Backend, selection: Selection, *, version: str = "", set_name: str = ""
) -> Export:
    """Write one package per project-domain that has code; the names asked for bring their needs.

    Raises UsageError for a project or domain that there is not, and where nothing has the version,
    BackendError when a part could not be read.
    """
    around = sorted(await inventory.places(backend, selection))
    wanted = Wanted(names=selection.names, version=version)
    read = await asyncio.gather(*(backend.package(place, wanted) for place in around))
    found = {_key(place): one for place, one in zip(around, read, strict=True)}
    packages = {key: one for key, one in found.items() if one.content}
    if version and not packages and not any(one.left_out for one in found.values()):
        raise UsageError(f"--version: {version}: nothing is registered under it there")
    places = tuple(key.place for key in packages)
    home = next(iter(places), Place(""))
    alone = home if len(places) == 1 else Place("")
    called = names.document_names(packages)
    return Export(
        set_name=set_name or names.set_name(places),
        defaults=home,
        places=places,
        exported=tuple(
            package.export(key, one, name=called[key], defaults=alone)
            for key, one in packages.items()
        ),
        left_out=tuple(_left_out(found)),
        warnings=tuple(text for one in found.values() for text in one.warnings),
        archives={key: one.content for key, one in packages.items()},
    )


def _key(place: Place) -> Key:
    return Key(package.KIND, place.project, place.domain, _NAME)


def _left_out(found: Mapping[Key, Packaged]) -> list[LeftOut]:
    return [
        LeftOut(key, reason)
        for one in found.values()
        for key, reason in sorted(one.left_out.items())
    ]
