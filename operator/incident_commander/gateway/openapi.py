"""What ``/openapi.json`` says about the webhook, whose body is read by ourselves and not by FastAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from incident_commander.intake.correlate import Fate
from incident_commander.intake.payload import webhook_schema

ALERTS_PATH = "/api/v1/alerts"
_ACKNOWLEDGED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "alerts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "fingerprint": {"type": "string"},
                    "fate": {"type": "string", "enum": [fate.value for fate in Fate]},
                    "incident": {"type": "string", "description": "namespace/name, or empty"},
                },
            },
        },
        "truncatedAlerts": {"type": "integer"},
    },
}
_REFUSED: dict[str, Any] = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "field": {"type": "string", "description": "e.g. alerts[2].startsAt"}},
}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


ANSWERS: dict[int, dict[str, Any]] = {
    200: _answer("Every alert is stored.", _ACKNOWLEDGED),
    400: _answer("Malformed; `field` says where.", _REFUSED),
    401: _answer("No bearer token, or one that the API server does not accept.", _REFUSED),
    403: _answer("The token's user may not create Incidents in the namespace. Nothing was stored.", _REFUSED),
    408: _answer("The body came too slowly.", _REFUSED),
    413: _answer("The body is too large.", _REFUSED),
    415: _answer("Not application/json.", _REFUSED),
    503: _answer("Overloaded, or the API server does not answer: send it again after `Retry-After`.", _REFUSED),
}


def describe(app: FastAPI, alerts: str) -> dict[str, Any]:
    """The OpenAPI document; ``alerts`` describes the webhook."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema = webhook_schema()
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas.update(schema.pop("$defs", {}))
        schemas["Webhook"] = schema
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        body = {"application/json": {"schema": {"$ref": "#/components/schemas/Webhook"}}}
        operation = {"summary": "Alerts", "description": alerts, "requestBody": {"required": True, "content": body}}
        answers = {str(status): answer for status, answer in ANSWERS.items()}
        document["paths"][ALERTS_PATH] = {"post": operation | {"security": [{"bearer": []}], "responses": answers}}
        app.openapi_schema = document
    return app.openapi_schema
