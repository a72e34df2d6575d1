"""What is wrong with a package for Flyte 2 is said at its archive, and nothing is declared."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from flyteidl2.task import task_definition_pb2
from package_files import QUICKSTART, opened, package
from package_files import resolved as resolved_on_flyte1
from package_flyte2 import SHOP, Request, edited, requests, resolved, rewritten, task

from reconciler.backends.flyte2.package import recorded
from reconciler.backends.flyte2.task import arguments
from reconciler.backends.packages import recorded as packages
from reconciler.model.key import Key
from reconciler.resolve.resolve import Resolved
from reconciler.sources.archive import Archive

IMAGE = re.compile(r"registry\.example\.com/\w+:\w+")


def problem_of(archive: Archive | str | None) -> str:
    found = resolved(package(), archive=archive)
    assert not found.desired.resources
    return "\n".join(str(one) for one in found.errors)


def manifest(**fields: Any) -> Archive:
    value = {"formatVersion": 1, "flyte": "Flyte2", "requests": [], **fields}
    return Archive({"manifest.json": json.dumps(value).encode(), "bad": b"\xff\xff"})


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (opened(QUICKSTART), "was not recorded; make it with `reconcile record"),
        (manifest(flyte="Flyte1"), "recorded from a client of Flyte1"),
        (manifest(), "holds no tasks"),
        (manifest(formatVersion=9), "is not of format 1"),
        (
            manifest(requests=[{"method": "AdminService.CreateTask", "file": "bad"}]),
            "registers nothing",
        ),
        (
            manifest(requests=[{"method": "TaskService.DeployTask", "file": "bad"}]),
            "is not the request",
        ),
        ("dist/package.tgz: No such file", "No such file"),
        (None, "was not read"),
    ],
)
def test_archive_of_no_use_is_an_error(archive: Archive | str | None, words: str) -> None:
    assert words in problem_of(archive)


def test_package_of_flyte_2_is_an_error_on_flyte_1() -> None:
    found = resolved_on_flyte1(package(), archive=opened(SHOP))
    assert "recorded from a client of Flyte2" in str(found.errors[0])


def test_every_fault_is_said_at_once() -> None:
    nameless, long, unknown, lost = task(""), task("x" * 256), task("unknown"), task("lost")
    unknown.spec.MergeFromString(b"\xfa\x3f\x01x")
    lost.spec.task_template.container.args.append("recorded://00/gone.tar.gz")
    made = packages.write(
        recorded.FORM,
        [nameless, long, unknown, lost, task("twice"), task("twice", version="v2")],
        [packages.Blob("recorded://11/a.tar.gz", "a.tar.gz", b"no tar")],
    )
    found = problem_of(made)
    for words in (
        "is no FlyteTask with a name",
        "more than 255 characters",
        "has fields that this version of reconcile does not know",
        "FlyteTask lost: names recorded://00/gone.tar.gz, which the package does not hold",
        "FlyteTask twice is in the package a second time",
        "the upload recorded://11/a.tar.gz is neither a tgz nor a complete tar",
    ):
        assert words in found


def test_value_that_json_cannot_hold_is_an_error() -> None:
    def endless(one: Request) -> None:
        one.spec.task_template.custom.update({"limit": float("inf")})

    assert "requests/" in problem_of(edited(opened(SHOP), "orders.load", endless))


def test_tasks_are_resources_with_versions_of_their_own() -> None:
    found = resolved(package(), archive=opened(SHOP))
    assert not found.problems
    names = ["orders.etl", "orders.load", "pods.check", "shell", "warm.score"]
    keys = [Key("FlyteTask", "flytesnacks", "development", name) for name in names]
    assert list(found.desired.resources) == keys
    versions = {resource.version for resource in found.desired.resources.values()}
    assert len(versions) == 5
    assert all(version.startswith("team.a") for version in versions)
    assert {resource.group for resource in found.desired.resources.values()} == {
        "FlytePackage/flytesnacks/development/code"
    }


def test_trigger_that_came_with_a_task_is_noted() -> None:
    made = edited(opened(SHOP), "orders.etl", lambda one: one.triggers.add(name="daily"))
    found = resolved(package(), archive=made)
    notes = {key.name: one.notes for key, one in found.desired.resources.items() if one.notes}
    assert notes == {
        "orders.etl": ('its trigger "daily" is not registered with it; declare a FlyteTrigger',)
    }


def test_fields_about_launch_plans_are_errors_where_they_are_written() -> None:
    document = package(launchPlans={"register": "All"}, options={"labels": {"a": "b"}})
    found = resolved(document, archive=opened(SHOP))
    assert [(one.path, one.fix) for one in found.errors] == [
        ("spec.launchPlans", "remove it, and declare a FlyteTrigger for what is to run by itself"),
        ("spec.options", "remove it, and write spec.run of a FlyteTrigger"),
    ]
    assert all("Flyte 2 does not have" in one.message for one in found.errors)
    assert not found.desired.resources


def test_code_and_specs_go_along_and_hold_no_place() -> None:
    found = resolved(package(), archive=opened(SHOP))
    code = [name for name in found.attachments if name.startswith("code://")]
    specs = {name: one for name, one in found.attachments.items() if name.startswith("FlyteTask/")}
    assert len(code) == 1
    assert gzip.decompress(found.attachments[code[0]])
    assert len(specs) == 5
    loaded = next(one for name, one in specs.items() if "orders.load@" in name)
    assert code[0].encode() in loaded
    assert b"recorded://" not in b"".join(specs.values())


def images_of(found: Resolved) -> set[str]:
    """Every image in what tasks are registered from, and in the images that they are told."""
    texts: set[str] = set()
    for name, content in found.attachments.items():
        if name.startswith("FlyteTask/"):
            assert isinstance(content, bytes)
            spec = task_definition_pb2.TaskSpec.FromString(content)
            arguments.change(spec.task_template, arguments.plain)
            texts |= set(IMAGE.findall(str(spec)))
    return texts


def test_images_are_chosen_wherever_a_task_names_one() -> None:
    before = resolved(package(), archive=opened(SHOP))
    assert images_of(before) == {
        f"registry.example.com/{name}" for name in ("shop:v1", "warm:v2", "alpine:3")
    }
    document = package(images=[{"name": "registry.example.com/*", "newTag": "v9"}])
    after = resolved(document, archive=opened(SHOP))
    assert not after.problems
    assert images_of(after) == {
        f"registry.example.com/{name}:v9" for name in ("shop", "warm", "alpine")
    }
    old, new = before.desired.resources, after.desired.resources
    assert all(old[key].version != new[key].version for key in old)


def test_chosen_image_is_content_and_moves_what_runs_or_starts_it() -> None:
    before = resolved(package(), archive=opened(SHOP)).desired.resources
    document = package(images=[{"name": "*/shop", "newName": "mirror.example.com/shop"}])
    after = resolved(document, archive=opened(SHOP)).desired.resources
    moved = {key.name for key in before if before[key].version != after[key].version}
    assert moved == {"orders.etl", "orders.load", "pods.check"}
    again = package(images=[{"name": "*/shop", "newTag": "v1"}])
    same = resolved(again, archive=opened(SHOP)).desired.resources
    assert [one.version for one in same.values()] == [one.version for one in before.values()]


def test_entry_that_decides_on_no_image_is_a_warning() -> None:
    found = resolved(package(images=[{"name": "other", "newTag": "v1"}]), archive=opened(SHOP))
    assert not found.errors
    (warning,) = found.warnings
    assert 'no container of the package runs an image named by "other"' in warning.message


def test_the_same_package_in_two_domains_has_the_same_versions() -> None:
    one = resolved(package(domain="staging"), archive=opened(SHOP))
    other = resolved(package(domain="production"), archive=opened(SHOP))
    assert [resource.version for resource in one.desired.resources.values()] == [
        resource.version for resource in other.desired.resources.values()
    ]


def test_rewriting_changes_nothing() -> None:
    archive = opened(SHOP)
    made = rewritten(archive, requests(archive))
    kept = {name: one for name, one in archive.members.items() if name != "manifest.json"}
    assert {name: one for name, one in made.members.items() if name != "manifest.json"} == kept
