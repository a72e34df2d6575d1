"""Runs in flytekit's Python: registers by FlyteRemote, with a reference to a task of others."""

from datetime import datetime

import etl
from flytekit import reference_task, workflow
from flytekit.configuration import Config, Image, ImageConfig, SerializationSettings
from flytekit.models.common import NamedEntityIdentifier
from flytekit.models.core.identifier import ResourceType
from flytekit.models.named_entity import NamedEntityMetadata, NamedEntityState
from flytekit.remote import FlyteRemote


@reference_task(project="shared", domain="production", name="clean", version="v9")
def clean(values: list[int]) -> list[int]:
    """Somebody else's."""


@workflow
def flow(day: datetime) -> list[int]:
    """Use it."""
    return clean(values=etl.load(day=day, count=1, mode=etl.Mode.FULL))


flow._name = "own.flow"
remote = FlyteRemote(Config.auto(), default_project="mine", default_domain="development")
settings = SerializationSettings(
    image_config=ImageConfig(default_image=Image("default", "registry.example.com/etl", "v1")),
    project="mine",
    domain="development",
    version="v1",
)
remote.register_workflow(flow, settings, version="v1")
remote.client.update_named_entity(
    ResourceType.TASK,
    NamedEntityIdentifier("mine", "development", "etl.load"),
    NamedEntityMetadata("described", NamedEntityState.ACTIVE),
)
