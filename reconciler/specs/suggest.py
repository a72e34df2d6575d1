"""Guesses what somebody meant who wrote a name that is none of ours."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 64
"""Longer words are no slip of the pen, and comparing them takes its time."""

_SYNONYMS = {
    "defaultinputs": "inputs",
    "default": "inputs",
    "fixed": "fixedInputs",
    "rate": "every",
    "interval": "every",
    "fixedrate": "every",
    "cronexpression": "cron",
    "cronschedule": "cron",
    "tz": "timezone",
    "kickofftimeinputarg": "kickoffInput",
    "outputdataprefix": "rawOutputPrefix",
    "rawoutputdataconfig": "rawOutputPrefix",
    "rawoutputdataprefix": "rawOutputPrefix",
    "env": "envs",
    "environment": "envs",
    "environmentvariables": "envs",
    "k8sserviceaccount": "serviceAccount",
    "assumableiamrole": "iamRole",
    "behavior": "onLimit",
    "active": "state",
    "enabled": "state",
    "address": "endpoint",
    "host": "endpoint",
    "url": "endpoint",
    "authtype": "mode",
    "id": "name",
    "workflowref": "workflow",
    "emails": "email",
    "recipientsemail": "email",
}
"""Names that flytectl, flytekit, the IDL and habit have for what we call otherwise."""


def suggest(written: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that was most likely meant, None when nothing is near."""
    names = {_plain(name): name for name in allowed}
    if len(written) > _LONGEST:
        return None
    plain = _plain(written)
    if plain in names:
        return names[plain]
    synonym = _SYNONYMS.get(plain)
    if synonym is not None and _plain(synonym) in names:
        return synonym
    near = difflib.get_close_matches(plain, names, n=1, cutoff=0.7)
    return names[near[0]] if near else None


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
