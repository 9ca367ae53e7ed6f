"""Stripe's error answers: `{"error": {type, code, message, param}}` (Stripe docs, api/errors)."""

from typing import Any


class StripeError(Exception):
    """`has_begun`: the endpoint was at work already, so that the answer is kept under the request's idempotency key."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        has_begun: bool = True,
    ):
        super().__init__(message)
        self.status = status
        self.has_begun = has_begun
        fields = {"code": code, "message": message, "param": param, "type": kind}
        self.error = {name: value for name, value in fields.items() if value is not None}
        if code is not None:
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def bad_parameter(message: str, param: str, code: str | None = None) -> StripeError:
    """Found before anything was done: nothing is kept under the idempotency key."""
    return StripeError(message, code=code, param=param, has_begun=False)


def unauthorized() -> StripeError:
    return StripeError("Invalid API Key provided.", status=401, has_begun=False)


def missing(kind: str, object_id: str) -> StripeError:
    return StripeError(
        f"No such {kind}: '{object_id}'", status=404, code="resource_missing", param="id", has_begun=False
    )


def unknown_url(method: str, path: str) -> StripeError:
    return StripeError(f"Unrecognized request URL ({method}: {path}).", status=404, has_begun=False)


def broken() -> StripeError:
    return StripeError("An unknown error occurred.", status=500, kind="api_error")


def in_progress(key: str) -> StripeError:
    return StripeError(
        f"There is currently another in-progress request using this Idempotent Key: {key}",
        status=409,
        code="idempotency_key_in_use",
        has_begun=False,
    )


def other_parameters(key: str) -> StripeError:
    return StripeError(
        f"Keys for idempotent requests can only be used with the same parameters they were first used with. Key: {key}",
        kind="idempotency_error",
        has_begun=False,
    )
