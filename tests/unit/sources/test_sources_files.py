"""Which files are read, and that nothing unreadable passes in silence."""

from __future__ import annotations

import io
import os
import socket
from typing import TYPE_CHECKING

import pytest

from reconciler.sources.files import discover, parse_stdin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("b.yaml", "a.yml", "z.json", "sub/c.yaml", "sub/deep/d.yaml", "a-sub/e.yaml"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"name": "{name}"}}')
    for name in (".git/x.yaml", ".hidden.yaml", "README.md", "sub/values.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("- no mapping")
    return root


def names(found: object) -> list[str]:
    return [str(document.value["name"]) for document in found.documents]  # type: ignore[attr-defined]


def test_folders_are_read_in_order_without_dot_folders_and_other_files(tree: Path) -> None:
    found = discover(["."], base=tree)
    assert names(found) == [
        "a.yml",
        "b.yaml",
        "z.json",
        "a-sub/e.yaml",
        "sub/c.yaml",
        "sub/deep/d.yaml",
    ]
    assert found.problems == ()
    assert found.is_whole
    assert len(found.files) == 6


def test_files_are_shown_as_the_user_gave_them(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    from pathlib import Path as LocalPath

    (document,) = discover(["tree/sub/deep"], base=LocalPath()).documents
    assert str(document.origin) == "tree/sub/deep/d.yaml:1:1"
    (document,) = discover(["sub/deep"], base=LocalPath("tree")).documents
    assert str(document.origin) == "sub/deep/d.yaml:1:1"
    (document,) = discover([tree / "sub/deep"], base=tree).documents
    assert str(document.origin) == f"{tree}/sub/deep/d.yaml:1:1"


def test_overlapping_paths_are_read_once(tree: Path) -> None:
    assert names(discover(["sub", "sub/c.yaml", "sub/deep"], base=tree)) == [
        "sub/c.yaml",
        "sub/deep/d.yaml",
    ]


def test_given_file_may_end_in_anything(tree: Path) -> None:
    (tree / "plan.txt").write_text("name: given")
    assert names(discover(["plan.txt", ".git/../b.yaml"], base=tree)) == ["given", "b.yaml"]


def test_missing_path_is_a_problem(tree: Path) -> None:
    found = discover(["nowhere", "sub"], base=tree)
    assert not found.is_whole
    assert "nowhere: it cannot be read (no such file or directory)" in str(found.problems[0])
    assert len(found.documents) == 2


def test_unreadable_folder_makes_the_tree_incomplete(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "deep":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover(["."], base=tree)
    assert not found.is_whole
    assert [problem.message for problem in found.problems] == [
        "the folder cannot be read (permission denied)"
    ]


def test_broken_document_makes_the_tree_incomplete_and_the_rest_is_read(tree: Path) -> None:
    (tree / "a.yml").write_text("a: [")
    found = discover(["."], base=tree)
    assert not found.is_whole
    assert len(found.documents) == 5


def test_links_inside_are_followed_and_loops_end(tree: Path) -> None:
    (tree / "loop").symlink_to(tree)
    (tree / "sub" / "up").symlink_to("..")
    (tree / "self").symlink_to("self")
    (tree / "link.yaml").symlink_to(".hidden.yaml")
    (tree / ".hidden.yaml").write_text("name: hidden")
    found = discover(["."], base=tree)
    assert names(found).count("b.yaml") == 1
    assert "hidden" in names(found)
    assert [problem.origin.file.rpartition("/")[2] for problem in found.problems] == ["self"]


@pytest.mark.parametrize("is_folder", [True, False])
def test_link_that_leaves_the_root_is_a_problem(tree: Path, is_folder: bool) -> None:
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "f.yaml").write_text("name: outside")
    (tree / "link.yaml").symlink_to(outside if is_folder else outside / "f.yaml")
    found = discover(["."], base=tree)
    assert "outside" not in names(found)
    assert not found.is_whole
    assert "the symbolic link leaves" in found.problems[0].message


def test_dangling_link_is_a_problem_since_it_may_have_been_a_folder(tree: Path) -> None:
    (tree / "shared").symlink_to("gone")
    found = discover(["."], base=tree)
    assert not found.is_whole
    assert found.problems[0].origin.file.endswith("shared")


def test_given_path_outside_is_read_unless_confined(tree: Path) -> None:
    assert names(discover(["../b.yaml"], base=tree / "sub")) == ["b.yaml"]
    found = discover(["../b.yaml", "c.yaml"], base=tree / "sub", is_confined=True)
    assert names(found) == ["sub/c.yaml"]
    assert "the path leaves" in found.problems[0].message


def test_only_regular_files_are_opened(tree: Path) -> None:
    os.mkfifo(tree / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tree / "s.yaml"))
        found = discover([".", "/dev/null"], base=tree)
    assert sorted(problem.message for problem in found.problems) == [
        "it is a device, not a file",
        "it is a pipe, not a file",
        "it is a socket, not a file",
    ]


def test_large_file_is_refused_without_reading_it_all(tree: Path) -> None:
    with (tree / "b.yaml").open("wb") as file:
        file.truncate(1 << 40)
    found = discover(["b.yaml"], base=tree)
    assert "larger than the limit of 5,242,880 bytes" in found.problems[0].message


def test_names_that_are_not_utf8_can_be_printed(tree: Path) -> None:
    name = os.fsdecode(b"\xff.yaml")
    (tree / name).write_text("- 1")
    found = discover(["."], base=tree)
    assert str(found.problems[0]).encode("utf-8").count(b"\\xff.yaml") == 1


def test_standard_input_is_never_whole() -> None:
    found = parse_stdin(io.BytesIO(b"a: 1\n---\nb: 2\n"))
    assert [str(document.origin) for document in found.documents] == ["-:1:1", "-:3:1"]
    assert not found.is_whole
    assert not found.problems
    assert str(parse_stdin(io.BytesIO(b"")).problems[0]).startswith("-:1:1: the file is empty")


def test_standard_input_has_a_limit() -> None:
    found = parse_stdin(io.BytesIO(b"a: " + b"x" * 100), max_bytes=20)
    assert "larger than the limit of 20 bytes" in found.problems[0].message
