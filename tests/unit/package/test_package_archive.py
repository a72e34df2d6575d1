"""What is opened, what is refused, and that neither is ever silent."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from package_files import QUICKSTART, tar

from reconciler.model.interface import Unread
from reconciler.sources import archive
from reconciler.sources.archive import Archive, Limits, entries, load, read

FILES = {"a.txt": b"one", "folder/b.txt": b"two"}


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "package.tgz"
    path.write_bytes(content)
    return path


def one_member(info: tarfile.TarInfo, content: bytes = b"") -> bytes:
    packed = io.BytesIO()
    info.size = len(content)
    with tarfile.open(fileobj=packed, mode="w") as made:
        made.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def test_tgz_tar_and_folder_hold_the_same(tmp_path: Path) -> None:
    for name, content in FILES.items():
        path = tmp_path / "folder-form" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    put(tmp_path, tar(FILES))
    (tmp_path / "package.tar").write_bytes(tar(FILES, compress=False))
    for location in ("folder-form", "package.tgz", "package.tar"):
        assert load(location, base=tmp_path) == Archive(FILES), location


def test_leading_dots_of_names_mean_nothing() -> None:
    assert read(tar({"./a.txt": b"one"})).members == {"a.txt": b"one"}


def test_file_url_is_a_local_path(tmp_path: Path) -> None:
    put(tmp_path, tar(FILES))
    assert load(f"file://{tmp_path}/package.tgz", base=Path("/nowhere")) == Archive(FILES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(tar(FILES)[:-20], "cannot be unpacked", id="truncated tgz"),
        pytest.param(tar(FILES)[:30], "cannot be unpacked", id="truncated early"),
        pytest.param(tar(FILES, compress=False)[:700], "complete tar", id="truncated tar"),
        pytest.param(
            tar(FILES, compress=False)[:1024], "complete tar", id="tar cut between blocks"
        ),
        pytest.param(b"PK\x03\x04rest", "zip", id="zip"),
        pytest.param(b"nothing known", "neither a tgz nor", id="something else"),
        pytest.param(gzip.compress(b"x" * 2000), "cannot be unpacked", id="gzip of no tar"),
        pytest.param(one_member(member("/etc/passwd")), "leads out", id="absolute"),
        pytest.param(one_member(member("a/../../b")), "leads out", id="dots"),
        pytest.param(
            one_member(member("a", tarfile.SYMTYPE, "/etc/passwd")), "is a link", id="symlink"
        ),
        pytest.param(
            one_member(member("a", tarfile.LNKTYPE, "/etc/passwd")), "neither a file", id="hardlink"
        ),
        pytest.param(one_member(member("a", tarfile.CHRTYPE)), "neither a file", id="device"),
        pytest.param(one_member(member("a", tarfile.FIFOTYPE)), "neither a file", id="pipe"),
    ],
)
def test_broken_or_hostile_archive_is_unread_and_says_why(
    tmp_path: Path, content: bytes, words: str
) -> None:
    put(tmp_path, content)
    found = load("package.tgz", base=tmp_path)
    assert isinstance(found, Unread)
    assert words in found.cause
    assert found.cause.startswith("package.tgz: ")


def test_two_members_of_one_name_are_refused() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        for name in ("a", "./a"):
            made.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match="two members named a"):
        read(packed.getvalue())


def test_bomb_is_stopped_before_it_fills_memory() -> None:
    bomb = tar({"zeros": b"\0" * 5_000_000})
    assert len(bomb) < 10_000
    with pytest.raises(ValueError, match="unpacks to more than"):
        read(bomb, limits=Limits(total_bytes=1 << 20, members=10))


def test_bomb_in_a_header_is_stopped() -> None:
    info = member("a")
    info.pax_headers = {"comment": "x" * 5_000_000}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(info)
    with pytest.raises(ValueError, match="unpacks to more than"):
        read(gzip.compress(packed.getvalue()), limits=Limits(total_bytes=1 << 20, members=10))


def test_too_many_members_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 2 members"):
        read(tar(dict.fromkeys("abc", b"")), limits=Limits(members=2))


@pytest.mark.parametrize("limits", [Limits(total_bytes=5), Limits(members=1)])
def test_folder_has_the_same_limits(tmp_path: Path, limits: Limits) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"four")
    assert isinstance(load(".", base=tmp_path, limits=limits), Unread)


def test_folder_with_a_link_is_unread(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "link").symlink_to("/etc/passwd")
    found = load("package", base=tmp_path)
    assert isinstance(found, Unread)
    assert "link is neither a file nor a folder" in found.cause


def test_linked_folder_below_is_unread(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "link").symlink_to("/etc")
    assert isinstance(load("package", base=tmp_path), Unread)


def test_what_is_not_there_is_unread_and_not_empty(tmp_path: Path) -> None:
    found = load("missing.tgz", base=tmp_path)
    assert isinstance(found, Unread)
    assert found.cause == ("missing.tgz: No such file or directory; correct the path or build it")


def test_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = load("pipe", base=tmp_path)
    assert isinstance(found, Unread)
    assert "neither a file nor a folder" in found.cause


def test_sha256_is_checked(tmp_path: Path) -> None:
    content = tar(FILES)
    put(tmp_path, content)
    right = hashlib.sha256(content).hexdigest()
    assert isinstance(load("package.tgz", base=tmp_path, sha256=right), Archive)
    assert isinstance(load("package.tgz", base=tmp_path, sha256=right.upper()), Archive)
    found = load("package.tgz", base=tmp_path, sha256="0" * 64)
    assert isinstance(found, Unread)
    assert right in found.cause


@pytest.mark.parametrize(
    ("location", "sha256", "words"),
    [
        ("http://example.com/a.tgz", "0" * 64, "scheme http is not allowed"),
        ("memory://a.tgz", "0" * 64, "scheme memory is not allowed"),
        ("https://example.com/a.tgz", None, "has no sha256"),
    ],
)
def test_url_needs_an_allowed_scheme_and_a_digest(
    tmp_path: Path, location: str, sha256: str | None, words: str
) -> None:
    found = load(location, base=tmp_path, sha256=sha256)
    assert isinstance(found, Unread)
    assert words in found.cause


def test_what_was_fetched_once_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    content = tar(FILES)
    sha256 = hashlib.sha256(content).hexdigest()
    kept = tmp_path / "reconcile" / "archives" / sha256
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    # Nothing listens at this address, so only the cache can answer.
    location = "https://127.0.0.1:9/a.tgz"
    assert load(location, base=tmp_path, sha256=sha256) == Archive(FILES)
    kept.write_bytes(content[:-1])
    found = load(location, base=tmp_path, sha256=sha256)
    assert isinstance(found, Unread)
    assert "cannot be fetched" in found.cause


def test_fetched_archive_is_checked_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(archive, "SCHEMES", frozenset({"memory"}))
    content = tar(FILES)
    sha256 = hashlib.sha256(content).hexdigest()
    with fsspec.open("memory://archives/package.tgz", "wb") as file:
        file.write(content)
    location = "memory://archives/package.tgz"
    wrong = load(location, base=tmp_path, sha256="1" * 64)
    assert isinstance(wrong, Unread)
    assert sha256 in wrong.cause
    assert not (tmp_path / "cache/reconcile/archives" / ("1" * 64)).exists()
    assert load(location, base=tmp_path, sha256=sha256) == Archive(FILES)
    assert (tmp_path / "cache/reconcile/archives" / sha256).read_bytes() == content


def test_entries_tell_links_and_executable_files() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        script = member("run.sh")
        script.mode = 0o755
        made.addfile(script)
        made.addfile(member("link", tarfile.SYMTYPE, "run.sh"))
    script_entry, link = entries(packed.getvalue())
    assert (script_entry.name, script_entry.is_executable) == ("run.sh", True)
    assert (link.name, link.target) == ("link", "run.sh")


def test_committed_package_opens(tmp_path: Path) -> None:
    found = load(str(QUICKSTART), base=tmp_path)
    assert isinstance(found, Archive)
    assert len(found.members) == 17
