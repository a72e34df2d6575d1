"""Equal content is the same version in another process, directory and order of reading."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from laws_world import SYNC, TICKS, Wanted, document

SCRIPT = Path(__file__).with_name("laws_versions_script.py")


def write_set(root: Path, *, seed: int) -> None:
    """The same plans every time, with files, keys and maps in an order of their own."""
    shuffle = random.Random(seed)
    documents = []
    for index in range(12):
        made = document(("development", f"n{index}"), Wanted(TICKS[index % 3]))
        made["spec"]["labels"] = dict(_mixed({"team": "a", "tier": "b", "z": "c"}, shuffle))
        notes = {"a": "é", "b": "\U00010000", "c": "\uffff"}
        made["spec"]["annotations"] = dict(_mixed(notes, shuffle))
        made["spec"]["envs"] = dict(_mixed({"A": "1", "B": "2", "C": "3"}, shuffle))
        made["spec"]["inputs"] = dict(_mixed({"count": 3, "ratio": 0.1}, shuffle))
        made["spec"] = dict(_mixed(made["spec"], shuffle))
        documents.append(dict(_mixed(made, shuffle)))
    shuffle.shuffle(documents)
    root.mkdir(parents=True)
    (root / "reconcile.yaml").write_text(SYNC)
    for index, made in enumerate(documents):
        path = root / f"{shuffle.choice(['', 'deep/', 'very/deep/'])}{index}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made))


def _mixed(items: dict[str, object], shuffle: random.Random) -> list[tuple[str, object]]:
    pairs = list(items.items())
    shuffle.shuffle(pairs)
    return pairs


def test_version_is_the_same_in_any_process_directory_and_order(tmp_path: Path) -> None:
    answers = []
    for seed, (zone, locale) in enumerate([("UTC", "C"), ("Asia/Tokyo", "C.UTF-8"), ("", "")]):
        root = tmp_path / f"machine {seed}" / "checkout"
        write_set(root, seed=seed)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONHASHSEED": str(seed + 1),
            "TZ": zone,
            "LC_ALL": locale,
        }
        answer = subprocess.run(
            [sys.executable, str(SCRIPT), str(root)],
            cwd=root if seed % 2 else tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            timeout=120,
        )
        answers.append(json.loads(answer.stdout))

    assert len(answers[0]) == 12
    assert len(set(answers[0].values())) == 12
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]
