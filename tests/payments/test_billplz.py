"""The Billplz adapter against the sandbox over HTTP, and its signatures."""

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from app.core.errors import Refused
from app.core.money import Money
from app.payments.errors import BadSignature, ProviderRefused, ProviderUnavailable
from app.payments.gateway import ProviderPayment, Standing
from app.payments.providers.billplz import Billplz
from app.payments.providers.bounded import Patience
from tests.bank import BILLPLZ, BILLPLZ_KEYS

TOTAL = Money(26800, "MYR")
FORM = {"content-type": "application/x-www-form-urlencoded"}


def pay(bank, bill_id, outcome="completed", **fields):
    return bank.control("POST", "/billplz/pay", {"bill_id": bill_id, "outcome": outcome, **fields})


def signed(fields, key=BILLPLZ_KEYS[0]):
    source = "|".join(sorted((name + value for name, value in fields.items()), key=str.lower))
    signature = hmac.new(key.encode(), source.encode(), hashlib.sha256).hexdigest()
    return urlencode({**fields, "x_signature": signature}).encode()


BILL = {
    "id": "8X0Iyzaw",
    "collection_id": "testcoll",
    "paid": "true",
    "state": "paid",
    "amount": "26800",
    "name": "AINA",
}
BILL |= {"paid_amount": "26800", "paid_at": "2026-11-25 16:23:59 +0800", "mobile": "", "email": "aina@example.com"}


def test_a_bill_is_made_and_opens_at_billplz(bank, billplz, request_of):
    request = request_of()
    opened = billplz.initiate_payment(request, look_first=False)
    page = billplz.hosted_page(request, opened)
    assert (page.method, page.url) == ("get", f"{bank.url}/billplz/bills/{opened.id}")
    assert billplz.origins() == (bank.url,)
    answer = requests.get(page.url, timeout=5)
    assert answer.status_code == 200
    assert "268.00" in answer.text
    assert "K7F3-3QX9-1" in answer.text
    assert billplz.get_payment_status(opened.id) == Standing()


def test_ringgit_only(billplz):
    assert [billplz.methods(currency) for currency in ("MYR", "INR", "USD")] == [("fpx",), (), ()]


def test_a_paid_bill_is_one_payment(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    pay(bank, bill_id, "failed")
    pay(bank, bill_id)
    payment = ProviderPayment(bill_id, "captured", TOTAL, method="fpx")
    assert billplz.get_payment_status(bill_id) == Standing((payment,), is_payable=False)


def test_a_bill_whose_two_tries_were_completed_is_two_payments(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    earlier, later = (pay(bank, bill_id, "pending")["transaction"]["id"] for _ in range(2))
    for try_id in (later, earlier):
        bank.control("POST", f"/billplz/transactions/{try_id}", {"outcome": "completed"})
    found = [ProviderPayment(each, "captured", TOTAL, method="fpx") for each in (bill_id, earlier)]
    assert billplz.get_payment_status(bill_id) == Standing(tuple(found), is_payable=False)


def test_a_failed_try_leaves_the_bill_payable(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    try_id = pay(bank, bill_id, "failed")["transaction"]["id"]
    standing = billplz.get_payment_status(bill_id)
    assert [(each.id, each.state) for each in standing.payments] == [(try_id, "failed")]
    assert standing.is_payable


def test_a_pending_try_is_neither(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    pay(bank, bill_id, "failed")
    pay(bank, bill_id, "pending")
    assert [each.state for each in billplz.get_payment_status(bill_id).payments] == ["created"]
    billplz.close_payment(bill_id)
    assert billplz.get_payment_status(bill_id).is_payable


def test_a_closed_bill_takes_no_money(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    for _ in range(2):
        billplz.close_payment(bill_id)
    assert billplz.get_payment_status(bill_id) == Standing(is_payable=False)


def test_a_bill_paid_meanwhile_is_not_closed(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    pay(bank, bill_id)
    billplz.close_payment(bill_id)
    assert billplz.get_payment_status(bill_id).payments[0].state == "captured"


def test_p7_what_was_paid_is_reported_not_what_was_asked(bank, billplz, request_of):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    pay(bank, bill_id, amount=26799)
    assert billplz.get_payment_status(bill_id).payments[0].amount == Money(26799, "MYR")


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_the_way_back_says_whether_it_was_paid(bank, billplz, request_of, outcome):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    back = pay(bank, bill_id, outcome)["return_url"]
    answer = dict(parse_qsl(urlsplit(back).query, keep_blank_values=True))
    assert billplz.verify_payment(bill_id, answer) is (outcome == "completed")
    assert billplz.verify_payment(bill_id, {}) is False
    for name, value in (("billplz[id]", "other"), ("billplz[paid]", "TRUE"), ("billplz[x_signature]", "é☃\ud800")):
        with pytest.raises(BadSignature):
            billplz.verify_payment(bill_id, {**answer, name: value})
    with pytest.raises(BadSignature):
        billplz.verify_payment("another", answer)
    with pytest.raises(BadSignature):
        billplz.verify_payment("", answer)


def test_refunds_are_for_staff_to_send(billplz):
    refund = billplz.process_refund("8X0Iyzaw", Money(100, "MYR"), key="refund-1")
    assert (refund.state, refund.key, refund.is_by_hand) == ("pending", "refund-1", True)
    assert billplz.find_refunds("8X0Iyzaw") == []


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 429}, {"kind": "status", "status": 500}, {"kind": "status", "status": 502},
              {"kind": "drop"}, {"kind": "act_then_drop"}, {"kind": "truncated_body"}]
)  # fmt: skip
def test_p18_no_usable_answer_is_unknown(bank, billplz, request_of, fault):
    bill_id = billplz.initiate_payment(request_of(), look_first=False).id
    bank.fault(path="/billplz/api/**", **fault)
    for call in (
        lambda: billplz.initiate_payment(request_of("other"), look_first=False),
        lambda: billplz.get_payment_status(bill_id),
        lambda: billplz.close_payment(bill_id),
    ):
        with pytest.raises(ProviderUnavailable):
            call()


def test_p17_a_bank_that_hangs_is_left_in_time(bank, make_billplz, request_of):
    hasty = make_billplz(patience=Patience(connect=0.3, read=0.3, total=0.5))
    bank.fault("hang", seconds=2, path="/billplz/api/**", count=1)
    with pytest.raises(ProviderUnavailable):
        hasty.initiate_payment(request_of(), look_first=False)


def test_wrong_keys_say_nothing_about_the_bill(make_billplz, request_of):
    with pytest.raises(ProviderUnavailable) as refusal:
        make_billplz(api_key="wrong").initiate_payment(request_of(), look_first=False)
    assert refusal.value.facts["status"] == 401


def test_what_billplz_will_not_do_is_refused(billplz, request_of):
    with pytest.raises(ProviderRefused) as refusal:
        billplz.initiate_payment(request_of(minor=99), look_first=False)
    assert (refusal.value.facts["status"], "Amount" in str(refusal.value)) == (422, True)
    with pytest.raises(ProviderRefused):
        billplz.get_payment_status("none")


def test_a_notice_names_the_bill(billplz):
    notice = billplz.read_notice(signed(BILL), FORM)
    assert (notice.kind, notice.provider_order_id, notice.provider_payment_id) == ("bill.paid", "8X0Iyzaw", "")
    assert billplz.recognises(FORM, signed(BILL))


def test_p3_a_repeated_notice_is_the_same_whatever_the_order_of_its_fields(billplz):
    turned = dict(reversed(BILL.items()))
    assert billplz.read_notice(signed(BILL), FORM) == billplz.read_notice(signed(turned), FORM)
    other = billplz.read_notice(signed(BILL | {"paid_at": "2026-11-25 16:24:00 +0800"}), FORM)
    assert other.event_id != billplz.read_notice(signed(BILL), FORM).event_id


def test_while_a_key_is_changed_both_count(billplz):
    for key in BILLPLZ_KEYS:
        assert billplz.read_notice(signed(BILL, key), FORM).kind == "bill.paid"
    with pytest.raises(BadSignature):
        billplz.read_notice(signed(BILL, "S-of-the-month-before"), FORM)


@pytest.mark.parametrize(
    "body",
    [b"", b"x_signature=", b"x_signature=0", b"\xff\xfe", b"&&&", b"a=%ff&x_signature=0", b"id=8X0Iyzaw&state=paid",
     b"&".join(b"a%d=1" % n for n in range(500)), signed(BILL) + b"&amount=1", signed(BILL).replace(b"26800", b"26801")],
)  # fmt: skip
def test_p19_what_is_not_signed_is_refused(billplz, body):
    with pytest.raises(BadSignature):
        billplz.read_notice(body, FORM)


@pytest.mark.parametrize("changed", [{"id": ""}, {"id": "a b"}, {"id": "x" * 65}, {"state": "odd"}, {"state": ""}])
def test_p19_signed_nonsense_is_refused(billplz, changed):
    with pytest.raises(Refused) as refusal:
        billplz.read_notice(signed(BILL | changed), FORM)
    assert refusal.value.code == "malformed_notice"


@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, signed(BILL)), ({"content-type": "application/json"}, signed(BILL)), (FORM, b"a=1")],
)
def test_other_posts_are_not_taken_for_billplz(billplz, headers, body):
    assert not billplz.recognises(headers, body)


@pytest.mark.parametrize(
    "missing", [{"api_key": ""}, {"collection_id": ""}, {"signature_keys": ()}, {"signature_keys": ("a", "")}]
)
def test_an_empty_key_never_signs_anything(missing):
    with pytest.raises(ValueError, match="empty"):
        Billplz(**({**BILLPLZ, "signature_keys": BILLPLZ_KEYS, "api_url": "http://127.0.0.1:9"} | missing))
