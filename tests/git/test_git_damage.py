"""What crashes, full disks and hostile repositories do to a mirror passes, or is told."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import git_kit
import pytest
from git_kit import Repository, git
from test_git_fetch import fault_of, files, find, mirror_of

from reconciler.git import program, scratch, semver
from reconciler.git.access import Access
from reconciler.git.faults import Fault, SourceError
from reconciler.git.mirror import Mirror
from reconciler.git.program import Call, Limits
from reconciler.git.source import Wanted
from reconciler.model.secret import Secret


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = git_kit.repository(tmp_path)
    found.pushed({"deploy/a.yaml": "a: 1\n", "README": "hello\n"})
    return found


def _emptied(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*.*"):
        path.chmod(0o600)
        path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [
        lambda mirror: (mirror / "refs" / "heads" / "main.lock").touch(),
        lambda mirror: (mirror / "config.lock").touch(),
        lambda mirror: (mirror / "refs" / "heads" / "main").write_text(""),
        lambda mirror: (mirror / "refs" / "heads" / "main").write_text("1" * 40 + "\n"),
        lambda mirror: (mirror / "config").write_text("[core"),
        lambda mirror: (mirror / "shallow").write_text("x"),
        _emptied,
    ],
    ids=["lock", "lock of settings", "empty", "points nowhere", "settings", "shallow", "packs"],
)
def test_damaged_mirror_is_made_anew(
    repository: Repository, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        find(one)
        damage(one.folder)
        commit = repository.pushed({"deploy/a.yaml": "a: 2\n"})
        assert find(one).commit == commit
        assert files(one, find(one), tmp_path / "out")["deploy/a.yaml"] == "a: 2\n"


def test_lost_objects_are_fetched_again(repository: Repository, tmp_path: Path) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        found = find(one)
        _emptied(one.folder)
        with one.alone(), pytest.raises(SourceError, match="fetched anew") as caught:
            one.extract(found.tree, tmp_path / "none", name="it")
        assert caught.value.fault is Fault.FETCH
        assert files(one, find(one), tmp_path / "out")["README"] == "hello\n"


def test_mirror_stays_when_it_is_the_server_that_says_no(
    repository: Repository, tmp_path: Path
) -> None:
    with git_kit.web(repository.top, user="u", password="p") as web:
        url = f"{web.url}/specs.git"
        one = mirror_of(url, tmp_path / "c", username="u", password="p")
        find(one)
        (one.folder / "mark").touch()
        web.fault = 401
        assert fault_of(one).fault is Fault.FETCH
        web.fault = 500
        assert fault_of(one).fault is Fault.FETCH
        assert (one.folder / "mark").exists()


def test_branch_that_takes_the_place_of_others_is_fetched(
    repository: Repository, tmp_path: Path
) -> None:
    def moved(old: str, new: str) -> None:
        git(repository.bare, "update-ref", "-d", f"refs/heads/{old}")
        git(repository.bare, "update-ref", f"refs/heads/{new}", "main")

    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        kept = find(one)
        one.keep("team", kept.commit)
        for old, new in (("none", "a/b/c"), ("a/b/c", "a/b"), ("a/b", "a/b/d")):
            moved(old, new)
            assert find(one, Wanted(branch=new)).commit == kept.commit
        assert one.commit("refs/kept/team") == kept.commit


def test_repository_of_longer_hashes_is_fetched(tmp_path: Path) -> None:
    bare, work = tmp_path / "served" / "specs.git", tmp_path / "work"
    bare.parent.mkdir()
    git(tmp_path, "init", "-q", "--object-format=sha256", "--bare", str(bare))
    git(tmp_path, "init", "-q", "--object-format=sha256", str(work))
    made = Repository(bare.parent, bare, work)
    first = made.pushed({"a.yaml": "a: 1\n"})
    with git_kit.web(bare.parent) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        assert find(one).revision == f"main@sha256:{first}"
        second = made.pushed({"a.yaml": "a: 2\n"})
        found = find(one)
        assert files(one, found, tmp_path / "out") == {"a.yaml": "a: 2\n"}
        assert one.follows(first, second)
        wanted = Wanted(branch="main", reset_to=first)
        assert find(one, wanted).commit == first


def test_tree_that_names_itself_over_and_over_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    work = repository.work

    def tree(lines: str) -> str:
        made = subprocess.run(
            ["git", "mktree"], cwd=work, input=lines, text=True, capture_output=True, check=True
        )
        return made.stdout.strip()

    blob = git(work, "rev-parse", "HEAD:README")
    top = tree("".join(f"100644 blob {blob}\tf{number}.yaml\n" for number in range(10)))
    for _ in range(9):
        top = tree("".join(f"040000 tree {top}\td{number}\n" for number in range(10)))
    commit = git(work, "commit-tree", "-p", "HEAD", "-m", "ten billion files", top)
    repository.push(f"{commit}:refs/heads/main")
    begun = time.monotonic()
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        with pytest.raises(SourceError, match="more than the 20,000 files"):
            files(one, find(one), tmp_path / "out")
    assert time.monotonic() - begun < 20


def test_what_a_killed_fetch_left_behind_does_not_grow(
    repository: Repository, tmp_path: Path
) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c", limits=Limits(mirror_bytes=1 << 20))
        find(one)
        left = one.folder / "objects" / "pack" / "tmp_pack_x"
        left.write_bytes(b"x" * (2 << 20))
        assert find(one).name == "main"
        assert not left.exists()


def test_disk_that_cannot_be_written_is_told(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with git_kit.web(repository.top) as web:
        url = f"{web.url}/specs.git"
        told = fault_of(mirror_of(url, tmp_path / "file"))
        assert (told.fault, "file exists; free space there" in str(told)) == (Fault.FETCH, True)
        one = mirror_of(url, tmp_path / "c")
        find(one)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
        assert "no such file or directory; free space" in str(fault_of(one))


def test_memory_of_git_and_its_children_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_git(tmp_path, monkeypatch, 'sh -c "ulimit -d"')
    assert program.run(("x",), Call()) == b"2097152\n"
    small = Call(limits=Limits(mirror_bytes=10))
    assert program.run(("x",), small) == b"1048576\n"


def test_git_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to(shell)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(SourceError, match=r"git: it cannot be started \(.*\); install git"):
        program.run(("version",), Call(), is_quiet=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"git: it cannot be started \(.*\); install git"):
        program.run(("version",), Call())


def test_git_ends_when_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_git(tmp_path, monkeypatch, "sleep 50")
    limits = Limits()
    threading.Timer(0.5, limits.end.set).start()
    begun = time.monotonic()
    for _ in range(2):
        with pytest.raises(SourceError, match="git x: it was asked to end"):
            program.run(("x",), Call(limits=limits))
    assert time.monotonic() - begun < 5


def _fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")


def test_folders_of_killed_processes_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = (
        "from reconciler.git import scratch\n"
        "with scratch.folder('way') as made:\n"
        "    (made / 'identity').write_text('key')\n"
        "    print(made, flush=True)\n"
        "    input()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert child.stdout is not None
    made = Path(child.stdout.readline().decode().strip())
    assert made.stat().st_mode & 0o77 == 0
    with scratch.folder("own") as own:
        assert scratch.sweep() == 0
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert (made / "identity").exists()
        assert scratch.sweep() == 1
        assert (made.exists(), own.exists()) == (False, True)
    assert not own.exists()


def test_password_is_hidden_however_it_is_written() -> None:
    given = Access(username="u", password=Secret("p&s/word"))
    pair = base64.b64encode(b"u:p&s/word").decode()
    text = given.hide(f"p&s/word, p%26s%2Fword, Basic {pair}")
    assert text == "***, ***, Basic ***"


def test_tags_that_are_longer_than_any_are_left_out(tmp_path: Path) -> None:
    class Long(Mirror):
        def heads(self, *_: str) -> dict[str, str]:
            return {f"refs/tags/{tag}": "a" * 40 for tag in ("v1.0.0", f"v1.0.1-{'9' * 5000}")}

    from reconciler.git import remote, source

    one = Long(remote=remote.read("https://git.example.com/x"), folder=tmp_path)
    assert source._newest(one, ">=1.0.0-0").name == "v1.0.0"
    assert semver.parse("v1.0.1-9") is not None
