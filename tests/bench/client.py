"""Runs the command line as a user would, and writes down what it cost.

`python -m tests.bench.client FACTS ARGUMENT...` behaves as `reconcile ARGUMENT...` and writes JSON
to FACTS: calls by method, and the wall seconds and actions of each write phase.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the command in this process."""
    facts, arguments = Path(sys.argv[1]), sys.argv[2:]
    from reconciler.apply import execute
    from reconciler.backends.wire import channel
    from reconciler.cli import main as cli

    channels: list[channel.Channel] = []
    phases: list[tuple[float, int]] = []
    made, run = channel.Channel.__init__, execute.run

    def keep(self: channel.Channel, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        channels.append(self)

    async def timed(*given: Any, **named: Any) -> Any:
        start = time.perf_counter()
        report = await run(*given, **named)
        phases.append((time.perf_counter() - start, len(report.outcomes)))
        return report

    channel.Channel.__init__ = keep  # type: ignore[method-assign]
    execute.run = timed
    try:
        cli.run(arguments)
    finally:
        calls: dict[str, int] = {}
        for one in channels:
            for method, count in one.calls.items():
                calls[method] = calls.get(method, 0) + count
        facts.write_text(json.dumps({"calls": calls, "phases": phases}))


if __name__ == "__main__":
    main()
