"""How the SDK starts a task: what the arguments of its entrypoint say, wherever it was deployed.

Facts from the SDK (flyte 2.11 and 2.12, _task.py and _internal/image_cache.py). The arguments hold
the version that the task was deployed as, the place of its code, and the images of every
environment of the deployment, as base64 of gzip of JSON. What follows `--resolver` is the task's
own. Images are written here as the JSON that they are, since neither their order nor how they are
compressed matters.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flyteidl2.core import tasks_pb2

from reconciler.backends.packages.texts import items, pod_containers

_ENTRYPOINTS = frozenset({"a0", "clustered"})
_VERSION = "--version"
_IMAGES = "--image-cache"
_RESOLVER = "--resolver"
_CODE = frozenset({"--tgz", "--pkl"})
_IMAGES_BY_ENVIRONMENT = "image_lookup"
_VALUED = frozenset({_VERSION, _IMAGES, *_CODE})
_BUILT_BY = "build_run_ids"
"""Which runs built the images; of the Flyte that they ran on."""

Arguments = Callable[[list[str]], list[str]]


def change(template: tasks_pb2.TaskTemplate, new: Arguments) -> None:
    """Put the arguments of the container, or of each container of the pod, through `new`."""
    for given, write in _lists(template):
        changed = new(given)
        if changed != given:
            write(changed)


def plain(arguments: list[str]) -> list[str]:
    """Leave out the version, and write images as plain JSON."""
    return _with(arguments, version=lambda _: None, images=_plain_images)


def with_version(arguments: list[str], version: str) -> list[str]:
    """Give the entrypoint another version, and images in a form that content alone decides."""
    return _with(arguments, version=lambda _: version, images=_packed_images)


def with_images(arguments: list[str], chosen: Callable[[str], str]) -> list[str]:
    """Put the image of every environment through `chosen`."""

    def images(text: str) -> str:
        value = _unpacked(text)
        lookup = value and value[_IMAGES_BY_ENVIRONMENT]
        if value is None or not isinstance(lookup, dict):
            return text
        return _pack({**value, _IMAGES_BY_ENVIRONMENT: _each(lookup, chosen)})

    return _with(arguments, version=lambda given: given, images=images)


def _each(lookup: dict[str, Any], chosen: Callable[[str], str]) -> dict[str, Any]:
    return {name: chosen(one) if isinstance(one, str) else one for name, one in lookup.items()}


def versions(template: tasks_pb2.TaskTemplate) -> Iterator[str]:
    """Yield the versions that the arguments name."""
    for given, _ in _lists(template):
        for flag, value in _options(given):
            if flag == _VERSION and value is not None:
                yield value


def code(template: tasks_pb2.TaskTemplate) -> Iterator[str]:
    """Yield the URLs of code that the arguments name."""
    for given, _ in _lists(template):
        for flag, value in _options(given):
            if flag in _CODE and value:
                yield value


def _with(
    arguments: list[str], *, version: Callable[[str], str | None], images: Callable[[str], str]
) -> list[str]:
    """Put the version, which None leaves out, and the images through what is given for each."""
    found: list[str] = []
    for flag, value in _options(arguments):
        if flag == _VERSION and value is not None:
            new = version(value)
            found += [] if new is None else [flag, new]
        elif flag == _IMAGES and value is not None:
            found += [flag, images(value)]
        else:
            found += [flag] if value is None else [flag, value]
    return found


def _options(arguments: list[str]) -> Iterator[tuple[str, str | None]]:
    """Read options with their values up to the resolver; all else comes word by word."""
    if not arguments or arguments[0] not in _ENTRYPOINTS:
        yield from ((word, None) for word in arguments)
        return
    rest = iter(arguments)
    for word in rest:
        if word == _RESOLVER:
            yield word, None
            break
        yield word, next(rest, None) if word in _VALUED else None
    yield from ((word, None) for word in rest)


def _plain_images(text: str) -> str:
    value = _unpacked(text)
    return text if value is None else _dumps(value)


def _packed_images(text: str) -> str:
    value = _unpacked(text)
    if value is None:
        return text
    return _pack(value)


def _pack(value: dict[str, Any]) -> str:
    return base64.b64encode(gzip.compress(_dumps(value).encode(), mtime=0)).decode("ascii")


def _unpacked(text: str) -> dict[str, Any] | None:
    """Read images; None for what is not understood."""
    try:
        value = json.loads(gzip.decompress(base64.b64decode(text, validate=True)))
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
        return None
    if not isinstance(value, dict) or _IMAGES_BY_ENVIRONMENT not in value:
        return None
    return {name: one for name, one in value.items() if name != _BUILT_BY}


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _lists(
    template: tasks_pb2.TaskTemplate,
) -> Iterator[tuple[list[str], Callable[[Iterable[str]], None]]]:
    if template.HasField("container"):
        yield list(template.container.args), _container_writer(template.container)
    for pod in pod_containers(template.k8s_pod.pod_spec):
        values = items(pod, "args")
        if values and all(value.WhichOneof("kind") == "string_value" for value in values):
            yield [value.string_value for value in values], _pod_writer(pod)


def _container_writer(container: tasks_pb2.Container) -> Callable[[Iterable[str]], None]:
    def write(arguments: Iterable[str]) -> None:
        container.args[:] = arguments

    return write


def _pod_writer(pod: Any) -> Callable[[Iterable[str]], None]:
    def write(arguments: Iterable[str]) -> None:
        pod.update({"args": list(arguments)})

    return write
