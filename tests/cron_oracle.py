"""The cron library of Flyte's own schedulers, asked by tests: built from `tests/oracle/cron`."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import go_tools

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

_FOLDER = Path(__file__).parent / "oracle" / "cron"
_PROGRAM = go_tools.Tools(_FOLDER, (".",))


def answers(asked: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The questions with the library's answers, in order."""
    lines = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run(
        [str(go_tools.folder_of(_PROGRAM) / "cron")],
        env=os.environ | {"ZONEINFO": str(resources.files("tzdata") / "zoneinfo")},
        input=lines.encode(),
        capture_output=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def questions() -> ModuleType:
    """The module that makes questions up."""
    spec = importlib.util.spec_from_file_location("oracle_cron", _FOLDER / "questions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
