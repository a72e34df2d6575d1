"""A tree that somebody else wrote, planned offline: an error each, and nothing touched."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.api.snapshots import confined
from reconciler.backends.flyte1.adapters import ADAPTERS
from reconciler.engine.checking import check
from reconciler.engine.declaration import declare
from reconciler.errors import UsageError
from reconciler.sources import git

SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec: {defaults: {project: flytesnacks, domain: development}}
"""
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout beside a file that is nobody's business."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "reconcile.yaml").write_text(SYNC)
    (root / ".git").mkdir()
    (tmp_path / "canary.yaml").write_text("canary: outside\n")
    return root


def errors(root: Path) -> list[str]:
    """All that is wrong with the tree, told without a backend."""
    declaration = declare([], cwd=root, reach=confined(root))
    assert declaration.reach.is_offline
    return [str(item) for item in check(declaration, ADAPTERS, now=NOW).errors]


def package(archive: str, **spec: Any) -> str:
    return json.dumps(
        {
            "apiVersion": "flyte.reconciler.dev/v1alpha1",
            "kind": "FlytePackage",
            "metadata": {"name": "etl"},
            "spec": {"archive": archive, **spec},
        }
    )


@pytest.fixture(autouse=True)
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder `.git` here is empty, and only says where the tree ends."""
    monkeypatch.setattr(git, "describe", lambda _: None)


def test_links_and_paths_out_of_the_tree(tree: Path) -> None:
    (tree / "link.yaml").symlink_to(tree.parent / "canary.yaml")
    (tree / "reconcile.yaml").write_text(SYNC.replace("spec: {", "spec: {paths: ['.', ..], "))

    found = errors(tree)

    assert any("link.yaml: the symbolic link leaves" in item for item in found), found
    assert any("the path leaves" in item for item in found), found
    assert not any("canary: outside" in item for item in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!!python/object/apply:os.system ['touch canary']\n", "tag"),
        (
            "a: &a [x, x, x, x]\n"
            + "".join(
                f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
                for before, name in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "alias",
        ),
        ("x" * (17 << 20), "large"),
    ],
    ids=["tags", "bomb", "huge"],
)
def test_documents_that_are_more_than_they_seem(tree: Path, text: str, said: str) -> None:
    (tree / "bad.yaml").write_text(text)

    found = errors(tree)

    assert {item.partition(":")[0] for item in found} == {"bad.yaml"}
    assert said in found[0]
    assert not (tree / "canary").exists()


@pytest.mark.parametrize("archive", ["../canary.yaml", "/etc/passwd", "file:///etc/passwd", "link"])
def test_packages_out_of_the_tree(tree: Path, archive: str) -> None:
    (tree / "link").symlink_to(tree.parent)
    (tree / "package.json").write_text(package(archive))

    found = errors(tree)

    said = f"{archive} leads out of the tree, which alone is read here"
    assert [item for item in found if item.startswith("package.json:1:") and said in item]


@pytest.mark.parametrize("scheme", ["https", "s3", "http"])
def test_packages_by_address_open_no_connection(
    tree: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: opened.append(address))
    address = f"{scheme}://169.254.169.254/latest/meta-data"
    (tree / "package.json").write_text(package(address, sha256="0" * 64))

    (found,) = errors(tree)

    assert "is not fetched by a plan that uses no network" in found or "scheme" in found
    assert opened == []


def test_archives_with_members_that_lead_out(tree: Path) -> None:
    with tarfile.open(tree / "package.tgz", "w:gz") as tar:
        member = tarfile.TarInfo("../../canary")
        member.size = 6
        tar.addfile(member, io.BytesIO(b"canary"))
    (tree / "package.json").write_text(package("package.tgz"))

    (found,) = errors(tree)

    assert "leads out of the archive" in found
    assert not (tree.parent / "canary").exists()


def test_a_repository_within_the_tree_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare repository in a folder would bring settings of its own, and with them programs."""
    monkeypatch.undo()
    canary = tmp_path / "canary"
    root = tmp_path / "checkout"
    run = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run([*run, "init", "--quiet", str(root)], check=True)
    subprocess.run(["git", "init", "--quiet", "--bare", str(root / "set")], check=True)
    (root / "set" / "reconcile.yaml").write_text(SYNC)
    with (root / "set" / "config").open("a") as config:
        config.write(f"[core]\n\tworktree = .\n\tfsmonitor = touch {canary}\n")
    subprocess.run([*run, "-C", str(root), "add", "."], check=True)
    subprocess.run([*run, "-C", str(root), "commit", "-q", "-m", "x"], check=True)

    with pytest.raises(UsageError, match="cannot use bare repository"):
        git.describe(root / "set")
    assert not canary.exists()
