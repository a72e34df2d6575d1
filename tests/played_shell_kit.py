"""The program beside a Flyte whose engine is played."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cli_kit import Ended, run
from running2_kit import Played2
from running_kit import Played


@dataclass(frozen=True, slots=True)
class PlayedShell:
    """Runs the program in a folder of its own, connected to the Flyte and in its project."""

    flyte: Played | Played2
    root: Path

    @property
    def connection(self) -> tuple[str, ...]:
        """The options that name server and place."""
        place = self.flyte.place
        generation = "Flyte1" if isinstance(self.flyte, Played) else "Flyte2"
        return (
            *("--endpoint", self.flyte.channel.endpoint, "--insecure", "--flyte", generation),
            *("--project", place.project, "--domain", place.domain),
        )

    async def __call__(self, *arguments: str) -> Ended:
        """Run it to its end."""
        return await run(*arguments, *self.connection, cwd=self.root)


def shell_in(folder: Path, flyte: Played | Played2) -> PlayedShell:
    """Make the folder, and hand the program out."""
    root = folder / "work"
    root.mkdir()
    return PlayedShell(flyte, root)
