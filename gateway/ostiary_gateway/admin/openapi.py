"""The OpenAPI document, made from the operations that are served and the schemas that requests are checked by."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ostiary_gateway.admin.errors import AdminError, ForbiddenError, UnauthorizedError
from ostiary_gateway.admin.operations import JSON, Operation, Parameter
from ostiary_gateway.admin.shapes import reference
from ostiary_gateway.admin.structural import Schema

_ERROR: Schema = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"message": {"type": "string"}, "type": {"type": "string"}, "code": {"type": "string"}},
            "required": ["message", "type", "code"],
        }
    },
    "required": ["error"],
}
_DESCRIPTION = """Keys, providers, models, budgets, usage and postings of an Ostiary gateway. In a cluster the objects are its
custom resources, on one machine the manifests in its folder. Every request needs a bearer token; viewers read, admins write."""


def document(operations: Iterable[Operation], schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ostiary admin API", "version": _version(), "description": _DESCRIPTION},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**schemas, "Error": _ERROR},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        **({"description": operation.doc} if operation.doc else {}),
        **({"parameters": [_parameter(each) for each in operation.parameters]} if operation.parameters else {}),
        **({"requestBody": {"required": True, "content": _content(operation.body)}} if operation.body else {}),
        "responses": {str(int(operation.status)): _success(operation), **_failures(operation)},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    default = {"default": parameter.default} if parameter.default is not None else {}
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.doc,
        "schema": parameter.schema | default,
    }


def _success(operation: Operation) -> dict[str, Any]:
    headers = {name: {"description": doc, "schema": {"type": "string"}} for name, doc in operation.headers.items()}
    return {
        "description": HTTPStatus(operation.status).phrase,
        **({"headers": headers} if headers else {}),
        **({"content": _content(operation.answer)} if operation.answer else {}),
    }


def _failures(operation: Operation) -> dict[str, Any]:
    kinds: set[type[AdminError]] = {UnauthorizedError, ForbiddenError, *operation.all_errors}
    return {
        str(kind.status): {"description": HTTPStatus(kind.status).phrase, "content": _content("Error")}
        for kind in sorted(kinds, key=lambda each: each.status)
    }


def _content(name: str) -> dict[str, Any]:
    return {JSON: {"schema": reference(name)}}


def _version() -> str:
    try:
        return version("ostiary")
    except PackageNotFoundError:
        return "0"
