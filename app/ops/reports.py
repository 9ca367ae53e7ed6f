"""Where browsers report what the content security policy refused (SEC-38). Kept by kind, counted, and bounded."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from app.core.transaction import in_transaction
from app.ops import actions
from app.web.limits import limit
from app.web.security import REPORT_PATH

bp = Blueprint("reports", __name__)
MOST_AT_ONCE = 20


@bp.post(REPORT_PATH)
@limit("60/minute")
def take_csp_report() -> Response:
    """Both forms: `report-uri` (one object) and the Reporting API (a list)."""
    try:
        posted = json.loads(request.get_data(cache=False)[:65536])
    except (ValueError, RecursionError):
        return Response(status=400)
    found = [each for each in map(_violation, _as_list(posted)) if each]
    if found:
        in_transaction(lambda: actions.note_violations(found[:MOST_AT_ONCE]), relaxed=True)
    return Response(status=204)


def _as_list(posted: Any) -> list[Any]:
    return posted if isinstance(posted, list) else [posted]


def _violation(report: Any) -> actions.Violation | None:
    """The few words we keep of a report; None when it is none."""
    body = (report.get("csp-report") or report.get("body")) if isinstance(report, dict) else None
    if not isinstance(body, dict):
        return None
    directive = body.get("effective-directive") or body.get("effectiveDirective") or body.get("violated-directive")
    if not isinstance(directive, str):
        return None
    return actions.Violation(
        directive=directive,
        blocked=str(body.get("blocked-uri") or body.get("blockedURL") or ""),
        page=str(body.get("document-uri") or body.get("documentURL") or ""),
        source=str(body.get("source-file") or body.get("sourceFile") or ""),
    )
