"""Writes the published files of the language: schemas and annotated examples.

Run as `python -m reconciler.specs.generate specs/`; a test checks that the files are current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from reconciler.specs import annotate, schema
from reconciler.specs.registry import KINDS

COMMAND = "python -m reconciler.specs.generate specs/"
"""What brings the published files up to date."""

COMBINED = "all.schema.json"


def files() -> dict[str, str]:
    """Return the text of every published file by its name."""
    found = {COMBINED: _json(schema.combined())}
    for kind in KINDS:
        found[f"{kind}.schema.json"] = _json(schema.schema(kind))
        found[f"{kind}.example.yaml"] = annotate.example(kind)
    return found


def write(folder: Path) -> list[Path]:
    """Write every published file; returns the paths of those that changed."""
    changed = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _json(value: schema.Schema) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _main(arguments: list[str]) -> int:
    match arguments:
        case [folder]:
            sys.stdout.writelines(f"wrote {path}\n" for path in write(Path(folder)))
            return 0
        case _:
            sys.stderr.write(f"usage: {COMMAND}\n")
            return 1


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
