"""Messages that the manager keeps as files, in the one container that it is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server.objects import BUCKET, SCHEME
from reconciler.server.status import internal

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from reconciler.server.store import Store

BASE = f"{SCHEME}://{BUCKET}"


def write(store: Store, url: str, message: Message) -> None:
    """Keep inputs; INTERNAL for a place outside the container."""
    scheme, separator, rest = url.partition("://")
    container = rest.partition("/")[0] if separator and scheme == SCHEME else ""
    if container != BUCKET:
        raise internal(
            f"failed to write inputs: Conf container:{BUCKET} != Passed Container:{container}. "
            "Dynamic loading is disabled: not found"
        )
    store.objects.put(url, message.SerializeToString())
