"""The program as a process: streams that are open, signals that end it in order.

SIGTERM takes the way of Ctrl-C, which asyncio and click know how to end cleanly: calls under way
finish, an embedded server stops, locks are released. Only the exit code tells the two apart.
"""

from __future__ import annotations

import io
import os
import signal
import sys

_STREAMS = 3
_received: set[int] = set()


def open_streams() -> None:
    """Open what the caller closed of stdin, stdout and stderr, on the null device.

    Otherwise the next file or socket would get the number of a stream, and the text meant for it.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) < _STREAMS:
        os.set_inheritable(handle, True)
    os.close(handle)
    sys.stdin = sys.stdin or os.fdopen(0, "r", encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # another encoding gets escapes, never an error
            stream.reconfigure(errors="backslashreplace")


def handle_signals() -> None:
    """Let SIGTERM end the program as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _terminate)


def is_terminated() -> bool:
    """Say whether SIGTERM was received."""
    return signal.SIGTERM in _received


def leave_stdout() -> None:
    """Forget what could not be written, so that the interpreter does not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _terminate(number: int, _frame: object) -> None:
    _received.add(number)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start background jobs
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
