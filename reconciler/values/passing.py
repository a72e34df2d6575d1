"""How inputs go to Flyte: by value, inside of what has them, or by reference to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.attachment import Upload
from reconciler.values.size import show_size
from reconciler.values.stand_ins import stand_in, uris

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.model.document import Json
    from reconciler.values.known import Known


def passing(literals: Mapping[str, Json], known: Known) -> Iterator[str]:
    """Say which inputs go by value and which by reference, where any goes by reference."""
    uploads = {
        stand_in(one): (written, one)
        for written, one in known.files.items()
        if isinstance(one, Upload)
    }
    values: list[str] = []
    references: list[str] = []
    for name, literal in sorted(literals.items()):
        found = list(uris(literal))
        files = [uploads[uri] for uri in dict.fromkeys(found) if uri in uploads]
        shown = ", ".join(f"{written}, {show_size(one.size)}" for written, one in files)
        if found:
            references.append(f"{name} ({shown}; uploaded unless Flyte has it)" if files else name)
        else:
            values.append(name)
    if not references:
        return
    by_value = f"; by value: {', '.join(values)}" if values else ""
    yield f"inputs by reference: {', '.join(references)}{by_value}"
