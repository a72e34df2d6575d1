"""Nothing that a branch writes is a command of the job's log, or steers a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Ended, run

EVIL = "a\n::error file=x,line=1::pwned\r::stop-commands::y\x1b[2J\u2028::warning::z\u202e"
API = "flyte.reconciler.dev/v1alpha1"
SYNC = {
    "apiVersion": API,
    "kind": "FlyteSync",
    "metadata": {"name": "team"},
    "spec": {"defaults": {"project": "flytesnacks", "domain": "development"}},
}
WORKFLOW = {"name": "etl", "version": "v1"}
SCHEDULE = {"cron": "0 6 * * *", "kickoffInput": "day"}


def document(kind: str = "FlyteLaunchPlan", named: str = "a", api: str = API, **spec: Any) -> Any:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": named}, "spec": spec}


FAULTS = {
    "kind": document(kind=EVIL),
    "version": document(api=API + EVIL),
    "name": document(named=EVIL),
    "field": document(**{EVIL: 1}),
    "flyte_name": document(name=EVIL, workflow=WORKFLOW),
    "project": document(project=EVIL, workflow=WORKFLOW),
    "package": document(workflow={"name": EVIL, "package": EVIL}),
    "label": document(workflow=WORKFLOW, labels={EVIL: EVIL}),
    "input": document(workflow=WORKFLOW, schedule=SCHEDULE, inputs={EVIL: EVIL}),
    "cron": document(workflow=WORKFLOW, schedule={"cron": f"0 6 * * *{EVIL}", "timezone": EVIL}),
    "archive": document("FlytePackage", archive=f"../dist/{EVIL}"),
    "address": document("FlytePackage", archive=f"https://127.0.0.1:9/{EVIL}", sha256="0" * 64),
    "image": document("FlytePackage", archive="x.tgz", images=[{"name": EVIL, "tag": EVIL}]),
    "secret": document("FlyteSecret", key=EVIL, valueFrom={"file": EVIL}),
    "twice": document(named="heartbeat", workflow=WORKFLOW, description=EVIL, envs={"A": EVIL}),
}


def acts(ended: Ended, form: str) -> list[str]:
    """Lines that a forge would take for commands and are not ours; characters that steer."""
    shown = ended.err + ("" if form == "json" else ended.out)
    lines = [line for line in re.split(r"[\r\n\u2028]", shown) if line.lstrip().startswith("::")]
    ours = re.compile(r"::(error|warning|notice) (file=[^,]+,line=\d+,col=\d+,)?title=.*")
    foreign = [line for line in lines if form != "github" or not ours.fullmatch(line)]
    return foreign + re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]", shown)


@pytest.mark.parametrize("form", ["text", "github", "markdown"])
async def test_no_text_of_a_document_does(form: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name, content in {"reconcile": SYNC, **FAULTS}.items():
        suffix = "yaml" if name == "reconcile" else "json"
        (folder / f"{name}.{suffix}").write_text(json.dumps(content))
    ended = await run("validate", "-o", form, cwd=folder)
    assert ended.code == 1
    assert "pwned" in ended.out + ended.err
    assert acts(ended, form) == []


async def test_no_name_of_a_file_does(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "reconcile.yaml").write_text(json.dumps(SYNC))
    (folder / f"{EVIL.replace('/', '')}.yaml").write_text(json.dumps(document(x=1)))
    for arguments in (("validate",), ("plan", "--endpoint", "127.0.0.1:1", "--insecure")):
        ended = await run(*arguments, cwd=folder)
        assert ended.code == 1
        assert acts(ended, "text") == []
        assert "\\n::error file=x" in ended.out + ended.err
