"""Is the shop alive, and can it serve? For load balancers, uptime monitors and people.

    /health/live      this process answers; touches nothing else
    /health/ready     the database answers; 503 while it does not
    /api/health       the same, with one word per part: {"status": "healthy", …} or 503
    /api/health/detailed   figures, for staff only

The shop sells without Redis, only mails and scheduled work wait. So Redis being away is reported, not a reason for 503.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.core import cache, db
from app.ops import queries
from app.web.describe import COUNT, describe, one_of, or_null, record
from app.web.limits import API, limit
from app.web.rights import needs

bp = Blueprint("health", __name__)

UP = one_of("up", "down")
HEALTH = record(status=one_of("healthy", "unhealthy"), database=UP, redis=UP, queue=one_of("up", "waiting"))
FIGURES = {"type": "object"}
DETAILS = record(
    status=one_of("healthy"),
    redis=UP,
    database=FIGURES,
    memory=record(resident_bytes=COUNT),
    waiting=FIGURES,
    orders=FIGURES,
    cleanup=or_null(FIGURES),
)


@bp.get("/health/live")
def live() -> Response:
    return _uncached(jsonify(status="alive"))


@bp.get("/health/ready", endpoint="ready")
@bp.get("/api/health")
@describe("Whether the shop can serve", answers={200: HEALTH, 503: HEALTH})
def health() -> Response:
    database, redis = _database_answers(), cache.is_up()
    answer = jsonify(
        status="healthy" if database else "unhealthy",
        database="up" if database else "down",
        redis="up" if redis else "down",
        queue="up" if redis else "waiting",
    )
    answer.status_code = 200 if database else 503
    return _uncached(answer)


@bp.get("/api/health/detailed")
@needs("system.view")
@limit(API)
@describe("Figures for whoever runs the shop", answers={200: DETAILS}, refusals=(401, 403, 503), for_staff=True)
def detailed() -> Response:
    """Database, memory, stock locks, orders by state, what waits, the last clean-up. No names, no addresses."""
    return _uncached(
        jsonify(
            status="healthy",
            redis="up" if cache.is_up() else "down",
            database=queries.database(),
            memory={"resident_bytes": queries.resident_bytes()},
            waiting=queries.waiting(),
            orders=queries.orders_by_state(),
            cleanup=queries.last_cleanup(),
        )
    )


def _database_answers() -> bool:
    try:
        return bool(db.scalar("SELECT 1") == 1)
    except db.OUTAGES:
        return False
    finally:
        db.forget()


def _uncached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
