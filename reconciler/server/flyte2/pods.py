"""Logs of pods. There are no pods here; one is a folder with a file for each container.

`pods/NAMESPACE/POD/CONTAINER.log` beside the database, in lines as Kubernetes writes them: a time
and a text. A pod runs until its folder has a file `ended`. The refusals are the manager's
(v2.0.43, dataproxy/logs).
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import TYPE_CHECKING

from flyteidl2.logs.dataplane import payload_pb2

from reconciler.server.clock import stamp
from reconciler.server.flyte2.refusals import not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from flyteidl2.core import execution_pb2

    from reconciler.server.store import Store

_BATCH = 100
_POLL_SECONDS = 0.05
_PART = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


async def tail(
    store: Store, context: execution_pb2.LogContext
) -> AsyncIterator[list[payload_pb2.LogLine]]:
    """The lines of an attempt's first container, in batches, until its pod has ended."""
    pod, container = _primary(context)
    folder = _folder(store, pod)
    path, position, rest = folder / f"{container}.log", 0, b""
    while True:
        has_ended = (folder / "ended").exists()
        if path.exists():
            with path.open("rb") as file:
                file.seek(position)
                read = file.read()
            position += len(read)
            *whole, rest = (rest + read).split(b"\n")
            if has_ended and rest:
                whole.append(rest)
            for start in range(0, len(whole), _BATCH):
                yield [_line(one) for one in whole[start : start + _BATCH]]
        if has_ended:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _primary(context: execution_pb2.LogContext) -> tuple[execution_pb2.PodLogContext, str]:
    name = context.primary_pod_name
    if not name:
        raise not_found("primary pod name is empty in log context")
    pod = next((one for one in context.pods if one.pod_name == name), None)
    if pod is None:
        raise not_found(f"primary pod {name} not found in log context")
    container = pod.primary_container_name
    if container not in {one.container_name for one in pod.containers}:
        raise not_found(f"primary container {container} not found in pod {name}")
    return pod, container


def _folder(store: Store, pod: execution_pb2.PodLogContext) -> Path:
    folder = store.path.parent / "pods" / pod.namespace / pod.pod_name
    is_name = _PART.fullmatch(pod.namespace) and _PART.fullmatch(pod.pod_name)
    if not is_name or not folder.is_dir():
        raise not_found(f"pod {pod.pod_name} not found in namespace {pod.namespace}")
    return folder


def _line(raw: bytes) -> payload_pb2.LogLine:
    text = raw.decode(errors="replace").removesuffix("\r")
    line = payload_pb2.LogLine(message=text, originator=payload_pb2.USER)
    moment, separator, message = text.partition(" ")
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return line
    if separator and parsed.tzinfo is not None:
        line.timestamp.CopyFrom(stamp(round(parsed.timestamp() * 1_000_000)))
        line.message = message
    return line
