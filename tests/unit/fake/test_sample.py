import jsonschema
import pytest

from ostiary_gateway.fake.sample import make_sample

RECURSIVE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"next": {"$ref": "#/$defs/node"}, "name": {"type": "string"}},
            "required": ["name"],
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": "object",
            "properties": {"a": {"type": "string", "minLength": 20}, "b": {"enum": ["x", "y"]}},
            "required": ["a", "b"],
        },
        {"type": "array", "items": {"type": "integer", "minimum": 10, "maximum": 12}, "minItems": 3},
        {"type": "number", "exclusiveMinimum": 5, "multipleOf": 0.5},
        {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 3}]},
        {"type": ["null", "boolean"]},
        {"const": {"a": 1}},
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}},
                {"type": "object", "properties": {"b": {"type": "null"}}},
            ]
        },
        {
            "type": "object",
            "properties": {"when": {"type": "string", "format": "date-time"}, "who": {"type": "string", "format": "email"}},
        },
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        RECURSIVE,
    ],
)
def test_a_sample_fits_its_schema(schema: dict[str, object]) -> None:
    jsonschema.validate(make_sample(schema), schema)


def test_googles_types_are_understood() -> None:
    assert make_sample(
        {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}, "s": {"type": "STRING", "nullable": True}}}
    ) == {
        "n": 7,
        "s": "Z\u00fcrich",
    }
