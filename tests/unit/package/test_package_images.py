"""Images chosen at registration: what is rewritten, what it counts for, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flyteidl.core import tasks_pb2
from google.protobuf import json_format
from package_files import (
    ARCHIVES,
    HERE,
    QUICKSTART,
    VARIETY,
    document,
    edited,
    opened,
    package,
    resolved,
)

from reconciler.backends.flyte1 import settings_text, task
from reconciler.backends.flyte1.package import entities, recorded
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.origin import Severity
from reconciler.resolve.resolve import Resolved
from reconciler.sources.archive import Archive
from reconciler.specs.validate import validate

IMAGE = "example.invalid/quickstart"
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
OLD = f"sha256:{'f' * 64}"


def chosen(archive: Archive, *images: dict[str, str]) -> Resolved:
    found = resolved(package(images=list[Json](dict(one) for one in images)), archive=archive)
    assert not found.errors
    return found


def bodies(found: Resolved) -> dict[str, Any]:
    return {f"{key.kind}/{key.name}": one.body for key, one in found.desired.resources.items()}


def digests(found: Resolved) -> dict[str, str]:
    return {f"{key.kind}/{key.name}": one.digest for key, one in found.desired.resources.items()}


def with_image(text: str) -> Archive:
    def change(spec: Any) -> None:
        spec.template.container.image = text

    return edited(opened(QUICKSTART), "quickstart.report.alive_1", change)


@pytest.mark.parametrize(
    ("before", "entry", "after"),
    [
        ("app:v1", {"newTag": "v2"}, "app:v2"),
        ("app", {"newTag": "v2"}, "app:v2"),
        ("app:v1", {"digest": DIGEST}, f"app@{DIGEST}"),
        (f"app@{OLD}", {"newTag": "v2"}, "app:v2"),
        (f"app:v1@{OLD}", {"digest": DIGEST}, f"app@{DIGEST}"),
        ("app:v1", {"newName": "host:5000/app"}, "host:5000/app:v1"),
        (f"app:v1@{OLD}", {"newName": "other"}, f"other:v1@{OLD}"),
        ("app", {"newName": "other", "digest": DIGEST}, f"other@{DIGEST}"),
        ("app:v1", {"newName": "other", "newTag": "v2"}, "other:v2"),
    ],
)
def test_name_tag_and_digest_are_replaced(before: str, entry: dict[str, str], after: str) -> None:
    found = chosen(with_image(before), {"name": "app", **entry})
    assert bodies(found)["FlyteTask/quickstart.report.alive"]["container"]["image"] == after
    assert not found.problems


@pytest.mark.parametrize(
    ("image", "name", "is_matched"),
    [
        ("host:5000/team/app:v1", "host:5000/team/app", True),
        ("host:5000/team/app:v1", "host:*/app", True),
        ("host:5000/team/app", "*/app", True),
        ("host/team/app:v1", "app", False),
        ("host:5000/app:v1", "host", False),
        ("application:v1", "app", False),
    ],
)
def test_entry_names_an_image_without_its_tag(image: str, name: str, is_matched: bool) -> None:
    found = chosen(with_image(image), {"name": name, "newTag": "new"})
    now = bodies(found)["FlyteTask/quickstart.report.alive"]["container"]["image"]
    assert now.endswith(":new") is is_matched
    assert bool(found.problems) is not is_matched


@pytest.mark.parametrize(
    ("entry", "path", "words"),
    [
        ({"name": "app", "newTag": "v1", "digest": DIGEST}, "digest", "excludes newTag"),
        ({"name": "app"}, "images[0]", "needs newName, newTag or digest"),
        ({"name": "app:v1", "newTag": "v2"}, "name", "write app"),
        ({"name": "host:5000/app:v1", "newTag": "v2"}, "name", "write host:5000/app"),
        ({"name": f"app@{DIGEST}", "newTag": "v2"}, "name", "write app"),
        ({"name": "app", "newName": "app:v2"}, "newName", "an image without tag and digest"),
        ({"name": "app", "newTag": "a b"}, "newTag", "a tag of an image"),
        ({"name": "app", "digest": "v2"}, "digest", "a digest of an image"),
        ({"newTag": "v2"}, "name", "is missing"),
    ],
)
def test_entry_that_cannot_be_meant_is_refused(
    entry: dict[str, str], path: str, words: str
) -> None:
    problems = validate([package(images=[dict(entry)])]).problems
    assert any(path in one.path and words in str(one) for one in problems), problems


def test_same_name_twice_is_refused() -> None:
    images: list[Json] = [{"name": "app", "newTag": "v1"}, {"name": "app", "newTag": "v2"}]
    (problem,) = validate([package(images=images)]).problems
    assert 'names "app" a second time' in str(problem)
    assert problem.path == "spec.images[1].name"


def test_entry_without_an_image_is_a_warning_at_its_place() -> None:
    found = chosen(
        opened(QUICKSTART), {"name": IMAGE, "newTag": "v2"}, {"name": "nothing", "newTag": "v2"}
    )
    (problem,) = found.problems
    assert problem.severity is Severity.WARNING
    assert problem.path == "spec.images[1].name"
    assert str(problem.origin).startswith("code.yaml:1")
    assert IMAGE in problem.fix
    assert len(found.desired.resources) == 17


def test_first_entry_that_matches_decides_and_one_that_never_does_is_a_warning() -> None:
    found = chosen(
        opened(QUICKSTART), {"name": "*", "newTag": "v2"}, {"name": IMAGE, "newTag": "v3"}
    )
    images = {body["container"]["image"] for name, body in bodies(found).items() if "Task" in name}
    assert images == {f"{IMAGE}:v2"}
    (problem,) = found.problems
    assert "is matched by an entry before it" in problem.message


def test_rewritten_package_has_the_versions_of_one_built_with_that_image() -> None:
    archive = opened(QUICKSTART)
    built = archive

    def change(spec: Any) -> None:
        spec.template.container.image = "example.invalid/quickstart:v2"
        for holder in spec.template.container.env:
            value = settings_text.unpack(holder.value)
            assert value is not None
            for one in (value["image_config"]["default_image"], *value["image_config"]["images"]):
                one["tag"] = "v2"
            holder.value = settings_text.pack(value)

    names = {member[3:-3] for member in archive.members if member.endswith("_1.pb")}
    assert len(names) == 6
    for name in names:
        built = edited(built, name, change)
    found = chosen(archive, {"name": IMAGE, "newTag": "v2"})
    assert digests(found) == digests(chosen(built))
    assert digests(found) != digests(chosen(archive))
    assert digests(chosen(archive, {"name": IMAGE, "newTag": "v1"})) == digests(chosen(archive))


def test_tasks_that_make_tasks_give_them_the_chosen_image() -> None:
    found = chosen(opened(QUICKSTART), {"name": IMAGE, "newName": "host:5000/q", "digest": DIGEST})
    body = bodies(found)["FlyteTask/quickstart.etl.clean_in_parts"]
    (pair,) = [one for one in body["container"]["env"] if one["key"] == task.SETTINGS]
    config = json.loads(pair["value"])["image_config"]
    one = {"name": "default", "fqn": "host:5000/q", "tag": None, "digest": DIGEST}
    assert config == {"default_image": one, "images": [one]}


def test_image_with_both_in_the_settings_stays_readable_for_flytekit() -> None:
    def change(spec: Any) -> None:
        (pair,) = spec.template.container.env
        value = settings_text.unpack(pair.value)
        assert value is not None
        value["image_config"]["default_image"] |= {"fqn": "a:v1", "tag": None, "digest": OLD}
        pair.value = settings_text.pack(value)

    archive = edited(opened(QUICKSTART), "quickstart.etl.clean_in_parts_1", change)
    found = chosen(archive, {"name": "a", "newName": "b"})
    (pair,) = bodies(found)["FlyteTask/quickstart.etl.clean_in_parts"]["container"]["env"]
    made = json.loads(pair["value"])["image_config"]["default_image"]
    assert made == {"name": "default", "fqn": "b:v1", "tag": None, "digest": OLD}


def test_pods_of_tasks_are_rewritten() -> None:
    def change(spec: Any) -> None:
        pod = json_format.MessageToDict(spec.template.k8s_pod.pod_spec)
        pod["initContainers"] = [{"name": "first", "image": "busybox"}]
        spec.template.k8s_pod.pod_spec.Clear()
        json_format.ParseDict(pod, spec.template.k8s_pod.pod_spec)

    archive = edited(opened(VARIETY), "variety.flows.in_a_pod_1", change)
    found = chosen(
        archive,
        {"name": "example.invalid/variety", "newTag": "v2"},
        {"name": "busybox", "newName": "mirror.example.com/busybox", "newTag": "1"},
    )
    pod = bodies(found)["FlyteTask/variety.flows.in_a_pod"]["k8sPod"]["podSpec"]
    assert [one["image"] for one in pod["containers"]] == ["example.invalid/variety:v2"]
    assert [one["image"] for one in pod["initContainers"]] == ["mirror.example.com/busybox:1"]


def test_plugins_and_overrides_of_nodes_are_rewritten_and_literals_are_not() -> None:
    def plugin(spec: Any) -> None:
        custom = {"workers": {"image": "app:v1"}, "head": {"podSpec": {"containers": []}}}
        custom["head"]["podSpec"]["containers"] = [{"name": "ray", "image": "app:v1"}]  # type: ignore[assignment]
        json_format.ParseDict(custom, spec.template.custom)

    def flow(spec: Any) -> None:
        node = spec.template.nodes[0]
        node.task_node.overrides.container_image = "app:v1"
        pod = {"podSpec": {"containers": [{"name": "primary", "image": "app:v1"}]}}
        json_format.ParseDict(pod, node.task_node.overrides.pod_template)
        binding = node.inputs.add(var="given").binding
        json_format.ParseDict({"image": "app:v1"}, binding.scalar.generic)

    archive = edited(opened(QUICKSTART), "quickstart.report.alive_1", plugin)
    archive = edited(archive, "quickstart.report.heartbeat_2", flow)
    found = bodies(chosen(archive, {"name": "app", "newTag": "v2"}))
    custom = found["FlyteTask/quickstart.report.alive"]["custom"]
    assert custom["workers"]["image"] == "app:v2"
    assert custom["head"]["podSpec"]["containers"][0]["image"] == "app:v2"
    text = json.dumps(found["FlyteWorkflow/quickstart.report.heartbeat"])
    assert text.count("app:v2") == 2
    assert text.count("app:v1") == 1


def test_recorded_package_is_rewritten_alike() -> None:
    from test_package_recorded import requests

    made = recorded.write(requests(opened(QUICKSTART)))
    entry = {"name": IMAGE, "newTag": "v2"}
    assert digests(chosen(made, entry)) == digests(chosen(opened(QUICKSTART), entry))


def test_archive_as_it_was_read_is_not_changed() -> None:
    from reconciler.backends.flyte1.package import images
    from reconciler.specs.package import PackageImage

    content = entities.read(opened(ARCHIVES / "quickstart-all.tgz"))
    before = _texts(content)
    entry = PackageImage.model_validate({"name": "*", "newTag": "v9"})
    after = images.rewritten(content, images.Choice([entry]))
    assert _texts(content) == before
    assert all(one.template.container.image.endswith(":v9") for one in after.tasks.values())


def _texts(content: entities.Content) -> dict[str, str]:
    return {name: str(one) for name, one in content.tasks.items()}


def test_placeholders_of_images_are_left_to_who_fills_them() -> None:
    container = tasks_pb2.Container(image="{{.image.default.fqn}}:{{.image.default.version}}")
    found = chosen(with_image(container.image), {"name": "*", "newTag": "v2"})
    body = bodies(found)["FlyteTask/quickstart.report.alive"]
    assert body["container"]["image"] == container.image


def test_plans_find_the_workflow_of_the_chosen_image() -> None:
    plan = document(
        "FlyteLaunchPlan",
        "berlin",
        workflow={"name": "quickstart.etl.etl", "package": "code"},
        inputs={"weights": {"base": 1}},
    )
    images: list[Json] = [{"name": IMAGE, "newTag": "v2"}]
    key = Key("FlyteLaunchPlan", HERE.project, HERE.domain, "berlin")
    versions = {
        resolved(one, plan, archive=opened(QUICKSTART)).desired.resources[key].refs[0].version
        for one in (package(), package(images=images))
    }
    assert len(versions) == 2
