"""Chooses the images that the tasks of a package run, as a FlytePackage asks for.

An image is one in a container, in the containers of a pod and of a plugin's, in what a reusable
environment says of itself, and in the arguments, which tell a task the images of those that it
starts. Rewriting comes before digests are made, so that content is what is going to run.
"""

from __future__ import annotations

from flyteidl2.task import task_definition_pb2

from reconciler.backends.flyte2.task import arguments
from reconciler.backends.packages.images import Change, in_struct, in_text
from reconciler.backends.packages.texts import messages

_OF_REUSABLE = "container_image"


def rewrite(spec: task_definition_pb2.TaskSpec, choice: Change) -> None:
    """Put every image of a task through a choice."""
    template = spec.task_template
    if template.HasField("container"):
        template.container.image = in_text(template.container.image, choice)
    in_struct(template.k8s_pod.pod_spec, choice)
    in_struct(template.custom, choice)
    for part in messages(template.custom):
        fields = getattr(part, "fields", {})
        if _OF_REUSABLE in fields:
            value = fields[_OF_REUSABLE]
            value.string_value = in_text(value.string_value, choice)
    arguments.change(
        template, lambda words: arguments.with_images(words, lambda text: in_text(text, choice))
    )
