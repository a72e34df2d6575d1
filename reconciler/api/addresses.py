"""Runs and steps as people name them: `RUN`, `RUN/STEP`, or whole with project and domain."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import UsageError
from reconciler.model.key import Place
from reconciler.model.run import Mode, Phase, RunId

_LONGEST = 63
"""Characters of a run's name; Flyte 2 takes 30 of its own, and refuses more itself."""

_PHASES = {
    "waiting-for-resources": Phase.WAITING,
    "timedout": Phase.TIMED_OUT,
    "timeout": Phase.TIMED_OUT,
    "unknown": Phase.UNDEFINED,
}
_ENDED = frozenset(phase for phase in Phase if phase.is_terminal)
_GROUPS = {"ended": _ENDED, "open": frozenset(Phase) - _ENDED}
_MODES = {
    "relaunch": Mode.RELAUNCHED,
    "recover": Mode.RECOVERED,
    "child-workflow": Mode.CHILD,
}


@dataclass(frozen=True, slots=True)
class Address:
    """A run, and a step in it where one is named."""

    run: RunId
    step: str = ""

    def __str__(self) -> str:
        return f"{self.run}/{self.step}" if self.step else str(self.run)


def address(text: str, *, project: str = "", domain: str = "") -> Address:
    """Read an address: `RUN`, `RUN/STEP`, `PROJECT/DOMAIN/RUN` or `PROJECT/DOMAIN/RUN/STEP`.

    The place is filled in where it is not named; raises UsageError where it cannot be.
    """
    parts = text.split("/")
    if not all(parts) or len(parts) > 4:
        raise UsageError(
            f"run {text}: is no address; write RUN, RUN/STEP, or PROJECT/DOMAIN/RUN[/STEP]"
        )
    if len(parts) > 2:
        project, domain, *parts = parts
    name, step = parts[0], parts[1] if len(parts) > 1 else ""
    if not project or not domain:
        lacking = "domain" if project else "project"
        raise UsageError(f"run {text}: no {lacking} is named; give --{lacking}")
    for what, given in (("project", project), ("domain", domain), ("run", name)):
        if len(given) > _LONGEST:
            raise UsageError(f"{what} {given}: is longer than {_LONGEST} characters; correct it")
    return Address(RunId(Place(project, domain), name), step)


def phases(words: str) -> frozenset[Phase]:
    """Read phases as either Flyte writes them, separated by commas; `ended` and `open` are many."""
    found: set[Phase] = set()
    for word in words.split(","):
        plain = _plain(word).removeprefix("action-phase-")
        if plain in _GROUPS:
            found |= _GROUPS[plain]
        elif plain in _PHASES:
            found.add(_PHASES[plain])
        elif plain in set(Phase):
            found.add(Phase(plain))
        else:
            known = ", ".join([*Phase, *_GROUPS])
            raise UsageError(f"--phase: {word}: is no phase; write one of {known}")
    return frozenset(found)


def modes(words: str) -> frozenset[Mode]:
    """Read how runs came to be, separated by commas."""
    found: set[Mode] = set()
    for word in words.split(","):
        plain = _plain(word)
        if plain not in _MODES and plain not in set(Mode):
            raise UsageError(f"--mode: {word}: is no mode; write one of {', '.join(Mode)}")
        found.add(_MODES.get(plain) or Mode(plain))
    return frozenset(found)


def _plain(word: str) -> str:
    return word.strip().lower().replace("_", "-").replace(" ", "-")
