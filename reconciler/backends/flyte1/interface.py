"""Interfaces of workflows as JSON; apart from the calls, so that offline work loads no grpc."""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl.core import interface_pb2

from reconciler.backends.wire.message import to_json
from reconciler.model.document import Json


def variables(inputs: interface_pb2.VariableMap) -> Mapping[str, dict[str, Json]]:
    """Read an interface's variables as JSON."""
    return {name: to_json(variable) for name, variable in inputs.variables.items()}


def default_literals(parameters: interface_pb2.ParameterMap) -> Mapping[str, dict[str, Json]]:
    """Read the inputs that have a default."""
    return {
        name: to_json(parameter.default)
        for name, parameter in parameters.parameters.items()
        if parameter.WhichOneof("behavior") == "default"
    }
