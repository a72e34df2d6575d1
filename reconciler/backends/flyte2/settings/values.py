"""The fields of a record of settings, by their paths, and their values in the message.

A value has three states: one is given, none is given so that the broader level's counts, or none
counts at all, which a declaration lists under `unset` and which reads as `{"state": "Unset"}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from flyteidl2.core import tasks_pb2
from flyteidl2.settings import settings_definition_pb2 as wire
from pydantic import BaseModel

from reconciler.backends.wire.message import from_json, to_json
from reconciler.model.document import Json, Path
from reconciler.specs.settings import DeviceClass, Settings
from reconciler.specs.shape import written_name

_AMOUNTS = ("cpu", "gpu", "memory", "storage")

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "run/defaultQueue": ("run", "default_queue"),
    "run/maxActionConcurrency": ("run", "max_action_concurrency"),
    "run/runBaseDir": ("run", "run_base_dir"),
    "security/serviceAccount": ("security", "service_account"),
    "storage/rawDataPath": ("storage", "raw_data_path"),
    **{f"taskResources/min/{name}": ("task_resource", "min", name) for name in _AMOUNTS},
    **{f"taskResources/max/{name}": ("task_resource", "max", name) for name in _AMOUNTS},
    "taskResources/mirrorLimitsRequest": ("task_resource", "mirror_limits_request"),
    "taskResources/defaultAccelerator": ("task_resource", "default_accelerator"),
    "labels": ("labels",),
    "annotations": ("annotations",),
    "environmentVariables": ("environment_variables",),
    "app/disallowAnonymous": ("app", "disallow_anonymous"),
    "podTemplateName": ("pod_template_name",),
}
"""Each field of the language and where the message has it."""

_LIST: Final = "unset"
UNSET: Final[Json] = {"state": "Unset"}

_CLASSES: Final = {
    DeviceClass.NVIDIA_GPU: "NVIDIA_GPU",
    DeviceClass.GOOGLE_TPU: "GOOGLE_TPU",
    DeviceClass.AMAZON_NEURON: "AMAZON_NEURON",
    DeviceClass.AMD_GPU: "AMD_GPU",
    DeviceClass.HABANA_GAUDI: "HABANA_GAUDI",
    DeviceClass.APPLE_SILICON: "APPLE_SILICON",
}
_NAMES: Final = {text: name for name, text in _CLASSES.items()}


def declared(settings: Settings) -> dict[str, Json]:
    """List the fields that are declared by their paths; None is cleared, a group with all in it."""
    found = dict(_declared(settings, Settings, ""))
    unset = cast("list[str]", found.pop(_LIST, None) or [])
    return {
        **found,
        **{str(name).replace(".", "/"): UNSET for name in cast("list[str]", unset or [])},
    }


def listed(path: str, value: Json) -> tuple[Path, str] | None:
    """Say where a declaration lists a field by its name instead of giving it a value."""
    return ((_LIST,), path.replace("/", ".")) if value == UNSET else None


def _declared(part: BaseModel, model: type[BaseModel], above: str) -> Iterator[tuple[str, Json]]:
    for attribute in sorted(part.model_fields_set & model.model_fields.keys()):
        path = f"{above}{written_name(model, attribute)}"
        value = getattr(part, attribute)
        if isinstance(value, BaseModel) and path not in FIELDS:
            yield from _declared(value, type(value), f"{path}/")
        elif isinstance(value, BaseModel):
            yield path, _plain(value.model_dump(mode="json", by_alias=True))
        else:
            yield path, _json(value)


def _json(value: Any) -> Json:
    match value:
        case dict():
            return dict(value)
        case tuple():
            return [str(one) for one in value]
        case _:
            return cast("Json", value)


def _plain(accelerator: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out what is a default, as it is read."""
    default = ("deviceClass", str(DeviceClass.NVIDIA_GPU))
    return {name: part for name, part in accelerator.items() if part and (name, part) != default}


def over(broad: Mapping[str, Json], narrow: Mapping[str, Json]) -> dict[str, Json]:
    """Put one declaration over another: a cleared group hides what the other has below it."""
    groups = tuple(f"{path}/" for path, value in narrow.items() if value is None)
    return {
        **{path: value for path, value in broad.items() if not path.startswith(groups)},
        **narrow,
    }


def read(settings: wire.Settings) -> dict[str, Json]:
    """Read the fields that have a value, or that say that none counts."""
    found: dict[str, Json] = {}
    for path, steps in FIELDS.items():
        setting = _at(settings, steps)
        if setting.state == wire.SETTING_STATE_VALUE:
            found[path] = _read(setting)
        elif setting.state == wire.SETTING_STATE_UNSET:
            found[path] = UNSET
    return found


def write(settings: wire.Settings, fields: Mapping[str, Json]) -> None:
    """Write fields into a record, None for one that the broader level decides."""
    for path, value in fields.items():
        if path not in FIELDS:  # a group, whose fields are named too
            continue
        *groups, leaf = FIELDS[path]
        above = _at(settings, groups)
        above.ClearField(leaf)
        if value is None:
            continue
        setting = getattr(above, leaf)
        if value == UNSET:
            setting.state = wire.SETTING_STATE_UNSET
            continue
        setting.state = wire.SETTING_STATE_VALUE
        _write(setting, value)


def _at(message: Any, steps: tuple[str, ...] | list[str]) -> Any:
    for step in steps:
        message = getattr(message, step)
    return message


def _read(setting: Any) -> Json:
    match setting:
        case wire.StringMapSetting():
            return dict[str, Json](setting.map_value.entries)
        case wire.AcceleratorSetting():
            return _accelerator(setting.accelerator_value)
        case wire.Int64Setting():
            return setting.int_value
        case wire.BoolSetting():
            return setting.bool_value
        case wire.QuantitySetting():
            return setting.quantity_value
        case _:
            return cast("str", setting.string_value)


def _accelerator(value: tasks_pb2.GPUAccelerator) -> Json:
    found = dict(to_json(value))
    if "deviceClass" in found:
        kind = str(found["deviceClass"])
        found["deviceClass"] = str(_NAMES.get(kind, kind))
    return found


def _write(setting: Any, value: Any) -> None:
    match setting:
        case wire.StringMapSetting():
            setting.map_value.SetInParent()
            setting.map_value.entries.update(value)
        case wire.AcceleratorSetting():
            made = dict(value)
            if "deviceClass" in made:
                made["deviceClass"] = _CLASSES[DeviceClass(made["deviceClass"])]
            from_json(made, setting.accelerator_value)
        case wire.Int64Setting():
            setting.int_value = value
        case wire.BoolSetting():
            setting.bool_value = value
        case wire.QuantitySetting():
            setting.quantity_value = value
        case _:
            setting.string_value = value
