"""Billplz' refusals: `{"error": {"type", "message": […]}}` (Billplz docs, errors)."""


class BillplzError(Exception):
    def __init__(self, status: int, kind: str, message: str):
        super().__init__(message)
        self.status = status
        self.kind = kind

    def body(self) -> dict[str, object]:
        return {"error": {"type": self.kind, "message": [str(self)]}}


def unauthorized() -> BillplzError:
    return BillplzError(401, "Unauthorized", "Access denied")


def not_found() -> BillplzError:
    return BillplzError(404, "RecordNotFound", "Record not found")


def invalid(message: str) -> BillplzError:
    return BillplzError(422, "RecordInvalid", message)
