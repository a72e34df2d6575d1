from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from reconciler.values.decode import decode
from reconciler.values.interface import INLINE_LIMIT, bind

GOLDEN = json.loads((Path(__file__).parent / "golden" / "flytekit.json").read_text("utf-8"))
NAMED: dict[str, Any] = GOLDEN["interfaces"]["named"]
VARIABLES: dict[str, Any] = NAMED["interface"]["inputs"]["variables"]
INT: dict[str, Any] = {"simple": "INTEGER"}


def test_defaults_of_a_flytekit_workflow_are_bound_to_the_literals_it_registers() -> None:
    defaults = {
        name: parameter["default"]
        for name, parameter in NAMED["parameters"]["parameters"].items()
        if "default" in parameter
    }
    written = {name: decode(one, VARIABLES[name]["type"]) for name, one in defaults.items()}

    bound = bind(written, VARIABLES)

    assert bound.problems == ()
    assert bound.literals == defaults
    assert written == {
        "config": {"rate": 1.0, "tags": ["x", "y"]},
        "label": "x",
        "path": "s3://bucket/default.csv",
        "ratio": 1.0,
    }


def test_unknown_input_is_refused_with_the_one_that_was_meant() -> None:
    bound = bind({"cuont": 3, "label": "y"}, VARIABLES, path=("spec", "inputs"))

    (problem,) = bound.problems
    assert problem.path == ("spec", "inputs", "cuont")
    assert problem.message == 'the workflow has no input "cuont"'
    assert problem.fix == 'did you mean "count"?'
    assert list(bound.literals) == ["label"]


def test_input_of_a_workflow_without_inputs_says_to_remove_it() -> None:
    assert [one.fix for one in bind({"a": 1}, {}).problems] == ["remove it"]


def test_faults_of_all_inputs_are_found_at_once() -> None:
    bound = bind({"count": "x", "ratio": "y", "label": 3}, VARIABLES)

    assert [problem.path for problem in bound.problems] == [("count",), ("ratio",), ("label",)]


def test_literal_whose_type_flyte_cannot_guess_is_refused_before_the_server_does() -> None:
    type_ = {"collectionType": {"mapValueType": INT}}

    bound = bind({"maps": [{}, {"a": 1}]}, {"maps": {"type": type_}})

    (problem,) = bound.problems
    assert problem.path == ("maps",)
    assert problem.message.endswith("not as list[dict[str, int]], and refuses it")
    assert bind({"maps": [{"b": 2}, {"a": 1}]}, {"maps": {"type": type_}}).problems == ()


def test_inputs_over_the_inline_limit_are_refused_and_those_under_it_accepted() -> None:
    variables = {name: {"type": {"simple": "STRING"}} for name in ("small", "large")}
    large = "x" * (11 * 1024 * 1024)

    (problem,) = bind({"small": "x", "large": large}, variables, path=("inputs",)).problems

    assert problem.path == ("inputs", "large")
    assert f"over the limit of {INLINE_LIMIT:,}" in problem.message
    assert bind({"large": large[: 9 * 1024 * 1024]}, variables).problems == ()


def test_the_limit_holds_for_the_sum_of_many_inputs() -> None:
    variables = {f"i{n}": {"type": {"simple": "STRING"}} for n in range(12)}

    assert bind(dict.fromkeys(variables, "x" * 1024**2), variables).problems


def test_room_loads_neither_grpc_nor_protobuf_nor_pydantic() -> None:
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "import reconciler.values.decode, reconciler.values.interface\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'grpc', 'google', 'flyteidl', 'pydantic', 'yaml'}))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert answer.stdout.decode().strip() == "[]"
