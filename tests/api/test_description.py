"""`/api/openapi.json` says what there is, and what it says is so."""

import re

EXPECTED = {
    ("/api/health", "get"),
    ("/health/ready", "get"),
    ("/api/health/detailed", "get"),
    ("/api/v1/payment/webhook", "post"),
    ("/api/payments/webhook", "post"),
    ("/api/cron/stock-cleanup", "get"),
    ("/api/cron/stock-cleanup", "post"),
    ("/api/stock/unlock", "post"),
    ("/api/checkout/intent", "post"),
    ("/api/checkout/confirm", "post"),
    ("/api/v1/payment/initiate", "post"),
    ("/api/v1/payment/verify", "post"),
    ("/api/v1/payments/{order}", "get"),
}


def operations(client):
    paths = client.get("/api/openapi.json").json["paths"]
    return {(path, method): operation for path, methods in paths.items() for method, operation in methods.items()}


def fits(schema, value):
    """Just enough of JSON Schema for what the document uses."""
    if "anyOf" in schema:
        return any(fits(each, value) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if schema["type"] == "array":
        return isinstance(value, list) and all(fits(schema["items"], each) for each in value)
    kinds = {"object": dict, "string": str, "boolean": bool, "integer": int, "null": type(None)}
    if not isinstance(value, kinds[schema["type"]]):
        return False
    fields = schema.get("properties", {})
    known = set(value) <= set(fields) or schema.get("additionalProperties", True) if isinstance(value, dict) else True
    return known and all(name in value for name in schema.get("required", ())) and all(
        fits(field, value[name]) for name, field in fields.items() if name in value
    )  # fmt: skip


def test_every_endpoint_is_described(app, client):
    assert set(operations(client)) >= EXPECTED
    unsaid = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not hasattr(app.view_functions[rule.endpoint], "operation")
    ]
    assert sorted(unsaid) == ["/api/docs", "/api/openapi.json"]


def test_answers_are_as_described(owner):
    found = operations(owner.client)
    for path in ("/api/health", "/api/health/detailed", "/api/cron/stock-cleanup"):
        answer = owner.client.get(path)
        schema = found[(path, "get")]["responses"][str(answer.status_code)]["content"][answer.mimetype]["schema"]
        assert fits(schema, answer.json), (path, answer.json)


def test_problems_are_as_described(client):
    document = client.get("/api/openapi.json").json
    problem = document["components"]["schemas"]["Problem"]
    answer = client.get("/api/cron/stock-cleanup")
    assert "401" in document["paths"]["/api/cron/stock-cleanup"]["get"]["responses"]
    assert set(problem["required"]) <= set(answer.json)


def test_the_page_for_people_shows_each(client):
    page = client.get("/api/docs")
    assert page.status_code == 200
    for path, method in EXPECTED:
        assert re.search(rf"{method.upper()} {re.escape(path)}(?!\w)", page.text), path
    assert "style=" not in page.text


def test_scopes_of_keys_and_what_has_to_be_signed_are_said(client):
    found = operations(client)
    names = {
        path: [each["name"] for each in operation.get("parameters", ()) if each["in"] == "header"]
        for (path, _method), operation in found.items()
    }
    assert found["/api/cron/stock-cleanup", "post"]["security"] == [
        {"staff": [], "csrf": []},
        {"bearer": []},
        {"key": ["stock.change"]},
    ]
    refund = "/api/payments/refund"
    assert {"key": ["refunds.change"]} in found[refund, "post"]["security"]
    assert names[refund] == ["Idempotency-Key", "X-Kedai-Timestamp", "X-Kedai-Nonce", "X-Kedai-Signature"]
    assert [path for path, headers in names.items() if "X-Kedai-Signature" in headers] == [
        refund,
        "/api/v1/admin/orders/{order_id}/refund",
    ]
    payment = found["/api/v1/payments/{order}", "get"]["security"]
    assert payment == [{"shopper": []}, {"bearer": []}, {"staff": []}, {"key": ["payments.view"]}]
    assert found["/api/v1/auth/2fa/verify-login", "post"]["security"] == [{"bearer": []}], "a cookie gets 401"
    assert "key" not in str(found["/api/checkout/intent", "post"]["security"])
