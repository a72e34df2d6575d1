"""Tasks of Flyte 1 in normal form.

A task's normal form is its template without its own id, as JSON in protobuf's mapping. The template
is stored as it was sent: compiling a task adds nothing (flyteadmin 1.16.8). Two things in it depend
on where and how it was serialized and are read for what they mean:

    code://<digest>/<file>    in place of the URL that a code archive was uploaded to, which holds
                              the digest of what is in the archive
    _F_SS_C                   flytekit's settings, compressed, as the JSON text that they hold;
                              what names the checkout, and project, domain and version, which the
                              running task learns from Flyte (flytekit 1.16, bin/entrypoint.py), are
                              null
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, cast

from flyteidl.core import tasks_pb2

from reconciler.backends.flyte1 import settings_text
from reconciler.backends.packages import code as packed
from reconciler.backends.packages.texts import items, pod_containers
from reconciler.backends.wire.message import from_json, to_json
from reconciler.model.digest import digest
from reconciler.model.document import Json, filled

KIND = "FlyteTask"
SETTINGS = settings_text.VARIABLE

_UNSAID = ("project", "domain", "version", "source_root", "git_repo")

Text = Callable[[str], str]


def from_wire(template: tasks_pb2.TaskTemplate) -> dict[str, Json]:
    """Turn a stored template into its normal form."""
    return normal(template, code=packed.as_code)


def normal(template: tasks_pb2.TaskTemplate, *, code: Text) -> dict[str, Json]:
    """Turn a template into its normal form; `code` maps arguments to `code://` URLs or itself."""
    message = tasks_pb2.TaskTemplate()
    message.CopyFrom(template)
    message.ClearField("id")
    _rewrite(message, argument=code, settings=_plain_settings)
    return to_json(message)


def to_wire(body: dict[str, Json], urls: Mapping[str, str] | None = None) -> tasks_pb2.TaskTemplate:
    """Write a normal form as a template without id.

    `urls` maps `code://` URLs to those that the archives were uploaded to; without it they stay.
    """
    message = from_json(body, tasks_pb2.TaskTemplate())
    known = urls or {}

    def argument(text: str) -> str:
        return known.get(text, text)

    _rewrite(message, argument=argument, settings=_packed_settings)
    return message


def code_urls(template: tasks_pb2.TaskTemplate) -> frozenset[str]:
    """List where a registered task downloads code from, as the arguments of flytekit say."""
    lists = [list(template.container.args)]
    lists += [
        [value.string_value for value in items(pod, "args")]
        for pod in pod_containers(template.k8s_pod.pod_spec)
    ]
    return frozenset(
        url
        for args in lists
        for flag, url in pairwise(args)
        if flag == "--additional-distribution" and "://" in url
    )


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Sum a normal form up for people; `content` differs whenever anything does."""
    return to_summary(
        body,
        image=cast("dict[str, Any]", body).get("container", {}).get("image"),
        code=list[Json](sorted(packed.digest_of_code(url) for url in packed.code_of(body))),
    )


def to_summary(body: dict[str, Json], **more: Json) -> dict[str, Json]:
    """Sum up anything with an interface: its type, inputs and outputs."""
    template = cast("dict[str, Any]", body.get("template", body))
    interface = template.get("interface", {})
    found: dict[str, Json] = {"type": template.get("type"), **more}
    for side in ("inputs", "outputs"):
        found[side] = sorted(interface.get(side, {}).get("variables", {}))
    found["content"] = digest(body)
    return filled(found)


def _rewrite(message: tasks_pb2.TaskTemplate, *, argument: Text, settings: Text) -> None:
    """Change arguments and flytekit's settings in the container or in the pod's containers."""
    target = message.WhichOneof("target")
    if target == "container":
        container = message.container
        args = [argument(text) for text in container.args]
        if args != list(container.args):
            container.args[:] = args
        for pair in container.env:
            if pair.key == SETTINGS:
                pair.value = settings(pair.value)
    elif target == "k8s_pod":
        for pod in pod_containers(message.k8s_pod.pod_spec):
            for value in items(pod, "args"):
                if value.WhichOneof("kind") == "string_value":
                    value.string_value = argument(value.string_value)
            for value in items(pod, "env"):
                fields = value.struct_value.fields
                if "name" in fields and fields["name"].string_value == SETTINGS:
                    fields["value"].string_value = settings(fields["value"].string_value)


def _plain_settings(text: str) -> str:
    """Unpack settings and leave out what does not travel; what is not understood stays."""
    value = settings_text.unpack(text)
    if value is None:
        return text
    value.update({name: None for name in _UNSAID if name in value})
    # What follows is written differently by `pyflyte package` and `pyflyte register` and means the
    # same: at run time the place of the code is what the arguments say (bin/entrypoint.py).
    fast = value.get("fast_serialization_settings")
    if isinstance(fast, dict):
        fast["distribution_location"] = None
        value["fast_serialization_settings"] = fast if fast.get("enabled") else None
    if "default_resources" in value and not _says(value["default_resources"]):
        value["default_resources"] = None
    return settings_text.plain(value)


def _says(value: Any) -> bool:
    """Say whether nested settings hold anything but nulls."""
    if isinstance(value, dict):
        return any(map(_says, value.values()))
    return value is not None


def _packed_settings(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if not isinstance(value, dict):
        return text
    return settings_text.pack(value)
