"""Local files in the inputs of a plan: stand-ins in a plan, locations once it is sent.

A live plan names where its files were uploaded to. Where a location ends in the digest and the name
of the file that is declared at that very spot, it is that file, and is read as its stand-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from reconciler.model.document import Json
from reconciler.values import stand_ins as values
from reconciler.values.stand_ins import local_uris, tail, uris, with_uris

Spot = tuple[str, str]
"""The part of a normal form that an input is in, and its name."""


def stand_ins(body: Mapping[str, Any]) -> frozenset[str]:
    """List the URIs in a plan's normal form that stand for local files."""
    return local_uris(literal for _, literal in _literals(body))


def located(body: dict[str, Json], locations: Mapping[str, str]) -> dict[str, Json]:
    """Put the locations of uploads in place of what stands for them."""
    if not locations:
        return body
    return _changed(body, lambda _spot, literal: values.located(literal, locations))


def recognised(
    live: dict[str, Json], declared: dict[str, Json]
) -> tuple[dict[str, Json], Mapping[str, str]]:
    """Read the locations of declared files in a live plan as what stands for them; say which."""
    tails = {tail(uri): uri for uri in stand_ins(declared)}
    if not tails:
        return live, {}
    found: dict[str, str] = {}
    for _, literal in _literals(live):
        for uri in uris(literal):
            stands = tails.get("/" + "/".join(uri.rsplit("/", 2)[1:]))
            if stands is not None:
                found.setdefault(stands, uri)
    wanted = {spot: list(uris(literal)) for spot, literal in _literals(declared)}

    def recognise(spot: Spot, literal: Json) -> Json:
        here = wanted.get(spot, [])
        if len(list(uris(literal))) != len(here):
            return literal
        each = iter(here)

        def change(uri: str) -> str:
            stands = next(each)
            return stands if found.get(stands) == uri else uri

        return with_uris(literal, change)

    return _changed(live, recognise), found


def _literals(body: Mapping[str, Any]) -> Iterator[tuple[Spot, Json]]:
    for name, item in body.get("defaultInputs", {}).items():
        yield ("defaultInputs", name), item["value"]
    for name, literal in body.get("fixedInputs", {}).items():
        yield ("fixedInputs", name), literal


def _changed(body: dict[str, Json], change: Callable[[Spot, Json], Json]) -> dict[str, Json]:
    parts = cast("dict[str, Any]", body)
    given: dict[str, dict[str, Json]] = {}
    for (part, name), literal in _literals(body):
        made = change((part, name), literal)
        if part == "defaultInputs":
            made = {**parts[part][name], "value": made}
        given.setdefault(part, {})[name] = made
    return {**body, **given}
