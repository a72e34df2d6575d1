"""Facts about checkouts made on the spot with the git program."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from reconciler.errors import UsageError
from reconciler.sources.git import at_head, describe, is_ancestor, normalise

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *command: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *command], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "deploy" / "prod").mkdir(parents=True)
    (folder / "deploy" / "prod" / "reconcile.yaml").write_text("a: 1\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_source_names_the_repository_and_the_folder(checkout: Path) -> None:
    root = git(checkout, "rev-parse", "HEAD")
    found = describe(checkout / "deploy" / "prod")
    assert found is not None
    assert found.source == f"git:{root}#deploy/prod"
    assert (found.commit, found.path, found.is_dirty) == (root, "deploy/prod", False)
    git(checkout, "remote", "add", "origin", "https://user:secret@Example.com/org/repo.git")
    found = describe(checkout / "deploy" / "prod" / "reconcile.yaml")
    assert found is not None
    assert found.source == "example.com/org/repo#deploy/prod"
    top = describe(checkout)
    assert top is not None
    assert top.source == "example.com/org/repo"


def test_folder_is_dirty_by_its_own_files_only(checkout: Path) -> None:
    def is_dirty() -> bool:
        found = describe(checkout / "deploy" / "prod")
        assert found is not None
        return found.is_dirty

    (checkout / "README").write_text("elsewhere")
    (checkout / "deploy" / "prod" / ".reconcile").mkdir()
    (checkout / "deploy" / "prod" / ".reconcile" / "db").write_text("ours")
    assert not is_dirty()
    (checkout / "deploy" / "prod" / "new.yaml").write_text("b: 1")
    assert is_dirty()


def test_no_repository_and_no_commit_are_none(tmp_path: Path) -> None:
    assert describe(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert describe(tmp_path) is None


def test_broken_repository_is_an_error_and_not_another_source(checkout: Path) -> None:
    (checkout / ".git" / "config").write_text("[core\n")
    with pytest.raises(UsageError, match="git"):
        describe(checkout)


def test_ancestry(checkout: Path, tmp_path: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    second = git(checkout, "rev-parse", "HEAD")
    assert is_ancestor(checkout, first, second) is True
    assert is_ancestor(checkout, first, first) is True
    assert is_ancestor(checkout, second, first) is False
    assert is_ancestor(checkout, "0" * 40, second) is None
    assert is_ancestor(checkout, "--help", second) is None
    git(tmp_path, "clone", "-q", "--depth", "1", checkout.as_uri(), "shallow")
    assert is_ancestor(tmp_path / "shallow", first, second) is None
    with pytest.raises(UsageError, match="shallow"):
        describe(tmp_path / "shallow")


def test_hooks_and_monitors_of_the_checkout_never_run(checkout: Path) -> None:
    trap = checkout / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{checkout}/ran'\n")
    trap.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", str(trap))
    git(checkout, "config", "core.pager", str(trap))
    git(checkout, "config", "core.hooksPath", str(checkout))
    describe(checkout)
    is_ancestor(checkout, "0" * 40, "1" * 40)
    assert not (checkout / "ran").exists()


def test_environment_cannot_point_elsewhere(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert describe(checkout) is not None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/org/repo.git", "github.com/org/repo"),
        ("https://github.com/org/repo/", "github.com/org/repo"),
        ("https://token@GitHub.com:443/org/repo", "github.com/org/repo"),
        ("git@github.com:org/repo.git", "github.com/org/repo"),
        ("github.com:org/repo", "github.com/org/repo"),
        ("ssh://git@github.com:22/org/repo.git", "github.com/org/repo"),
        ("ssh://git@git.example.com:7999/org/repo.git", "git.example.com/org/repo"),
        ("https://git.example.com:8443/a/b/c.git", "git.example.com:8443/a/b/c"),
        ("file:///srv/repo.git", None),
        ("/srv/repo.git", None),
        ("../repo", None),
        ("https://", None),
        ("https://[bad/x", None),
    ],
)
def test_urls_of_one_repository_have_one_name(url: str, name: str | None) -> None:
    assert normalise(url) == name


def test_files_are_compared_with_the_last_commit(checkout: Path) -> None:
    folder = checkout / "deploy" / "prod"
    names = ["as it was.yaml", "edited.yaml", "staged.yaml", "*.yaml"]
    for name in names:
        (folder / name).write_text("a: 1\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "second")
    for name in ("edited.yaml", "staged.yaml"):
        (folder / name).write_text("a: 2\n")
    git(checkout, "add", str(folder / "staged.yaml"))
    (folder / "new.yaml").write_text("a: 1\n")
    files = {folder / name for name in (*names, "new.yaml")} | {checkout.parent / "outside.yaml"}
    assert at_head(checkout, files) == {
        folder / "as it was.yaml": True,
        folder / "edited.yaml": False,
        folder / "staged.yaml": False,
        folder / "*.yaml": True,
    }
    assert at_head(checkout, {folder / "*.yaml", checkout / "deploy" / ".." / "README"}) == {
        folder / "*.yaml": True
    }
    assert at_head(checkout, ()) == {}
