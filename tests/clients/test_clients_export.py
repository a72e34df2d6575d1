"""`reconcile export --packages` of what real pyflyte registered, its code included."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from client_kit import IMAGE, KIT, Kit, run

from reconciler.backends.flyte1.package import entities, graph
from reconciler.model.key import Place
from reconciler.sources import archive
from reconciler.specs.package import PackageOptions

pytestmark = pytest.mark.clients


def digests(path: Path) -> dict[tuple[str, str], str]:
    """The digest of each entity of a package."""
    content = entities.read(archive.read(path.read_bytes()))
    made = graph.build(content, place=Place("p", "d"), options=PackageOptions())
    return {name: entity.digest for name, entity in made.entities.items()}


@pytest.mark.parametrize("copy", ["none", "auto"])
def test_export_of_a_register_has_the_digests_of_pyflyte_package(kit: Kit, copy: str) -> None:
    kit.register("--copy", copy, "--version", "v1", "--activate-launchplans")
    kit.reconcile(
        *("export", "--packages", "--project", kit.project, "--domain", "development"),
        *("--endpoint", kit.endpoint, "--insecure", "--out", "made"),
        cwd=kit.folder,
    )
    run(
        *(str(KIT / "bin" / "pyflyte"), "--pkgs", "etl", "package", "--image", IMAGE),
        *("--copy", copy, "-o", str(kit.folder / "packed.tgz")),
        cwd=kit.source,
        HOME=str(kit.folder / "home"),
    )
    made = kit.folder / "made/packages" / kit.project / "development.tgz"
    found = digests(made)
    assert len(found) == 12
    assert found == digests(kit.folder / "packed.tgz")
    blobs = [one for one in archive.read(made.read_bytes()).members if one.startswith("blobs/")]
    assert len(blobs) == (1 if copy == "auto" else 0)
    declared = yaml.safe_load(made.with_suffix(".yaml").read_text())
    active = declared["spec"]["launchPlans"]["plans"]
    assert [one["name"] for one in active] == ["etl.every_hour", "etl.morning", "etl.stage"]
