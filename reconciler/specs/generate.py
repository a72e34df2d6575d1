"""Writes the published files of the language: schemas, annotated examples and CRDs.

Run by `make generate`; tests check that they are current. The chart has the CRDs a second time,
since Helm reads nothing that is outside of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from reconciler.specs import annotate, crd, schema
from reconciler.specs.registry import KINDS

COMMAND = "python -m reconciler.specs.generate specs/ crds/ charts/flyte-reconciler/files/crds/"
"""What brings the published files up to date."""

COMBINED = "all.schema.json"


def files() -> dict[str, str]:
    """Return the text of every published schema and example by its name."""
    found = {COMBINED: _json(schema.combined())}
    for kind in KINDS:
        found[f"{kind}.schema.json"] = _json(schema.schema(kind))
        found[f"{kind}.example.yaml"] = annotate.example(kind)
    return found


def write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write files by their names; returns the paths of those that changed."""
    changed = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _json(value: schema.Schema) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _main(arguments: list[str]) -> int:
    match arguments:
        case [published, *definitions] if definitions:
            written = write(Path(published), files())
            for folder in definitions:
                written += write(Path(folder), crd.files())
            sys.stdout.writelines(f"wrote {path}\n" for path in written)
            return 0
        case _:
            sys.stderr.write(f"usage: {COMMAND}\n")
            return 1


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
