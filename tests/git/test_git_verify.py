"""Commits and tags that were really signed, by known keys, by others, and by nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import git_kit
import pytest
from git_kit import Repository, git

from reconciler.git import mirror, remote, source, verify
from reconciler.git.faults import Fault, SourceError
from reconciler.git.source import Wanted
from reconciler.git.verify import Signed, Trust
from reconciler.model.secret import Secret

MAIN = Wanted(branch="main")


class Signing:
    """A repository served over http, an ssh key that is known and one that is not."""

    def __init__(self, repository: Repository, folder: Path, url: str) -> None:
        self.repository = repository
        self.known, self.other = folder / "known", folder / "other"
        public = git_kit.key_pair(self.known)
        git_kit.key_pair(self.other)
        self.signers = f'dev@example.com namespaces="git" {public}'
        address = remote.read(f"{url}/specs.git", schemes=frozenset({"http"}))
        self.mirror = mirror.mirror_of(address, cache=folder / "cache")

    def commit(self, key: Path | None, text: str = "x", *flags: str) -> str:
        work = self.repository.work
        (work / "a.yaml").write_text(text)
        git(work, "add", "-A")
        signing = git_kit.ssh_signing(key) if key else ()
        git(work, *signing, "commit", "-q", "-m", text, *flags)
        self.repository.push("--force", "HEAD:refs/heads/main")
        return git(work, "rev-parse", "HEAD")

    def tag(self, key: Path | None, name: str) -> None:
        signing = git_kit.ssh_signing(key) if key else ()
        git(self.repository.work, *signing, "tag", "-s" if key else "-a", "-m", name, name)
        self.repository.push(f"refs/tags/{name}")

    def find(self, wanted: Wanted = MAIN, signed: Signed = Signed.HEAD, **more: object) -> str:
        trust = Trust(signed=signed, signers=self.signers, **more)  # type: ignore[arg-type]
        with self.mirror.alone():
            return source.find(self.mirror, wanted, trust).commit

    def refused(self, wanted: Wanted = MAIN, signed: Signed = Signed.HEAD, **more: object) -> str:
        with pytest.raises(SourceError) as caught:
            self.find(wanted, signed, **more)
        assert caught.value.fault is Fault.SIGNATURE
        return str(caught.value)


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Signing]:
    repository = git_kit.repository(tmp_path)
    with git_kit.web(repository.top) as web:
        yield Signing(repository, tmp_path, web.url)


def test_commit_of_a_known_ssh_key_passes(signing: Signing) -> None:
    commit = signing.commit(signing.known)
    assert signing.find() == commit


def test_commit_of_another_key_or_of_none_is_refused(signing: Signing) -> None:
    signing.commit(signing.other, "other")
    assert "known key" in signing.refused()
    signing.commit(None, "none")
    assert "known key" in signing.refused()
    signing.commit(signing.known, "known")
    signing.commit(None, "on top")
    assert "known key" in signing.refused()


def test_signature_that_was_moved_to_other_content_is_refused(signing: Signing) -> None:
    work = signing.repository.work
    commit = signing.commit(signing.known)
    raw = git(work, "cat-file", "commit", commit)
    forged = work / "forged"
    (work / "b").write_text("evil")
    git(work, "add", "b")
    tree = git(work, "write-tree")
    forged.write_text(raw.replace(raw.splitlines()[0], f"tree {tree}", 1) + "\n")
    made = git(work, "hash-object", "-t", "commit", "-w", str(forged))
    git(work, "push", "-q", "--force", str(signing.repository.bare), f"{made}:refs/heads/main")
    assert "known key" in signing.refused()


def test_key_counts_for_its_namespace_and_time_only(signing: Signing) -> None:
    signing.commit(signing.known)
    public = signing.signers.partition('"git" ')[2]
    for options in ('namespaces="file"', 'valid-before="20200101"'):
        signing.signers = f"dev@example.com {options} {public}"
        assert "known key" in signing.refused()


def test_tags_are_asked_for_their_own_signature(signing: Signing) -> None:
    commit = signing.commit(None, "unsigned commit")
    signing.tag(signing.known, "v1.0.0")
    signing.tag(signing.other, "v1.1.0")
    signing.tag(None, "v1.2.0")
    git(signing.repository.work, "tag", "light")
    signing.repository.push("refs/tags/light")

    assert signing.find(Wanted(tag="v1.0.0"), Signed.TAG) == commit
    assert "commit" in signing.refused(Wanted(tag="v1.0.0"), Signed.TAG_AND_HEAD)
    assert "commit" in signing.refused(Wanted(tag="v1.0.0"), Signed.HEAD)
    for name in ("v1.1.0", "v1.2.0", "light"):
        signing.refused(Wanted(tag=name), Signed.TAG)
    signing.refused(MAIN, Signed.TAG)
    assert "v1.2.0" in signing.refused(Wanted(semver="^1"), Signed.TAG)

    both = signing.commit(signing.known, "signed commit")
    signing.tag(signing.known, "v2.0.0")
    assert signing.find(Wanted(semver="^2"), Signed.TAG_AND_HEAD) == both


def test_signed_tag_under_another_name_is_refused(signing: Signing) -> None:
    signing.commit(None)
    signing.tag(signing.known, "v1.0.0")
    old = git(signing.repository.work, "rev-parse", "v1.0.0")
    git(signing.repository.bare, "update-ref", "refs/tags/v9.0.0", old)
    assert "under another name" in signing.refused(Wanted(tag="v9.0.0"), Signed.TAG)


def test_gpg_key_that_is_known_passes_and_others_do_not(signing: Signing) -> None:
    work = signing.repository.work
    with git_kit.gpg() as gpg, git_kit.gpg() as other:
        for key, text in ((other, "other"), (gpg, "known")):
            (work / "a.yaml").write_text(text)
            git(work, "add", "-A")
            git(work, *key.settings, "commit", "-qm", text, environ=key.environ)
            signing.repository.push()
            if key is other:
                assert "known key" in signing.refused(keys=(gpg.public,))
        commit = signing.find(keys=(gpg.public,))
        assert commit == git(work, "rev-parse", "HEAD")
        assert "known key" in signing.refused(keys=(other.public,))
        assert "known key" in signing.refused()
        git(work, *gpg.settings, "tag", "-s", "-m", "x", "v1.0.0", environ=gpg.environ)
        signing.repository.push("refs/tags/v1.0.0")
        assert signing.find(Wanted(tag="v1.0.0"), Signed.TAG_AND_HEAD, keys=(gpg.public,)) == commit


def test_expired_gpg_key_is_refused(signing: Signing) -> None:
    work = signing.repository.work
    with git_kit.gpg(expires="seconds=2") as gpg:
        (work / "a.yaml").write_text("x")
        git(work, "add", "-A")
        git(work, *gpg.settings, "commit", "-qm", "x", environ=gpg.environ)
        signing.repository.push()
        assert signing.find(keys=(gpg.public,))
        time.sleep(3)
        assert "known key" in signing.refused(keys=(gpg.public,))


def test_revoked_gpg_key_is_refused(signing: Signing) -> None:
    work = signing.repository.work
    with git_kit.gpg() as gpg:
        (work / "a.yaml").write_text("x")
        git(work, "add", "-A")
        git(work, *gpg.settings, "commit", "-qm", "x", environ=gpg.environ)
        signing.repository.push()
        assert signing.find(keys=(gpg.public,))
        assert "known key" in signing.refused(keys=(gpg.revoked(),))


def test_keys_are_read_from_a_secret() -> None:
    given = {"allowed_signers": "a b c", "team.asc": "KEY", "other": "x"}
    trust = verify.read(Signed.HEAD, {name: Secret(text) for name, text in given.items()})
    assert (trust.signers, trust.keys) == ("a b c", ("KEY",))
    with pytest.raises(SourceError, match="holds no keys"):
        verify.read(Signed.HEAD, {"password": Secret("x")})


def test_what_is_no_key_is_told(signing: Signing) -> None:
    signing.commit(signing.known)
    with pytest.raises(SourceError) as caught:
        signing.find(keys=("nonsense",))
    assert caught.value.fault is Fault.CREDENTIALS
