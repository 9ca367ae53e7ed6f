"""What a JSON endpoint takes and answers, said beside its view: `/api/openapi.json` is gathered from it.

@bp.post("/api/stock/unlock")
@describe("Release …", takes=record(order=TEXT), answers={200: record(released=FLAG)}, refusals=(404, 409))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])
Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
PDF: Schema = {"type": "string", "contentMediaType": "application/pdf"}  # the answer's body itself
MOMENT: Schema = {"type": "string", "format": "date-time"}


def record(**fields: Schema) -> Schema:
    """An object with exactly these members, all of them present."""
    return {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}


def some_of(**fields: Schema) -> Schema:
    """An object whose known members may each be missing."""
    return {"type": "object", "properties": fields}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint. `takes` is the schema of a JSON body, `answers` maps a status to what comes with it, `refusals` are the
    statuses that come with a problem document. `takes_key`: the header Idempotency-Key makes repetitions one. `by_token`: a
    token opens it and no cookie."""

    summary: str
    answers: Mapping[int, Schema]
    refusals: Sequence[int]
    takes: Schema | None
    for_staff: bool
    for_shopper: bool
    needs_csrf: bool
    takes_key: bool
    for_customer: bool
    by_token: bool


def describe(
    summary: str,
    *,
    answers: Mapping[int, Schema],
    refusals: Sequence[int] = (),
    takes: Schema | None = None,
    for_staff: bool = False,
    for_shopper: bool = False,
    needs_csrf: bool = False,
    takes_key: bool = False,
    for_customer: bool = False,
    by_token: bool = False,
) -> Callable[[View], View]:
    """Attach an `Operation` to a view."""

    def attach(view: View) -> View:
        view.operation = Operation(  # type: ignore[attr-defined]
            summary,
            answers,
            refusals,
            takes,
            for_staff,
            for_shopper,
            needs_csrf,
            takes_key,
            for_customer,
            by_token,
        )
        return view

    return attach
