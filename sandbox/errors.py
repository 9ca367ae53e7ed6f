"""The provider's error answers (Razorpay docs, errors.md)."""

from typing import Any


class ApiError(Exception):
    """A refusal that becomes `{"error": {...}}` with its HTTP status."""

    def __init__(
        self,
        description: str,
        *,
        status: int = 400,
        code: str = "BAD_REQUEST_ERROR",
        field: str | None = None,
        source: str = "business",
        step: str = "payment_initiation",
        reason: str = "input_validation_failed",
        metadata: dict[str, str] | None = None,
    ):
        super().__init__(description)
        self.status = status
        self.error: dict[str, Any] = {
            "code": code,
            "description": description,
            "source": source,
            "step": step,
            "reason": reason,
            "metadata": metadata or {},
        }
        if field is not None:
            self.error["field"] = field

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def plain_error(description: str, *, status: int = 400, code: str = "BAD_REQUEST_ERROR") -> ApiError:
    """A refusal of the request as a whole: the docs show `NA` where no payment step is meant."""
    return ApiError(description, status=status, code=code, source="NA", step="NA", reason="NA")


def unauthorized() -> ApiError:
    return plain_error("Authentication failed", status=401)


def unknown_id() -> ApiError:
    return plain_error("The id provided does not exist")


def unknown_url() -> ApiError:
    return plain_error("The requested URL was not found on the server.")


def server_error() -> ApiError:
    return plain_error(
        "We are facing some trouble completing your request at the moment. Please try again shortly.",
        status=500,
        code="SERVER_ERROR",
    )


def too_many_requests() -> ApiError:
    return plain_error("Request failed. Please try after sometime.", status=429)
