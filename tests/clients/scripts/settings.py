"""Runs in flytekit's Python: writes settings in their transport form, and reads such texts."""

import json
import sys

from flytekit import Resources
from flytekit.configuration import (
    FastSerializationSettings,
    Image,
    ImageConfig,
    SerializationSettings,
)
from flytekit.core.resources import ResourceSpec

given = json.loads(sys.argv[1])
full = SerializationSettings(
    image_config=ImageConfig(
        default_image=Image("default", "registry.example.com:5000/app", "v1"),
        images=[Image("spark", "example.invalid/spark", None, f"sha256:{'0' * 64}")],
    ),
    project="mine",
    domain="development",
    version="v1",
    env={"LEVEL": "debug"},
    default_resources=ResourceSpec(
        requests=Resources(cpu="1", mem="2Gi"), limits=Resources(cpu="2", mem="4Gi")
    ),
    git_repo="git@example.com:team/code.git",
    python_interpreter="/srv/venv/bin/python3",
    fast_serialization_settings=FastSerializationSettings(
        enabled=True, destination_dir="/code", distribution_location="s3://bucket/code.tar.gz"
    ),
    source_root="/home/someone/checkout",
)
read = [SerializationSettings.from_transport(text) for text in given["texts"]]
named = [image for one in read for image in one.image_config.images or ()]
print(
    json.dumps(
        {
            "text": full.with_serialized_context().env["_F_SS_C"],
            "full": full.to_dict(),
            "read": [one.to_dict() for one in read],
            "images": [one.image_config.default_image.full for one in read],
            "spark": [image.full for image in named if image.name == "spark"],
        }
    )
)
