"""docs/tutorial.md, followed to the letter: every block in one shell, in an empty directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from client_kit import KIT, ROOT, check_kit, environment

TUTORIAL = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 560


def blocks() -> list[tuple[str, str]]:
    """Each block of the tutorial: its language and its text, in their order."""
    return _BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))


def script() -> str:
    """One shell session: what a reader would paste, and a line before each block that tells it."""
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for number, (language, text) in enumerate(blocks()):
        if language == "bash":
            lines += [f"echo '@@ {number}'", text]
    return "\n".join(lines)


def follow(folder: Path) -> dict[int, str]:
    """Run the session; what each block said, by its number."""
    check_kit()
    home = folder.parent / "home"
    home.mkdir()
    programs = [str(Path(sys.executable).parent), str(KIT / "bin"), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-c", script()],
        cwd=folder,
        env={
            **environment(PATH=":".join(programs), HOME=str(home)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "XDG_CACHE_HOME": str(home / ".cache"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    parts = re.split(r"^@@ (\d+)$", done.stdout, flags=re.MULTILINE)
    return {int(number): said for number, said in zip(parts[1::2], parts[2::2], strict=True)}


def missing(shown: str, said: str) -> list[str]:
    """Lines that the tutorial shows and the block did not say, in their order."""
    left, lost = said.splitlines(), []
    for line in shown.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.rstrip().split("..."))
        at = next((i for i, one in enumerate(left) if re.fullmatch(pattern, one.rstrip())), None)
        if at is None:
            lost.append(line)
        else:
            left = left[at + 1 :]
    return lost


@pytest.mark.timeout(600)
def test_every_block_works_and_says_what_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    said = follow(folder)
    shown = [
        (number, text)
        for number, ((before, _), (language, text)) in enumerate(pairwise(blocks()))
        if language == "text" and before == "bash"
    ]
    assert len(shown) >= 10
    lost = {
        number: (missing(text, said[number]), said[number])
        for number, text in shown
        if missing(text, said[number])
    }
    assert lost == {}, lost
    listed = next(one for one in said.values() if "PROJECT  DOMAIN" in one)
    versions = re.findall(r"count-daily +shop-\w+\.(\w{16})", listed)
    assert len(versions) == 3
    assert len(set(versions)) == 1


def test_a_shown_line_that_was_not_said_is_missed() -> None:
    """The judge itself: it compares whole lines, in their order, `...` standing for anything."""
    assert missing("a ... c\nb", "x\na b c\nb\n") == []
    assert missing("b\na", "a\nb\n") == ["a"]
    assert missing("a", "a b\n") == ["a"]


def test_only_bash_and_what_it_says_is_in_the_tutorial() -> None:
    assert {language for language, _ in blocks()} == {"bash", "text"}
    assert shutil.which("openssl"), "the tutorial makes a certificate with it"
