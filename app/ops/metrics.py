"""Figures for Prometheus at /metrics: requests by endpoint, and what waits in the outbox and in the stock.

Every process of the shop counts in files of its own below SHOP_HOME, and whichever is asked adds them up. In production
only who asks this process directly from a loopback or private address gets an answer: what came through the proxy is a
stranger's, and gets a 404.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, abort, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from app.core import db, skew
from app.ops import queries
from app.web.site import settings

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

bp = Blueprint("metrics", __name__)
durations = Histogram("http_request_seconds", "Answers by endpoint", ["endpoint", "method", "status"], buckets=SECONDS)
_children: dict[tuple[str, str, int], Histogram] = {}


def init_app(app: Flask) -> None:
    app.after_request(_observe)


@bp.get("/metrics")
def show() -> Response:
    if settings().is_production and not _is_direct():
        abort(404)
    registry = CollectorRegistry()
    registry.register(Waiting())
    registry.register(Clocks())
    shared = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
    text = generate_latest(shared) + generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class Waiting:
    """Read from the database when asked, so that it is right whichever process answers. Absent while it is away."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            figures = queries.waiting()
        except db.OUTAGES:
            figures = {}
        finally:
            db.forget()
        yield GaugeMetricFamily("database_up", "Whether the database answers", value=float(bool(figures)))
        for name, value in figures.items():
            yield GaugeMetricFamily(name, name.replace("_", " "), value=value)


class Clocks:
    """Of every machine whose processes have asked a provider lately, and of this one against the database."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        words = "By how many seconds the clock of a machine is ahead of that of a provider or the database"
        family = GaugeMetricFamily("clock_difference_seconds", words, labels=("machine", "source"))
        for each in self._differences():
            family.add_metric((each.machine, each.source), each.seconds)
        yield family

    def _differences(self) -> list[skew.Difference]:
        try:
            return skew.known()
        except db.OUTAGES:
            return skew.noted()
        finally:
            db.forget()


def _observe(response: Response) -> Response:
    method = request.method if request.method in METHODS else "other"
    key = (request.endpoint or "none", method, response.status_code // 100)
    child = _children.get(key)
    if child is None:
        child = _children[key] = durations.labels(key[0], key[1], f"{key[2]}xx")
    child.observe(time.perf_counter() - g.started)
    return response


def _is_direct() -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.environ.get("REMOTE_ADDR", "")).is_private
    except ValueError:  # a socket file: somebody's proxy on this machine
        return False
