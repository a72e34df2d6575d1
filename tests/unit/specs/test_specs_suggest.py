from __future__ import annotations

import pytest

from reconciler.specs.suggest import suggest

NAMES = ["maxParallelism", "rawOutputPrefix", "fixedInputs", "inputs", "every", "name"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("max_parallelism", "maxParallelism"),
        ("MaxParallelism", "maxParallelism"),
        ("maxParalelism", "maxParallelism"),
        ("raw_output_data_config", "rawOutputPrefix"),
        ("rate", "every"),
        ("default_inputs", "inputs"),
    ],
)
def test_spelling_case_and_foreign_names_are_recognised(written: str, meant: str) -> None:
    assert suggest(written, NAMES) == meant


def test_nothing_near_suggests_nothing() -> None:
    assert suggest("frobnicate", NAMES) is None


def test_foreign_name_suggests_only_what_is_allowed() -> None:
    assert suggest("rate", ["cron"]) is None
