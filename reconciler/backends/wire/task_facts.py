"""What a task's template tells people besides its interface; the same on both Flytes."""

from __future__ import annotations

from typing import Any

from reconciler.backends.wire.message import to_json
from reconciler.model.document import Json, filled


def facts_of(template: Any) -> dict[str, Json]:
    """Sum up a `core.TaskTemplate` of either Flyte; what is not set is left out."""
    metadata = template.metadata
    found: dict[str, Json] = {
        "type": template.type,
        "sdk": " ".join(
            part for part in (metadata.runtime.flavor, metadata.runtime.version) if part
        ),
        "image": _image(template),
        "cache": _cache(metadata),
        "retries": metadata.retries.retries,
        "timeout": metadata.timeout.ToJsonString() if metadata.HasField("timeout") else "",
        "interruptible": metadata.interruptible if _says_interruptible(metadata) else None,
        "podTemplate": metadata.pod_template_name,
        "deprecated": metadata.deprecated_error_message,
        "resources": _resources(template),
        "envs": [pair.key for pair in template.container.env],
        "secrets": [_secret(one) for one in template.security_context.secrets],
        "tags": dict(metadata.tags),
    }
    return {name: value for name, value in found.items() if value or value is False}


def _image(template: Any) -> str:
    match template.WhichOneof("target"):
        case "container":
            return str(template.container.image)
        case "k8s_pod":
            pod = to_json(template.k8s_pod.pod_spec)
            containers = pod.get("containers")
            images = [
                str(one.get("image"))
                for one in (containers if isinstance(containers, list) else ())
                if isinstance(one, dict) and one.get("image")
            ]
            return ", ".join(images)
        case _:
            return ""


def _cache(metadata: Any) -> dict[str, Json]:
    if not metadata.discoverable:
        return {}
    found: dict[str, Json] = {
        "version": metadata.discovery_version,
        "serializable": metadata.cache_serializable,
        "ignoredInputs": list[Json](metadata.cache_ignore_input_vars),
    }
    return {"enabled": True, **filled(found)}


def _says_interruptible(metadata: Any) -> bool:
    return metadata.WhichOneof("interruptible_value") is not None


def _resources(template: Any) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for side in ("requests", "limits"):
        entries = getattr(template.container.resources, side)
        found[side] = {_name(entry).lower(): entry.value for entry in entries}
    return filled(found)


def _name(entry: Any) -> str:
    """Name a resource; the stubs do not name its enum."""
    values = entry.DESCRIPTOR.fields_by_name["name"].enum_type.values_by_number
    return str(values[entry.name].name)


def _secret(one: Any) -> str:
    return "/".join(part for part in (one.group, one.key) if part)
