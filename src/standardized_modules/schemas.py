"""JSON Schemas of the two files that people write: a service's `sm.yaml` and a pattern file.

Generated from the model and the library, so that an editor completes and checks what `sm` reads.
"""

from __future__ import annotations

from typing import Any

import msgspec

from standardized_modules.model.library import BASE, ENVIRONMENTS, Library, Parameter, PatternFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_JSON_TYPES = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "string": "string",
}


def pattern_file_schema(library: Library) -> dict[str, Any]:
    """The schema of `infrastructure-patterns.yaml`.

    An organisation may define parameters of its own, so the library's paths are offered to the
    editor and any other is allowed; capabilities it can only choose.
    """
    schema = msgspec.json.schema(PatternFile)
    definitions = schema["$defs"]
    pattern = definitions["Pattern"]["properties"]
    pattern["capabilities"]["items"] = {
        "oneOf": [{"const": name, "description": each.summary} for name, each in library.capabilities.items()]
    }
    pattern["parameters"]["properties"] = {
        path: {"$ref": "#/$defs/ParameterRefinement", "description": each.doc}
        for path, each in library.parameters.items()
    }
    groups = definitions["PatternFile"]["properties"]["parameters"]
    members = groups.pop("additionalProperties")
    groups.pop("propertyNames", None)
    groups |= {
        "properties": dict.fromkeys((BASE, *library.capabilities), members),
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": "Infrastructure patterns",
        "description": "Patterns, parameters and rules of sm.",
    } | schema


def spec_schema(library: Library) -> dict[str, Any]:
    """The schema of `sm.yaml`, with every pattern and parameter of the library."""
    parameters = _parameters(library)
    return {
        "$schema": DIALECT,
        "title": "Service spec of sm",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "name", "cloud", "patterns"],
        "allOf": [
            {
                "if": {"properties": {"cloud": {"const": name}}},
                "then": {"properties": {"region": {"pattern": f"^({cloud.region_pattern})$"}}},
            }
            for name, cloud in library.clouds.items()
        ],
        "properties": {
            "version": {"const": 1, "description": "Version of this file's format."},
            "name": {
                "type": "string",
                "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
                "maxLength": 63,
                "description": "RFC 1123 label: host name, Kubernetes objects, Python package.",
            },
            "owner": {
                "type": ["string", "null"],
                "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
                "description": "Slug of the team that runs the service.",
            },
            "description": {
                "type": ["string", "null"],
                "maxLength": 160,
                "pattern": '^[^"\\\\`${}<>|\\r\\n\\t]*$',
                "description": "One sentence.",
            },
            "cloud": {"enum": sorted(library.clouds), "description": "Where the service runs."},
            "region": {
                "type": ["string", "null"],
                "description": "Region of the cloud.",
            },
            "patterns": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {
                    "anyOf": [
                        {"const": name, "description": pattern.summary} for name, pattern in library.patterns.items()
                    ]
                    + [{"pattern": f"^({'|'.join(name.replace('_', '[-_]') for name in library.patterns)})$"}]
                },
            },
            "parameters": parameters | {"description": "Values that differ from the defaults."},
            "environments": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "description": "Values of one environment.",
                "properties": {name: {"$ref": "#/properties/parameters"} for name in ENVIRONMENTS},
            },
        },
    }


def _parameters(library: Library) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {}
    for path, parameter in library.parameters.items():
        group, _, name = path.partition(".")
        groups.setdefault(group, {})[name] = _parameter(parameter)
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            group: {"type": ["object", "null"], "additionalProperties": False, "properties": members}
            for group, members in groups.items()
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    unit = f" Unit: {parameter.unit}." if parameter.unit else ""
    schema: dict[str, Any] = {
        "description": f"{parameter.doc}{unit} Default: {parameter.reason}",
        "default": parameter.default,
    }
    if parameter.choices:
        return schema | {"enum": list(parameter.choices)}
    schema["type"] = _JSON_TYPES[parameter.type]
    bounds = {"minimum": parameter.minimum, "maximum": parameter.maximum}
    schema |= {name: value for name, value in bounds.items() if value is not None}
    if parameter.pattern:
        schema["pattern"] = f"^({parameter.pattern})$"
    return schema
