"""Texts on which the loader is compared with kubectl, and the recording of kubectl's answers.

python tests/oracle/yaml/texts.py      writes tests/corpus/kubectl.jsonl (needs go)
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = Path(__file__).parent
CORPUS = HERE.parent.parent / "corpus" / "kubectl.jsonl"

SCALARS = tuple((HERE / "scalars.txt").read_text(encoding="utf-8").rstrip("\n").split("\n"))
"""Every form a plain scalar can take, one in each line."""


def scalar_texts() -> Iterator[str]:
    """Each scalar as a value, a key, and inside both kinds of list."""
    for scalar in SCALARS:
        yield f"a: {scalar}\n"
        yield f"{scalar}: 1\n"
        yield f"a:\n  - {scalar}\n"
        yield f"a: [{scalar}, {{b: {scalar}}}]\n"


def random_texts(count: int) -> Iterator[str]:
    """Valid and invalid block and flow texts, from a fixed seed."""
    choose = random.Random(7)
    for _ in range(count):
        yield "\n".join(_block(choose, indent=0, depth=0)) + "\n"


def _block(choose: random.Random, *, indent: int, depth: int) -> list[str]:
    lines: list[str] = []
    space = " " * indent
    names = choose.sample(
        ["a", "b", "c", "d e", "'f'", '"g"', "1", "on", "~x", "1.50"], k=choose.randint(1, 4)
    )
    for name in names:
        style = choose.randint(0, 9 if depth < 3 else 5)
        lines += choose.choice(([], [], [], [f"{space}# c: d"], [""]))
        if style <= 2:
            lines.append(f"{space}{name}: {_scalar(choose)}")
        elif style == 3:
            lines.append(f"{space}{name}: {_flow(choose, depth=0)}")
        elif style == 4:
            head = choose.choice("|>") + choose.choice(["", "-", "+"])
            body = [choose.choice(["x y", "- z", "", "  more", "k: v", "# no"]) for _ in range(3)]
            lines += [f"{space}{name}: {head}", f"{space}  start", *(f"{space}  {b}" for b in body)]
        elif style == 5:
            lines.append(f"{space}{name}:")
            lines += [f"{space}- {_scalar(choose)}" for _ in range(choose.randint(1, 3))]
        elif style <= 8:
            lines.append(f"{space}{name}:" + choose.choice(["", "", " # c", " &r"]))
            lines += _block(choose, indent=indent + choose.choice([1, 2, 4]), depth=depth + 1)
        else:
            lines.append(f"{space}{name}:")
            for _ in range(choose.randint(1, 3)):
                first, *rest = _block(choose, indent=0, depth=depth + 1)
                lines += [f"{space}  - {first}", *(f"{space}    {line}" for line in rest)]
    return lines


def _scalar(choose: random.Random) -> str:
    scalar = choose.choice(SCALARS)
    return choose.choice([scalar, scalar, f"'{scalar}'", json.dumps(scalar)])


def _flow(choose: random.Random, *, depth: int) -> str:
    kind = choose.randint(0, 3) if depth < 3 else 0
    if kind <= 1:
        return choose.choice(
            ["1", "yes", "a b", "'x, y'", '"z: w"', "~", "08", ".5", "a:b", "null", "-"]
        )
    parts = [_flow(choose, depth=depth + 1) for _ in range(choose.randint(0, 3))]
    gap = choose.choice([", ", ",", " , "])
    if kind == 2:
        return "[" + gap.join(parts) + choose.choice(["", "", ","]) + "]"
    pairs = [f"k{number}{choose.choice([': ', ' : '])}{part}" for number, part in enumerate(parts)]
    return "{" + gap.join(pairs) + "}"


def texts() -> list[str]:
    """Every text once, in a fixed order."""
    with (HERE / "structures.jsonl").open(encoding="utf-8", newline="\n") as lines:
        structures = [json.loads(line) for line in lines]
    everything = itertools.chain(scalar_texts(), structures, random_texts(400))
    return list(dict.fromkeys(everything))


def ask(questions: Iterable[str]) -> list[dict[str, str]]:
    """Answers of sigs.k8s.io/yaml; raises subprocess.CalledProcessError when go fails."""
    done = subprocess.run(
        ["go", "run", "."],
        cwd=HERE,
        input="".join(json.dumps({"text": text}) + "\n" for text in questions).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


if __name__ == "__main__":
    answers = ask(texts())
    CORPUS.parent.mkdir(exist_ok=True)
    CORPUS.write_text(
        "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers),
        encoding="utf-8",
    )
    print(f"{len(answers)} answers", file=sys.stderr)
