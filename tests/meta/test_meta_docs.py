"""What the documents say is what the program is, and what they point at is there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from reconciler.api.offline import adapters_for
from reconciler.cli import exit_codes
from reconciler.cli.main import COMMANDS, DEFAULT, cli
from reconciler.engine.declaration import declare
from reconciler.engine.planning import resolve_offline
from reconciler.model.origin import Severity

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
TOLD = [*DOCUMENTS, ROOT / "CHANGELOG.md", *sorted((ROOT / "examples").rglob("README.md"))]
SETS = sorted(path.parent for path in (ROOT / "examples").rglob("reconcile.yaml"))


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_index_of_decisions_lists_each_once_and_in_order() -> None:
    rows = re.findall(
        r"^\| \[(\d+)\]\((\S+)\) \| (.+) \|$", _text("docs/adr/README.md"), re.MULTILINE
    )
    assert [name for _, name, _ in rows] == DECISIONS
    assert [number for number, _, _ in rows] == [name.partition("-")[0] for name in DECISIONS]
    for number, name, title in rows:
        assert title in _text(f"docs/adr/{name}").splitlines()[0], number


def test_every_command_is_in_the_documents() -> None:
    said = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    rows = re.findall(r"^\| (`reconcile .+?) \|", said, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`(?:reconcile )?([a-z]+)", row)}
    named |= set(re.findall(r"`reconcile ([a-z]+)", said))
    assert [command for command in COMMANDS if command not in named] == []


def _said(text: str) -> list[list[str]]:
    """Find the calls in a document, in sentences and in blocks, as the words after `reconcile`."""
    calls = re.findall(r"(?<!`)`reconcile ([^`]+)`", text)
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        lines = re.sub(r"\\\n\s*", " ", block)
        calls += re.findall(r"^(?:\$ )?reconcile ([^\n|;&#]+)", lines, re.MULTILINE)
    return [re.sub(r"[\[\]]", "", call).split(" -- ")[0].split() for call in calls]


def _options(words: list[str]) -> set[str]:
    context = click.Context(cli)
    command = cli.get_command(context, words[0] if words[0] in COMMANDS else DEFAULT)
    if isinstance(command, click.Group) and len(words) > 1:
        command = command.get_command(context, words[1]) or command
    assert command is not None
    params = command.get_params(context)
    return {option for param in params for option in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("path", TOLD, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_in_the_documents_are_those_of_the_commands(path: Path) -> None:
    for words in _said(path.read_text(encoding="utf-8")):
        given = {word.partition("=")[0].rstrip(",.)") for word in words if word.startswith("--")}
        assert given <= _options(words), " ".join(words)


def test_readme_tells_the_exit_codes() -> None:
    (said,) = re.findall(r"^Exit codes: (.*?)\.$", _text("README.md"), re.MULTILINE | re.DOTALL)
    ours = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert {int(number) for number in re.findall(r"\b\d+\b", said)} == ours
    assert re.match(rf"{exit_codes.OK} done or in sync; {exit_codes.ERROR} any error; ", said)
    assert f"{exit_codes.PENDING} changes pending" in said
    assert f"{exit_codes.REFUSED} refused" in said
    assert f"{exit_codes.UNREACHABLE} backend unreachable" in said.replace("\n", " ")


def test_words_of_the_glossary_are_sorted_and_each_is_there_once() -> None:
    words = re.findall(r"^\| ([^|]+) \| .+ \|$", _text("docs/glossary.md"), re.MULTILINE)
    assert words[0] == "word"
    assert words[1:] == sorted(set(words[1:]))


def test_there_are_examples() -> None:
    names = {path.relative_to(ROOT).parts[1] for path in SETS}
    assert names == {"flyte2", "promotion", "quickstart", "realworld"}


@pytest.mark.parametrize("path", SETS, ids=lambda path: str(path.relative_to(ROOT)))
def test_example_is_valid(path: Path) -> None:
    declaration = declare((str(path),), cwd=ROOT)
    problems = list(declaration.problems)
    if not problems:
        resolved = resolve_offline(
            declaration, adapters_for(declaration, cwd=ROOT), now=datetime(2026, 5, 1, tzinfo=UTC)
        )
        problems += resolved.problems
        assert resolved.unchecked == 0, "the inputs of every plan are checked by its package"
    assert [str(item) for item in problems if item.severity is Severity.ERROR] == []
    assert declaration.declared
