"""PayPal's error answers: `{name, message, details: [{issue, description}], debug_id}` (PayPal docs, api/rest/responses)."""

import secrets
from typing import Any

_MESSAGES = {
    "INVALID_REQUEST": "Request is not well-formed, syntactically incorrect, or violates schema.",
    "UNPROCESSABLE_ENTITY": (
        "The requested action could not be performed, semantically incorrect, or failed business validation."
    ),
    "RESOURCE_NOT_FOUND": "The specified resource does not exist.",
    "RESOURCE_CONFLICT": "The server has detected a conflict while processing this request.",
}


class PayPalError(Exception):
    """A refusal that becomes PayPal's JSON with its HTTP status."""

    def __init__(self, status: int, name: str, issue: str, description: str, *, field: str | None = None):
        super().__init__(description)
        self.status = status
        self.name = name
        self.detail = {"issue": issue, "description": description} | ({"field": field} if field else {})

    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "message": _MESSAGES[self.name],
            "debug_id": secrets.token_hex(7),
            "details": [self.detail],
            "links": [],
        }


class TokenError(Exception):
    """A refusal in OAuth2's words, always 401."""

    def __init__(self, error: str, description: str):
        super().__init__(description)
        self.content = {"error": error, "error_description": description}


def invalid(issue: str, description: str, *, field: str | None = None) -> PayPalError:
    return PayPalError(400, "INVALID_REQUEST", issue, description, field=field)


def unprocessable(issue: str, description: str, *, field: str | None = None) -> PayPalError:
    return PayPalError(422, "UNPROCESSABLE_ENTITY", issue, description, field=field)


def not_found() -> PayPalError:
    return PayPalError(
        404,
        "RESOURCE_NOT_FOUND",
        "INVALID_RESOURCE_ID",
        "Specified resource ID does not exist. Please check the resource ID and try again.",
    )


def in_progress() -> PayPalError:
    return PayPalError(
        409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS", "A previous request on this resource is in progress."
    )
