"""Commits are fetched from real servers, and nothing of a repository runs here."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import git_kit
import pytest
from git_kit import PASSWORD, USER, Repository, git

from reconciler.git import access, mirror, remote, source
from reconciler.git.faults import Fault, SourceError
from reconciler.git.mirror import Mirror
from reconciler.git.program import Limits
from reconciler.git.source import Found, Wanted
from reconciler.model.secret import Secret

MAIN = Wanted(branch="main")
ALL = frozenset({"http", "https", "ssh", "git"})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = git_kit.repository(tmp_path)
    found.pushed({"deploy/a.yaml": "a: 1\n", "README": "hello\n"})
    return found


def mirror_of(url: str, cache: Path, *, limits: Limits | None = None, **secrets: str) -> Mirror:
    given = access.read({name.replace("__", "."): Secret(text) for name, text in secrets.items()})
    return mirror.mirror_of(
        remote.read(url, schemes=ALL), cache=cache, access=given, limits=limits or Limits()
    )


def find(one: Mirror, wanted: Wanted = MAIN) -> Found:
    with one.alone():
        return source.find(one, wanted)


def files(one: Mirror, found: Found, into: Path) -> dict[str, str]:
    into.mkdir()
    one.extract(found.tree, into, name=found.commit[:12])
    return {
        path.relative_to(into).as_posix(): path.read_text()
        for path in sorted(into.rglob("*"))
        if path.is_file()
    }


def fault_of(one: Mirror, wanted: Wanted = MAIN) -> SourceError:
    with pytest.raises(SourceError) as caught:
        find(one, wanted)
    return caught.value


def test_branch_is_fetched_over_http_with_a_password(
    repository: Repository, tmp_path: Path
) -> None:
    with git_kit.web(repository.top, user=USER, password=PASSWORD) as web:
        url = f"{web.url}/specs.git"
        one = mirror_of(url, tmp_path / "cache", username=USER, password=f"{PASSWORD}\n")
        found = find(one, Wanted(branch="main", path="deploy"))

        assert found.commit == git(repository.work, "rev-parse", "HEAD")
        assert found.revision == f"main@sha1:{found.commit}"
        assert files(one, found, tmp_path / "out") == {"a.yaml": "a: 1\n"}
        wrong = fault_of(mirror_of(url, tmp_path / "cache", username=USER, password="no"))
        nobody = fault_of(mirror_of(url, tmp_path / "cache"))
    assert (wrong.fault, nobody.fault) == (Fault.FETCH, Fault.FETCH)
    assert "Authentication failed" in str(wrong)
    written = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert written
    assert not any(PASSWORD.encode() in path.read_bytes() for path in written)


def test_password_is_in_no_argument_and_no_message(repository: Repository, tmp_path: Path) -> None:
    seen: list[bytes] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.append(process.read_bytes())
                except OSError:
                    continue

    with git_kit.web(repository.top, user=USER, password=PASSWORD) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c", username=USER, password=PASSWORD)
        thread = threading.Thread(target=look)
        thread.start()
        try:
            for number in range(3):
                repository.pushed({"n": f"{number}"})
                find(one)
        finally:
            done.set()
            thread.join()
        web.fault = 500
        assert PASSWORD not in str(fault_of(one))
    assert any(b"git" in line for line in seen)
    assert not any(PASSWORD.encode() in line for line in seen)


def test_password_goes_to_its_own_server_only(repository: Repository, tmp_path: Path) -> None:
    with (
        git_kit.web(repository.top) as other,
        git_kit.web(repository.top, user=USER, password=PASSWORD) as web,
    ):
        web.redirect = other.url
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c", username=USER, password=PASSWORD)
        assert fault_of(one).fault is Fault.FETCH
        assert other.asked == []


def test_branch_is_fetched_over_ssh_from_a_known_host_only(
    repository: Repository, tmp_path: Path
) -> None:
    with git_kit.sshd(repository.top) as ssh:
        url = f"{ssh.url}/specs.git"
        one = mirror_of(url, tmp_path / "cache", identity=ssh.identity, known_hosts=ssh.known_hosts)
        assert find(one).commit == git(repository.work, "rev-parse", "HEAD")
        kind, key = git_kit.key_pair(tmp_path / "other").split()[:2]
        host = ssh.known_hosts.split()[0]
        fake = f"{host} {kind} {key}\n"
        foreign = (tmp_path / "other").read_text()
        changed = fault_of(mirror_of(url, tmp_path / "c2", identity=ssh.identity, known_hosts=fake))
        stranger = fault_of(
            mirror_of(url, tmp_path / "c3", identity=foreign, known_hosts=ssh.known_hosts)
        )
        bare = fault_of(mirror_of(url, tmp_path / "c4", identity=ssh.identity))
    assert changed.fault is Fault.FETCH
    assert "Host key verification failed" in str(changed)
    assert "Permission denied" in str(stranger)
    assert bare.fault is Fault.CREDENTIALS
    assert "known_hosts" in str(bare)


def test_git_daemon_is_refused_unless_it_is_allowed(repository: Repository, tmp_path: Path) -> None:
    with git_kit.daemon(repository.top) as url:
        with pytest.raises(SourceError, match="https, ssh are allowed"):
            remote.read(f"{url}/specs.git")
        assert find(mirror_of(f"{url}/specs.git", tmp_path / "c")).commit
    for scheme in ("file", "ext", "http", "git", "ftp"):
        with pytest.raises(SourceError) as caught:
            remote.read(f"{scheme}://host/x")
        assert caught.value.fault is Fault.ADDRESS


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@git.example.com/x",
        "https://hunter2@git.example.com/x",
        "ssh://user:hunter2@git.example.com/x",
        "-uhunter2:x/y",
        "ssh://-oProxyCommand=hunter2/x",
        "ext::sh -c hunter2",
        "/hunter2/x.git",
        "hunter2",
        "https:///hunter2",
        "https://git.example.com/",
        "https://git.example.com/x?token=hunter2",
        "https://git.example.com/x\nhunter2",
        "https://git.example.com:99999/hunter2",
        "user@-host:hunter2",
        "host:-hunter2",
    ],
)
def test_odd_addresses_are_refused_without_a_part_of_them(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        remote.read(url)
    assert caught.value.fault is Fault.ADDRESS
    assert "hunter2" not in str(caught.value)


def test_addresses_are_read() -> None:
    scp = remote.read("git@git.example.com:team/specs.git")
    assert (scp.scheme, scp.host, scp.port, scp.user) == ("ssh", "git.example.com", 22, "git")
    assert scp.name == remote.read("https://git.example.com/team/specs").name
    assert remote.read("https://[2001:db8::1]:8443/x").origin == "https://[2001:db8::1]:8443"


def test_what_is_wanted_is_found(repository: Repository, tmp_path: Path) -> None:
    first = git(repository.work, "rev-parse", "HEAD")
    for tag in ("v1.0.0", "v1.2.0", "v1.10.0", "v2.0.0-rc.1", "other"):
        git(repository.work, "tag", "-a", "-m", tag, tag, first)
    second = repository.pushed({"deploy/b.yaml": "b: 1\n"})
    git(repository.work, "tag", "light", second)
    repository.push("--tags")
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        assert find(one, Wanted()).name == "main"
        assert find(one, Wanted(tag="v1.2.0")).commit == first
        assert find(one, Wanted(tag="light")).commit == second
        assert find(one, Wanted(semver=">=1.0 <2")).revision == f"v1.10.0@sha1:{first}"
        assert find(one, Wanted(semver="*")).name == "v1.10.0"
        assert find(one, Wanted(commit=first)).commit == first
        assert find(one, Wanted(branch="main", reset_to=first)).commit == first
        for wanted, fault in (
            (Wanted(branch="gone"), Fault.REF),
            (Wanted(tag="gone"), Fault.REF),
            (Wanted(semver="^9"), Fault.REF),
            (Wanted(commit="0" * 40), Fault.REF),
            (Wanted(commit="abc"), Fault.REF),
            (Wanted(branch="main", reset_to="0" * 40), Fault.REF),
            (Wanted(branch="main", path="nowhere"), Fault.FOLDER),
            (Wanted(branch="main", path="README"), Fault.FOLDER),
        ):
            assert fault_of(one, wanted).fault is fault, wanted


@pytest.mark.parametrize(
    "name", ["--upload-pack=touch x", "-x", "a..b", "a b", "a~1", "a:b", "@{u}", "a\nb", "a*", "x/"]
)
def test_odd_names_never_reach_git(repository: Repository, tmp_path: Path, name: str) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        assert fault_of(one, Wanted(branch=name)).fault is Fault.REF
        assert fault_of(one, Wanted(tag=name)).fault is Fault.REF
        assert web.asked == []


def test_branches_of_the_server_with_odd_names_are_ignored(
    repository: Repository, tmp_path: Path
) -> None:
    commit = git(repository.work, "rev-parse", "HEAD")
    for name in ("refs/heads/-x", "refs/tags/-v1.0.0", "refs/tags/--upload-pack=x"):
        git(repository.bare, "update-ref", "--no-deref", name, commit)
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        assert find(one).commit == commit
        assert fault_of(one, Wanted(semver="*")).fault is Fault.REF


def test_history_is_fetched_only_where_it_is_asked_for(
    repository: Repository, tmp_path: Path
) -> None:
    first = git(repository.work, "rev-parse", "HEAD")
    second = repository.pushed({"x": "1"})
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        find(one)
        assert one.follows(first, second) is None
        asked = len(web.asked)
        find(one)
        assert len(web.asked) == asked + 2, "what is there already is not fetched again"
        third = repository.pushed({"x": "2"})
        find(one)
        assert one.follows(second, third) is True
        with one.alone():
            assert one.deepen("refs/heads/main")
            assert not one.deepen("refs/heads/main")
        assert one.follows(first, third) is True
        assert one.follows(third, first) is False


def test_rewritten_branch_is_seen_and_what_was_kept_stays(
    repository: Repository, tmp_path: Path
) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        old = repository.pushed({"x": "1"})
        find(one)
        with one.alone():
            one.keep("team", old)
        git(repository.work, "reset", "-q", "--hard", "HEAD~1")
        new = repository.commit({"x": "2"})
        repository.push("--force", "HEAD:refs/heads/main")
        assert find(one).commit == new
        assert one.follows(old, new) is not True
        assert one.commit(old) == old


def test_equal_folders_have_equal_hashes(repository: Repository, tmp_path: Path) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        wanted = Wanted(branch="main", path="deploy")
        before = find(one, wanted)
        repository.pushed({"elsewhere": "x"})
        after = find(one, wanted)
        repository.pushed({"deploy/a.yaml": "a: 2\n"})
        edited = find(one, wanted)
    assert before.commit != after.commit
    assert before.tree == after.tree != edited.tree


def test_hostile_repository_runs_nothing_and_writes_nowhere(
    repository: Repository, tmp_path: Path
) -> None:
    trap = tmp_path / "ran"
    work = repository.work
    command = f"touch {trap}"
    (work / "deploy" / ".gitattributes").write_text("* filter=trap diff=trap ident export-subst\n")
    (work / "deploy" / "v.yaml").write_text("v: $Format:%H$ $Id$\n")
    (work / ".gitmodules").write_text(
        '[submodule "x"]\n\tpath = x\n\turl = https://127.0.0.1:9/x\n'
    )
    (work / "hooks").mkdir()
    for name in ("post-checkout", "reference-transaction"):
        (work / "hooks" / name).write_text(f"#!/bin/sh\n{command}\n")
        (work / "hooks" / name).chmod(0o755)
    (work / "config").write_text(f"[core]\n\tfsmonitor = {command}\n")
    git(work, "add", "-A")
    commit = git(work, "rev-parse", "HEAD")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{commit},deploy/x")
    repository.push("HEAD")
    git(work, "commit", "-qm", "hostile")
    repository.push()
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        found = find(one, Wanted(branch="main", path="deploy"))
        read = files(one, found, tmp_path / "out")
    assert read["v.yaml"] == "v: $Format:%H$ $Id$\n"
    assert not trap.exists()
    assert not list((one.folder).glob("hooks/*"))


@pytest.mark.parametrize(
    "links",
    [
        {"deploy/l": "/etc/passwd"},
        {"deploy/l": "../README"},
        {"deploy/l": "a/../../README"},
        {"deploy/d": ".", "deploy/l": "d/../../x"},
    ],
)
def test_links_that_lead_out_are_refused(
    repository: Repository, tmp_path: Path, links: dict[str, str]
) -> None:
    for name, target in links.items():
        (repository.work / name).symlink_to(target)
    repository.pushed({})
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        found = find(one, Wanted(branch="main", path="deploy"))
        with pytest.raises(SourceError) as caught:
            files(one, found, tmp_path / "out")
    assert caught.value.fault is Fault.TREE
    assert "leaves the folder" in str(caught.value)


def test_links_within_are_followed(repository: Repository, tmp_path: Path) -> None:
    (repository.work / "deploy" / "b.yaml").symlink_to("a.yaml")
    repository.pushed({})
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        found = find(one, Wanted(branch="main", path="deploy"))
        assert files(one, found, tmp_path / "out")["b.yaml"] == "a: 1\n"


def test_malformed_trees_are_not_fetched(repository: Repository, tmp_path: Path) -> None:
    blob = git(repository.work, "rev-parse", "HEAD:README")
    listing = tmp_path / "tree"
    for name in (b"..", b".git"):
        listing.write_bytes(b"100644 " + name + b"\0" + bytes.fromhex(blob))
        tree = git(repository.bare, "hash-object", "-t", "tree", "--literally", "-w", str(listing))
        commit = git(repository.bare, "commit-tree", "-m", "x", tree)
        git(repository.bare, "update-ref", "refs/heads/main", commit)
        with git_kit.web(repository.top) as web:
            one = mirror_of(f"{web.url}/specs.git", tmp_path / f"c{len(name)}")
            assert fault_of(one).fault is Fault.FETCH


def test_submodules_that_would_run_something_are_not_fetched(
    repository: Repository, tmp_path: Path
) -> None:
    text = '[submodule "x"]\n\tpath = x\n\turl = ./y\n\tupdate = !touch ran\n'
    repository.pushed({".gitmodules": text})
    with git_kit.web(repository.top) as web:
        assert "gitmodules" in str(fault_of(mirror_of(f"{web.url}/specs.git", tmp_path / "c")))


def test_too_large_repositories_and_folders_are_refused(
    repository: Repository, tmp_path: Path
) -> None:
    (repository.work / "big").write_bytes(os.urandom(6 << 20))
    repository.pushed({})
    with git_kit.web(repository.top) as web:
        url = f"{web.url}/specs.git"
        small = Limits(folder_bytes=1 << 20)
        one = mirror_of(url, tmp_path / "c", limits=small)
        found = find(one)
        with pytest.raises(SourceError, match="MiB"):
            files(one, found, tmp_path / "out")
        few = mirror_of(url, tmp_path / "c", limits=Limits(files=1))
        with pytest.raises(SourceError, match="files"):
            files(few, found, tmp_path / "out2")


def test_fetch_ends_at_a_limit_with_all_its_children(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c", limits=Limits(mirror_bytes=10))
        with one.alone():
            pass
        (one.folder / "objects" / "filler").write_bytes(b"x" * 100)
        slow = tmp_path / "bin" / "git"
        slow.parent.mkdir()
        slow.write_text("#!/bin/sh\nsleep 60 & wait\n")
        slow.chmod(0o755)
        monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
        begun = time.monotonic()
        assert fault_of(one).fault is Fault.LIMIT
        late = mirror_of(f"{web.url}/specs.git", tmp_path / "c", limits=Limits(seconds=0.3))
        assert "no end" in str(fault_of(late))
    assert time.monotonic() - begun < 10
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "sleep 60 &" not in listed.stdout


def test_git_that_was_killed_leaves_nothing_in_the_way(
    repository: Repository, tmp_path: Path
) -> None:
    with git_kit.web(repository.top) as web:
        one = mirror_of(f"{web.url}/specs.git", tmp_path / "c")
        find(one)
        (one.folder / "shallow.lock").touch()
        commit = repository.pushed({"x": "1"})
        assert find(one).commit == commit
        (one.folder / "HEAD").unlink()
        assert find(one).commit == commit


def test_other_credentials_have_a_mirror_of_their_own(tmp_path: Path) -> None:
    url = "https://git.example.com/x"
    names = {
        mirror_of(url, tmp_path, **given).folder
        for given in ({}, {"password": "a"}, {"password": "b"}, {"password": "a", "username": "u"})
    }
    assert len(names) == 4
