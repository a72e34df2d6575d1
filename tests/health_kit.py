"""What those who wait for custom resources make of them: Flux by kstatus, Argo CD by Lua."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from chart_kit import ROOT
from lupa.lua51 import LuaRuntime

EXAMPLES = ROOT / "examples" / "kubernetes"
AS_ARGO_SAYS = {
    "Current": "Healthy",
    "InProgress": "Progressing",
    "Failed": "Degraded",
    "Terminating": "Progressing",
}
"""The words of Argo CD for those of kstatus."""


def customizations() -> dict[str, Any]:
    """What the example tells Argo CD, by the kinds that it is about."""
    text = (EXAMPLES / "argocd-cm.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(yaml.safe_load(text)["data"]["resource.customizations"])


def argo(item: Mapping[str, Any]) -> tuple[str, str]:
    """Run the shipped Lua as Argo CD does: version 5.1, `obj` given, without string and io."""
    (script,) = (entry["health.lua"] for entry in customizations().values())
    lua = LuaRuntime(register_eval=False, register_builtins=False)
    for name in ("string", "io", "os", "math", "debug", "package", "require", "loadstring"):
        lua.globals()[name] = None
    lua.globals().obj = lua.table_from(item, recursive=True)
    said = lua.execute(script)
    return said.status, said.message


def kstatus(item: Mapping[str, Any]) -> str:
    """The status of an object that kstatus has no rules of its own for, by its published rules."""
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
