"""Reading local files that inputs are given by: what counts, and what is refused."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from reconciler.model.attachment import LocalFile, Upload
from reconciler.model.interface import Unread
from reconciler.sources import local
from reconciler.sources.local import Limits


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    (root / "specs" / "data" / "day=2").mkdir(parents=True)
    (root / "specs" / "data" / "rows.csv").write_text("id\n1\n")
    (root / "specs" / "data" / "day=2" / "b.csv").write_text("id\n2\n")
    (root / "specs" / "data" / ".hidden").write_text("x")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("token")
    (tmp_path / "outside.csv").write_text("secret")
    return root


def read(tree: Path, written: str, limits: Limits = local.DEFAULT_LIMITS) -> Upload | Unread:
    return local.load(written, base=tree / "specs", tree=tree, limits=limits)


def test_file_has_the_digest_of_its_content_wherever_it_is(tree: Path) -> None:
    first = read(tree, "data/rows.csv")
    (tree / "rows.csv").write_text("id\n1\n")
    second = read(tree, "../rows.csv")
    (tree / "rows.csv").write_text("id\n9\n")
    third = read(tree, "../rows.csv")

    assert isinstance(first, Upload)
    assert isinstance(second, Upload)
    assert isinstance(third, Upload)
    assert (first.root, first.name) == (second.root, "rows.csv")
    assert third.root != first.root
    md5 = hashlib.md5(b"id\n1\n", usedforsecurity=False).digest()
    assert first.files == {"": LocalFile(tree / "specs" / "data" / "rows.csv", 5, md5)}


def test_folder_has_its_files_sorted_and_without_hidden_ones(tree: Path) -> None:
    found = read(tree, "data")
    assert isinstance(found, Upload)
    assert (found.name, list(found.files), found.size) == ("data", ["day=2/b.csv", "rows.csv"], 10)
    assert found.is_folder

    (tree / "specs" / "data" / "rows.csv").rename(tree / "specs" / "data" / "other.csv")
    moved = read(tree, "data/")
    assert isinstance(moved, Upload)
    assert moved.root != found.root


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("gone.csv", "does not exist"),
        ("../../outside.csv", "leads out of the folder of reconcile.yaml"),
        ("link.csv", "leads out of the folder of reconcile.yaml"),
        ("loop", "is a link that leads back to itself"),
        ("/etc/passwd", "is not relative"),
        ("~/rows.csv", "is not relative"),
        ("data\\rows.csv", "is not a path"),
        ("../.git/config", "is hidden"),
        ("..", "specs/link.csv is a link to a folder, or out of the set"),
        ("empty", "holds no files"),
        ("pipe", "is neither a file nor a folder"),
        ("my rows.csv", "cannot stand in a URI"),
    ],
)
def test_what_cannot_be_an_input_says_why(tree: Path, written: str, reason: str) -> None:
    specs = tree / "specs"
    (specs / "link.csv").symlink_to(tree.parent / "outside.csv")
    (specs / "empty").mkdir()
    (specs / "my rows.csv").write_text("x")
    os.mkfifo(specs / "pipe")
    if written == "loop":
        (specs / "loop").symlink_to("loop")
    if written == "..":
        (specs / "pipe").unlink()
        (specs / "my rows.csv").unlink()

    found = read(tree, written)

    assert isinstance(found, Unread)
    assert found.cause.startswith(f"{written}: ")
    assert reason in found.cause


def test_link_within_the_set_is_what_it_points_at(tree: Path) -> None:
    (tree / "specs" / "latest.csv").symlink_to(tree / "specs" / "data" / "rows.csv")

    found, target = read(tree, "latest.csv"), read(tree, "data/rows.csv")

    assert isinstance(found, Upload)
    assert isinstance(target, Upload)
    assert (found.root, found.name) == (target.root, "latest.csv")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(total_bytes=9), "larger than can be uploaded in one piece"),
        (Limits(files=1), "holds more than 1 files"),
    ],
)
def test_folder_over_a_limit_is_refused(tree: Path, limits: Limits, reason: str) -> None:
    found = read(tree, "data", limits)

    assert isinstance(found, Unread)
    assert reason in found.cause


def test_file_at_the_limit_is_taken_and_one_over_it_is_not(tree: Path) -> None:
    assert isinstance(read(tree, "data/rows.csv", Limits(total_bytes=5)), Upload)
    assert isinstance(read(tree, "data/rows.csv", Limits(total_bytes=4)), Unread)
