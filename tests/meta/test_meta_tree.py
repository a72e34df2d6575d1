"""What holds for the files of the repository, whatever they are about."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
HOSTS = ("pypi" + ".org", "files.python" + "hosted", "proxy.golang" + ".org", "registry.npm" + "js")
MACHINE = re.compile(rb"""(?:^|[\s"'`=(<\[:])/(?:work|root|opt/work)/""", re.MULTILINE)
LONGEST = 600
"""Lines of a module."""


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_names_a_machine_or_a_registry() -> None:
    files = _tracked()
    assert len(files) > 100
    found = []
    for path in files:
        content = path.read_bytes()
        found += [f"{_shown(path)}: {host}" for host in HOSTS if host.encode() in content]
        found += [f"{_shown(path)}: {place!r}" for place in MACHINE.findall(content)]
    assert found == []


@pytest.mark.parametrize("text", ["see /work" + "/x", '"/opt/wo' + 'rk/y"', "path: `/root" + "/z`"])
def test_a_place_on_a_machine_is_recognised(text: str) -> None:
    assert MACHINE.search(text.encode())


def test_no_module_is_long() -> None:
    long = {_shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_every_module_and_public_name_has_a_docstring() -> None:
    missing = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            assert path.name == "__init__.py", path  # a room without a word of its own
            continue
        tree = ast.parse(text)
        if not ast.get_docstring(tree):
            missing.append(_shown(path))
        missing += [f"{_shown(path)}:{place}" for place in _undocumented(tree)]
    assert missing == []


def _undocumented(tree: ast.Module | ast.ClassDef) -> list[str]:
    missing = []
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if node.name.startswith("_") or _is_signature(node):
            continue
        if not ast.get_docstring(node):
            missing.append(f"{node.lineno} {node.name}")
        if isinstance(node, ast.ClassDef):
            missing += _undocumented(node)
    return missing


def _is_signature(node: ast.stmt) -> bool:
    """Tell the members of a protocol, which its own docstring describes."""
    match node:
        case ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=value))]):
            return value is ...
        case _:
            return False
