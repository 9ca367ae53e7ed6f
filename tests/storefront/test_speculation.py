"""Catalogue pages may be fetched ahead, personal ones never."""

import json

import pytest
from flask.testing import FlaskClient


def test_the_rules_name_public_pages_only(client: FlaskClient) -> None:
    answer = client.get("/-/speculation-rules.json")
    assert answer.mimetype == "application/speculationrules+json"
    [rule] = json.loads(answer.text)["prefetch"]
    pages = [each["href_matches"] for each in rule["where"]["or"]]
    assert rule["eagerness"] == "moderate"
    assert not [page for page in pages if page.startswith(("/cart", "/checkout", "/order", "/admin", "/-", "/track"))]


@pytest.mark.parametrize(("path", "headers", "points"), [
    ("/about", {}, True),
    ("/about", {"Save-Data": "on"}, False),
    ("/cart", {}, False),
    ("/c/none", {}, False),
    ("/api/health", {}, False),
])  # fmt: skip
def test_only_catalogue_pages_point_to_them(
    client: FlaskClient, path: str, headers: dict[str, str], points: bool
) -> None:
    assert ("Speculation-Rules" in client.get(path, headers=headers).headers) is points
