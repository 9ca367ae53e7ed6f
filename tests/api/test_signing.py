"""SEC-42: what moves money, asked for with a key, is signed: over method, path, body, time, nonce and idempotency key."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.api_keys import flows
from app.core import db
from app.core.transaction import transaction
from app.web import limits
from app.web.limits import limiter
from tests.api.test_stock import refused
from tests.api_keys import id_of, make_key, signature
from tests.flows.shopper import money
from tests.returns.counter import buy, order_of, states
from tests.shop import add_product, faults


@pytest.fixture
def path(shopper):
    return f"/api/v1/admin/orders/{order_of(buy(shopper, (add_product(), 1)))}/refund"


@pytest.fixture
def program(merchant):
    return make_key(merchant, "refunds.change", "stock.view")


BODY = {"amount": 1250, "reason": "damaged"}


def headers(program, path, *, body=BODY, method="POST", key=None, **changed):
    key = key or str(uuid.uuid4())
    signed = signature(program.signing, method, path, json.dumps(body).encode(), key=key, **changed)
    return {"Idempotency-Key": key, **signed}


def post(program, path, sent, *, body=BODY):
    return program.ask("POST", path, body=body, signed=False, **sent)


def test_a_signed_refund_is_made_and_counts_as_its_makers(program, path, bank, drain):
    answer = post(program, path, headers(program, path))
    assert answer.status_code == 201, answer.text
    assert "Set-Cookie" not in answer.headers
    drain()
    assert (states(), money(bank)[1]) == ([("succeeded", 1250)], 1250)
    entry = db.rows("SELECT actor, facts FROM audit_entry WHERE action = 'refund.requested'")[0]
    assert (entry.actor, entry.facts["api_key"]) == (
        f"staff:{db.scalar('SELECT id FROM staff')}",
        str(id_of(program)),
    )
    assert faults() == {}


def test_what_does_not_move_money_needs_no_signature(program):
    assert program.ask("GET", "/api/cron/stock-cleanup", signed=False).status_code == 200


def test_what_is_not_signed_does_nothing(program, path):
    good = headers(program, path)
    for left_out in ("X-Kedai-Timestamp", "X-Kedai-Nonce", "X-Kedai-Signature"):
        assert refused(post(program, path, {**good, left_out: ""}), 401, "signature_missing")
    answer = post(program, path, {"Idempotency-Key": str(uuid.uuid4())})
    assert refused(answer, 401, "signature_missing")
    assert answer.headers["WWW-Authenticate"].startswith('Signature realm="api"')
    for nonce in ("short", "x" * 65, "a b c d e f g h i j"):
        assert refused(post(program, path, {**good, "X-Kedai-Nonce": nonce}), 401, "signature_missing")
    for at in ("now", "-5", "1e9", "١٢٣٤٥٦٧٨٩٠".encode().decode("latin-1"), "9" * 13):
        assert refused(post(program, path, {**good, "X-Kedai-Timestamp": at}), 401, "signature_missing")
    assert states() == []


@pytest.mark.parametrize("changed", ["body", "path", "query", "time", "nonce", "key", "method", "secret", "signature"])
def test_a_signature_fits_one_request_only(merchant, program, path, changed):
    good = headers(program, path)
    where, sent, body = path, dict(good), BODY
    if changed == "body":
        body = {**BODY, "amount": 1251}
    elif changed == "path":
        where = "/api/payments/refund"
    elif changed == "query":
        where = f"{path}?amount=1"
    elif changed == "time":
        sent["X-Kedai-Timestamp"] = str(int(good["X-Kedai-Timestamp"]) + 1)
    elif changed == "nonce":
        sent["X-Kedai-Nonce"] = "n" * 22
    elif changed == "key":
        sent["Idempotency-Key"] = str(uuid.uuid4())
    elif changed == "method":
        sent |= headers(program, path, method="PUT", key=good["Idempotency-Key"])
    elif changed == "secret":
        other = make_key(merchant, "refunds.change", name="Another")
        sent |= headers(other, path, key=good["Idempotency-Key"])
    else:
        sent["X-Kedai-Signature"] = "v1=" + "0" * 64
    assert refused(post(program, where, sent, body=body), 401, "signature_wrong")
    assert (states(), db.scalar("SELECT count(*) FROM api_key_nonce")) == ([], 0)


@pytest.mark.parametrize(("seconds", "is_taken"), [(-301, False), (-280, True), (280, True), (302, False)])
def test_five_minutes_early_or_late(program, path, seconds, is_taken):
    answer = post(program, path, headers(program, path, at=time.time() + seconds))
    assert answer.status_code == 201 if is_taken else refused(answer, 401, "signature_late")


def test_a_nonce_counts_once(program, path):
    sent = headers(program, path)
    assert post(program, path, sent).status_code == 201
    assert refused(post(program, path, sent), 401, "signature_replayed")
    again = headers(program, path, key=sent["Idempotency-Key"])
    assert post(program, path, again).status_code == 201  # the same refund, asked for properly: once
    assert states() == [("requested", 1250)]


def test_of_twenty_at_once_one_counts(app, program, path):
    sent = headers(program, path)

    def ask(_number):
        client = app.test_client()
        answer = client.post(
            path,
            data=json.dumps(BODY),
            headers={**sent, "Authorization": f"Bearer {program.key}", "Content-Type": "application/json"},
        )
        db.forget()
        return answer.status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(ask, range(20))) == [201] + [401] * 19


def test_the_same_nonce_of_another_key_is_another(merchant, program, path):
    other = make_key(merchant, "refunds.change", name="Another")
    for each in (program, other):
        assert post(each, path, headers(each, path, nonce="n" * 22)).status_code == 201


def test_words_are_forgotten_when_no_signature_could_bring_them(program, path):
    post(program, path, headers(program, path))
    flows.forget_nonces()
    assert db.scalar("SELECT count(*) FROM api_key_nonce") == 1
    with transaction():
        db.rows("UPDATE api_key_nonce SET created_at = now() - interval '61 minutes' RETURNING nonce")
    flows.forget_nonces()
    assert db.scalar("SELECT count(*) FROM api_key_nonce") == 0


def test_the_maker_cannot_approve_what_the_key_asked_for(make_app, merchant, program, path):
    """Two people: a key counts as who was shown it."""
    app = make_app(REFUND_APPROVAL_MINOR="100")
    program.client = app.test_client()
    assert post(program, path, headers(program, path)).json["state"] == "waiting"
    refund = db.scalar("SELECT id FROM refund")
    token = merchant.get("/admin/refunds").split('name="csrf-token" content="')[1].split('"')[0]
    answer = merchant.client.post(f"/admin/refunds/{refund}/approve", data={"csrf_token": token})
    assert "done=not-yours" in answer.location
    assert states() == [("waiting", 1250)]


def test_a_session_is_not_asked_to_sign_and_a_key_not_for_a_code(merchant, program, path):
    """The sign-in's freshness is the session's; the signature is the key's."""
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    assert post(program, path, headers(program, path)).status_code == 201


def test_a_flood_of_bad_signatures_is_limited(program, path, monkeypatch):
    monkeypatch.setattr(limits, "FAILURES", 3)
    limiter.enabled = True
    try:
        codes = [post(program, path, {}).status_code for _ in range(5)]
        assert codes == [401] * 3 + [429] * 2
        assert post(program, path, headers(program, path)).status_code == 201
    finally:
        limiter.enabled = False
        limits._counts.clear()


def test_a_key_that_has_no_signing_secret_is_told_to_rotate(merchant, path):
    program = make_key(merchant, "stock.view")
    with transaction():
        db.rows("UPDATE api_key SET scopes = '{refunds.change}' RETURNING id")
    assert refused(post(program, path, {}), 401, "no_signing_secret")
