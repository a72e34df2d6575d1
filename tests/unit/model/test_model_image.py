"""Names, tags and digests of images, also where a registry has a port."""

from __future__ import annotations

import pytest

from reconciler.model.image import Image, parse

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        pytest.param("app", Image("app"), id="neither"),
        pytest.param("team/app", Image("team/app"), id="path and neither"),
        pytest.param("app:v1", Image("app", "v1"), id="tag"),
        pytest.param("ghcr.io/team/app:v1.2", Image("ghcr.io/team/app", "v1.2"), id="path and tag"),
        pytest.param(f"app@{DIGEST}", Image("app", "", DIGEST), id="digest"),
        pytest.param(f"app:v1@{DIGEST}", Image("app", "v1", DIGEST), id="tag and digest"),
        pytest.param("host:5000/app", Image("host:5000/app"), id="port and neither"),
        pytest.param("host:5000/app:v1", Image("host:5000/app", "v1"), id="port and tag"),
        pytest.param(f"host:5000/app@{DIGEST}", Image("host:5000/app", "", DIGEST), id="port"),
        pytest.param(
            f"host:5000/app:v1@{DIGEST}", Image("host:5000/app", "v1", DIGEST), id="port and both"
        ),
    ],
)
def test_image_is_split_and_written_back(text: str, image: Image) -> None:
    assert parse(text) == image
    assert str(image) == text
