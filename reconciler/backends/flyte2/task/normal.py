"""Tasks of Flyte 2 in normal form.

A task's normal form is its spec as JSON in protobuf's mapping, without its identifier and without
what depends on where, by which SDK and into which Flyte it was deployed (flyte 2.11 and 2.12):

    arguments            see `arguments`; the place of the code is `code://<digest>/<file>`
    code_bundle_uri      left out where the arguments name the same code
    _F_SYS_PATH          without the current directory and the folders of the Python that deployed
    runtime.version      the SDK's own
    source_code          a link to a commit
    image_build_run      a run of another Flyte
    custom.version       of reusable environments: made of the rest and of how the code was packed

Descriptions are as long as Flyte keeps them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, cast

from flyteidl2.core import tasks_pb2
from flyteidl2.task import task_definition_pb2

from reconciler.backends.flyte2.task import arguments
from reconciler.backends.packages import code as packed
from reconciler.backends.packages import texts
from reconciler.backends.wire.message import to_json
from reconciler.model.digest import digest
from reconciler.model.document import Json, filled

KIND = "FlyteTask"
_SYS_PATH = "_F_SYS_PATH"
_ACTOR = "actor"
_SHORT_BYTES = 255
_LONG_BYTES = 2048
_OF_PYTHON = re.compile(r"bin|lib-dynload|site-packages|dist-packages|python\d[\d.]*(\.zip)?|\..+")


def normal(spec: task_definition_pb2.TaskSpec) -> dict[str, Json]:
    """Turn a spec, as it is stored or recorded, into its normal form."""
    message = task_definition_pb2.TaskSpec()
    message.CopyFrom(spec)
    texts.rewrite(message, packed.as_code)
    shorten(message)
    template = message.task_template
    _clear_place(template)
    arguments.change(template, arguments.plain)
    _clear_sys_path(template)
    if template.type == _ACTOR and "version" in template.custom.fields:
        del template.custom.fields["version"]
    message.documentation.ClearField("source_code")
    if not message.documentation.ByteSize():
        message.ClearField("documentation")
    return to_json(message)


def shorten(spec: task_definition_pb2.TaskSpec) -> None:
    """Cut descriptions where Flyte would, and never within a character, which it refuses."""
    if spec.HasField("environment"):
        spec.environment.description = _cut(spec.environment.description, _SHORT_BYTES)
    if spec.HasField("documentation"):
        about = spec.documentation
        about.short_description = _cut(about.short_description, _SHORT_BYTES)
        about.long_description = _cut(about.long_description, _LONG_BYTES)


def digest_of(name: str, body: dict[str, Json]) -> str:
    """Digest of a task: its name and its normal form."""
    return digest({"kind": KIND, "name": name, "body": body})


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Sum a normal form up for people; `content` differs whenever anything does."""
    template = cast("dict[str, Any]", body.get("taskTemplate", {}))
    interface = template.get("interface", {})
    found: dict[str, Json] = {
        "type": template.get("type"),
        "image": template.get("container", {}).get("image"),
        "code": list[Json](sorted(packed.digest_of_code(url) for url in packed.code_of(body))),
    }
    for side in ("inputs", "outputs"):
        variables = interface.get(side, {}).get("variables", [])
        found[side] = sorted(variable["key"] for variable in variables)
    found["content"] = digest(body)
    return filled(found)


def _clear_place(template: tasks_pb2.TaskTemplate) -> None:
    template.ClearField("id")
    metadata = template.metadata
    if metadata.HasField("runtime"):
        metadata.runtime.ClearField("version")
    metadata.ClearField("image_build_run")
    uri = metadata.code_bundle_uri
    metadata.ClearField("code_bundle_uri")
    if uri not in texts.texts(template):
        metadata.code_bundle_uri = uri


def _clear_sys_path(template: tasks_pb2.TaskTemplate) -> None:
    container = template.container
    kept = [_local(pair) for pair in container.env]
    if kept != list(container.env):
        del container.env[:]
        container.env.extend(pair for pair in kept if pair.key != _SYS_PATH or pair.value)
    for pod in texts.pod_containers(template.k8s_pod.pod_spec):
        env = texts.items(pod, "env")
        for index, value in reversed(list(enumerate(env))):
            fields = value.struct_value.fields
            if "name" not in fields or fields["name"].string_value != _SYS_PATH:
                continue
            fields["value"].string_value = _of_code(fields["value"].string_value)
            if not fields["value"].string_value:
                del pod.fields["env"].list_value.values[index]


def _local(pair: Any) -> Any:
    if pair.key != _SYS_PATH:
        return pair
    return type(pair)(key=pair.key, value=_of_code(pair.value))


def _of_code(text: str) -> str:
    """Keep the folders that code is imported from."""
    return ":".join(entry for entry in text.split(":") if _is_code(entry))


def _is_code(entry: str) -> bool:
    parts = PurePosixPath(entry).parts
    return bool(parts) and not any(map(_OF_PYTHON.fullmatch, parts))


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
