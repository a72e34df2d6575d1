"""The image is made of what the locks pin, runs as nobody, and holds nothing that it need not."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _lines() -> list[str]:
    """The instructions, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [line for line in joined.splitlines() if line.strip()]


def _stages() -> dict[str, list[str]]:
    """The instructions of each stage; the last one has no name."""
    stages: dict[str, list[str]] = {}
    for line in _lines():
        if line.startswith("FROM "):
            _, _, *name = line.split()
            stages[name[-1] if name else ""] = []
        elif stages:
            stages[list(stages)[-1]].append(line)
    return stages


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^([a-zA-Z0-9_.-]+)==(\S+)(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert all("--hash=sha256:" in rest for _, _, rest in blocks)
    return {package: version for package, version, _ in blocks}


def _names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9_.-]+", text) for text in requirements)
    return {match.group().lower().replace("_", "-") for match in found if match}


def test_linter_finds_nothing() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [str(linter), "--no-color", str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_stages_start_from_one_base_that_is_pinned() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    stages = [line.split()[1] for line in _lines() if line.startswith("FROM ")]

    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)
    assert stages == ["${BASE}", "${BASE}", "plain", "plain"]


def test_packages_are_installed_by_their_hashes_as_wheels() -> None:
    installs = re.findall(
        r"pip(?: --python \S+)? install (.*?)(?= &&|$)", "\n".join(_lines()), re.MULTILINE
    )

    assert len(installs) == 3
    for options in installs:
        is_ours = "/wheels/" in options and "--no-index" in options and "--no-deps" in options
        assert is_ours or {"--require-hashes", "--only-binary=:all:"} <= set(options.split())


def test_image_runs_as_nobody_without_a_shell() -> None:
    stages = _stages()
    plain = stages["plain"]

    assert list(stages) == ["build", "plain", "git", ""]
    assert stages[""] == [], "the image that is built unless another is named"
    assert "USER 65532:65532" in plain
    assert 'ENTRYPOINT ["/opt/reconcile/bin/reconcile"]' in plain
    assert 'CMD ["operator"]' in plain
    assert [line for line in plain if line.startswith(("RUN", "ADD", "EXPOSE", "VOLUME"))] == []
    assert [line for line in plain if line.startswith("COPY")] == [
        "COPY --from=build /opt/reconcile /opt/reconcile"
    ]


def test_image_with_git_adds_the_programs_and_nothing_else() -> None:
    first, run, last = _stages()["git"]
    (wanted,) = re.findall(r"apt-get install -y --no-install-recommends (.*?) &&", run)

    assert (first, last) == ("USER 0:0", "USER 65532:65532")
    assert run.startswith('RUN export PATH="$PATH:/usr/sbin:/sbin" &&'), "dpkg and useradd ask for"
    assert run.count("install") == 2, "one call, and its option"
    assert set(wanted.split()) == {"ca-certificates", "git", "gnupg", "openssh-client"}
    assert "rm -rf /var/lib/apt/lists/*" in run
    assert re.search(r"useradd .*--uid 65532 .*--home-dir /tmp ", run), "or ssh refuses to start"
    assert not re.search(r"curl|wget|pip|http", run)


def test_one_rule_of_the_linter_is_ignored_at_one_place() -> None:
    assert re.findall(r"hadolint ignore=(\S+)", DOCKERFILE) == ["DL3008"]
    assert not list(ROOT.glob(".hadolint*"))


def test_nothing_secret_is_asked_for_or_copied() -> None:
    arguments = re.findall(r"^(?:ARG|ENV) (.*)$", "\n".join(_lines()), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in ignored if line.startswith("!")]

    assert not re.search(r"(?i)secret|token|password|key", " ".join(arguments))
    assert "*" in ignored
    assert all((ROOT / path).exists() for path in let_in)
    copied = [line.split()[1:-1] for line in _lines() if line.startswith("COPY ")]
    sources = {path.rstrip("/") for paths in copied for path in paths if "--from" not in paths[0]}
    assert sources == set(let_in)


def test_lock_of_the_image_is_that_of_the_tests_without_their_tools() -> None:
    locked, tested = _pins("operator.lock"), _pins("dev.lock")
    wanted = PROJECT["project"]["dependencies"]
    for extra in ("operator", "web"):
        wanted += PROJECT["project"]["optional-dependencies"][extra]
    tools = _names([item for item in PROJECT["dependency-groups"]["dev"] if item != "uv"])

    assert _names(wanted) <= set(locked)
    assert {name: tested.get(name) for name in locked} == locked
    assert set(locked) & tools == set()
    assert _pins("build.lock")["hatchling"] == tested["hatchling"]
