"""Runs a renderer as a child process: bounded in time and output, and cut off from the rest."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody is at, so that a request that was overlooked fails at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a renderer may take, and how much it may write."""

    seconds: float = 60.0
    output_bytes: int = 64 << 20


DEFAULT_LIMITS = Limits()


class RenderError(Exception):
    """Why nothing was rendered; says what to do."""


def run(name: str, words: Sequence[str], *, folder: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Run a program of the search path in a folder and return what it wrote."""
    program = shutil.which(name)
    if program is None:
        raise RenderError(f"{name} is not on the search path; install it")
    with tempfile.TemporaryDirectory(prefix="reconcile-render-") as home:
        errors = Path(home, "stderr")
        with errors.open("wb") as stderr:
            child = subprocess.Popen(  # noqa: S603 - a list of words, and no shell
                [program, *words],
                cwd=folder,
                env=_environment(home),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            out = _read(child, name, limits)
        if child.returncode:
            with errors.open("rb") as file:
                said = file.read(_SAID).decode("utf-8", "replace").strip().splitlines()
            raise RenderError(f"{name}: {said[0].removeprefix('Error: ') if said else 'it failed'}")
    return out


_SAID = 4000


def _read(child: subprocess.Popen[bytes], name: str, limits: Limits) -> bytes:
    late = threading.Event()

    def stop() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limits.seconds, stop)
    timer.start()
    try:
        assert child.stdout is not None
        with child.stdout as stdout:
            out = stdout.read(limits.output_bytes + 1)
        if len(out) > limits.output_bytes:
            child.kill()
        child.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise RenderError(f"{name}: no end in {limits.seconds:.0f} s; make the input smaller")
    if len(out) > limits.output_bytes:
        raise RenderError(f"{name}: writes more than {limits.output_bytes >> 20} MiB")
    return out


def _environment(home: str) -> dict[str, str]:
    places = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR", "PATH")
    helm = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return {
        **dict.fromkeys((*places, *helm, "KUSTOMIZE_PLUGIN_HOME"), home),
        **dict.fromkeys(proxies, _NOWHERE),
        "KUBECONFIG": "/dev/null",
        "GOMEMLIMIT": "1GiB",
    }
