"""What kstatus says of a custom resource: the rules that Flux and others wait by, as published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def status_of(item: Mapping[str, Any]) -> str:
    """The status of an object of a kind that kstatus has no rules of its own for."""
    metadata, status = item.get("metadata", {}), item.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    generations = metadata.get("generation"), status.get("observedGeneration")
    if None not in generations and generations[0] != generations[1]:
        return "InProgress"
    conditions = status.get("conditions", [])
    for condition in conditions:
        if condition["type"] == "Reconciling" and condition["status"] == "True":
            return "InProgress"
        if condition["type"] == "Stalled" and condition["status"] == "True":
            return "Failed"
    for condition in conditions:
        if condition["type"] == "Ready":
            return "Current" if condition["status"] == "True" else "InProgress"
    return "Current"
