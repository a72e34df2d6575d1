"""Data that outputs refer to: read when it is asked for, once, and laid out as flytekit does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from fake_runs_kit import FakeRunning, a_run, integer, library

from reconciler.api.literals import Literals
from reconciler.api.stored import Ref, Store, within
from reconciler.errors import BackendError, UsageError
from reconciler.model.run import Data, Phase, Values
from reconciler.values import msgpack

FILE = "s3://bucket/data/model.bin"


def blob(uri: str, *, is_folder: bool = False) -> Any:
    kind = {"dimensionality": "MULTIPART"} if is_folder else {"format": "bin"}
    return {"scalar": {"blob": {"uri": uri, "metadata": {"type": kind}}}}


def table(uri: str) -> Any:
    return {"scalar": {"structuredDataset": {"uri": uri}}}


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content(path: Any) -> str:
    """Read what a program would that takes a path."""
    with open(path) as file:  # noqa: PTH123 - any path-like is one
        return file.read()


@pytest.fixture
def folder() -> Any:
    """A folder of a store that needs no credentials."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pipe({"/d/a.txt": b"one", "/d/sub/b.txt": b"two", "/t/part-0.parquet": b"PAR1"})
    yield system
    system.store.clear()


async def brought(fake: FakeRunning, literals: Any, to: Path) -> dict[str, str]:
    fake.all = [a_run("r", Phase.SUCCEEDED)]
    fake.datas["r", ""] = Data(outputs=Values(literals=literals))
    outputs = await (await library(fake).run("r")).outputs()
    from reconciler.api import downloads

    store = Store(fake)  # type: ignore[arg-type]  # it has what is asked of it
    found = [one async for one in downloads.download(store, outputs.source, to)]
    return {one.name: one.path.relative_to(to).as_posix() if one.path else one.why for one in found}


async def test_layout_is_that_of_flytekit(tmp_path: Path, folder: Any) -> None:
    fake = FakeRunning(files={FILE: [b"mo", b"del"]})
    packed = {"scalar": {"binary": {"value": msgpack.pack({"a": 1}), "tag": "msgpack"}}}
    literals = {
        "model": blob(FILE),
        "logs": blob("memory://d", is_folder=True),
        "rows": table("memory://t"),
        "many": {"collection": {"literals": [blob(FILE), blob(FILE)]}},
        "named": {"map": {"literals": {"x": blob(FILE)}}},
        "maybe": {"scalar": {"union": {"value": blob(FILE)}}},
        "config": {"scalar": {"generic": {"a": 1.0}}},
        "packed": packed,
        "count": integer(5),
        "none": {"scalar": {"noneType": {}}},
    }
    await brought(fake, literals, tmp_path)
    assert files_in(tmp_path) == {
        "config.json": b'{\n  "a": 1\n}\n',
        "logs/a.txt": b"one",
        "logs/sub/b.txt": b"two",
        "many/0/model.bin": b"model",
        "many/1/model.bin": b"model",
        "maybe/model.bin": b"model",
        "model/model.bin": b"model",
        "named/x/model.bin": b"model",
        "packed.json": b'{\n  "a": 1\n}\n',
        "rows/part-0.parquet": b"PAR1",
    }


async def test_what_is_left_out_says_why(tmp_path: Path) -> None:
    literals = {"count": integer(5), "none": {"scalar": {"noneType": {}}}}
    assert await brought(FakeRunning(), literals, tmp_path) == {
        "count": "it is a value that `describe run` shows",
        "none": "it is None",
    }
    assert files_in(tmp_path) == {}


async def test_names_of_others_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    fake = FakeRunning(files={FILE: [b"x"]})
    out = tmp_path / "out"
    for name in ("../up", "/etc/passwd", "..", "a\\b"):
        with pytest.raises(UsageError, match="is no name for a file below"):
            await brought(fake, {"named": {"map": {"literals": {name: blob(FILE)}}}}, out)
    assert files_in(tmp_path) == {}
    assert within(Path("a"), "b/c") == Path("a/b/c")


async def test_file_of_an_output_is_read_when_it_is_asked_for_and_once(tmp_path: Path) -> None:
    fake = FakeRunning(files={FILE: [b"mo", b"del"]})
    store: Any = Store(fake)  # type: ignore[arg-type]  # it has what is asked of it
    ref = Literals(Values(literals={"model": blob(FILE), "n": integer(1)}), store=store).ref(
        "model"
    )
    assert (ref.uri, ref.format, fake.done) == (FILE, "bin", [])
    with pytest.raises(UsageError, match="is not here yet; await its download"):
        content(ref)
    await ref.download(tmp_path)
    again = await ref.download(tmp_path)
    assert again == tmp_path / "model.bin"
    assert content(ref) == "model"
    assert fake.done == [("content", FILE)]
    with pytest.raises(UsageError, match="n: refers to no data; read its value instead"):
        Literals(Values(literals={"n": integer(1)}), store=store).ref("n")


async def test_first_bytes_cost_no_more_than_a_piece() -> None:
    fake = FakeRunning(files={FILE: [b"x" * 1000] * 50})
    ref = Ref(Store(fake), FILE)  # type: ignore[arg-type]  # it has what is asked of it
    assert await ref.head(1500) == b"x" * 1500
    assert fake.pieces == 2


async def test_folder_is_listed_without_reading_it(folder: Any, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(type(folder), "_open", refuse)
    ref = Ref(Store(FakeRunning()), "memory://d", is_folder=True)  # type: ignore[arg-type]  # as above
    found = await ref.list()
    assert [(one.path, one.size) for one in found] == [("a.txt", 3), ("sub/b.txt", 3)]
    assert found[0].uri == "memory:///d/a.txt"


async def test_store_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    store = Store(FakeRunning())  # type: ignore[arg-type]  # it has what is asked of it
    with pytest.raises(BackendError, match="is not there; it may have been removed"):
        await store.save(f"file://{tmp_path}/none", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(UsageError, match=r"gs://b/f: .*; install it beside reconcile"):
        await store.save("gs://b/f", tmp_path / "x")
    with pytest.raises(BackendError, match="cannot be read with your credentials"):
        await store.list("nosuch://b")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose another folder"):
        await Store(FakeRunning(files={FILE: [b"x"]})).save(  # type: ignore[arg-type]  # as above
            FILE, tmp_path / "file" / "below"
        )
