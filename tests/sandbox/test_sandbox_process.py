import ast
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


def run(*options, **environ):
    command = [sys.executable, "-m", "sandbox", *options]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=20)


def test_the_ledger_survives_kill_9(start_sandbox):
    sandbox = start_sandbox()
    payment_id = sandbox.pay(sandbox.order(receipt="R-1"))["razorpay_payment_id"]
    key = {"X-Refund-Idempotency": "refund-0000000001"}
    refund = sandbox.client.payment.refund(payment_id, {"amount": 1000}, headers=key, timeout=5)
    late = sandbox.pay(sandbox.order(receipt="R-2"), "late", late_seconds=300)["razorpay_payment_id"]
    sandbox.advance(100)
    before = sandbox.control("GET", "/ledger")
    sandbox.kill()
    sandbox.restart()
    assert sandbox.control("GET", "/ledger") == before
    assert sandbox.control("GET", "/clock")["offset_seconds"] == 100
    assert sandbox.client.payment.refund(payment_id, {"amount": 1000}, headers=key, timeout=5) == refund
    sandbox.advance(201)
    assert sandbox.payment(late)["status"] == "captured"


def test_kill_9_under_load_loses_nothing_that_was_answered(start_sandbox):
    sandbox = start_sandbox()
    answered = []
    for number in range(60):
        answered.append(sandbox.pay(sandbox.order(receipt=f"R-{number}"))["razorpay_payment_id"])
        if number % 20 == 19:
            sandbox.kill()
            sandbox.restart()
    ledger = sandbox.control("GET", "/ledger")
    kept = [payment["id"] for account in ledger["receipts"].values() for payment in account["payments"]]
    assert kept == answered
    assert ledger["totals"]["MYR"]["captured"] == 60 * 5000


def test_webhooks_that_were_on_their_way_are_sent_after_a_restart(start_sandbox, receiver, eventually):
    sandbox = start_sandbox("--webhook-url", receiver.url)
    sandbox.control("POST", "/webhooks", {"event": "payment.captured", "delay": 3600})
    sandbox.pay(sandbox.order())
    receiver.wait_for(2)
    eventually(lambda: len(sandbox.deliveries(state="delivered")) == 2)
    sandbox.kill()
    sandbox.restart()
    sandbox.advance(3601)
    assert b'"payment.captured"' in receiver.wait_for(3)[2]["body"]


def test_a_disabled_webhook_stays_disabled_after_a_restart(start_sandbox, receiver, eventually):
    sandbox = start_sandbox("--webhook-url", receiver.url)
    sandbox.control("POST", "/webhooks/endpoint", {"retry_seconds": 3600})
    receiver.answers = [500] * 10
    sandbox.pay(sandbox.order(), "failed")
    receiver.wait_for(1)
    sandbox.advance(25 * 3600)
    eventually(lambda: sandbox.control("GET", "/webhooks/endpoint")["disabled"])
    sandbox.kill()
    sandbox.restart()
    assert sandbox.control("GET", "/webhooks/endpoint")["disabled"] == [receiver.url]


def test_it_is_configured_by_the_environment(start_sandbox, receiver, tmp_path):
    (tmp_path / "secret").write_text("from a file\n")
    sandbox = start_sandbox(
        RAZORPAY_KEY_ID="rzp_test_env",
        RAZORPAY_WEBHOOK_SECRET="one",
        SANDBOX_WEBHOOK_URL=f"{receiver.url} {receiver.url}2",
    )
    assert sandbox.control("GET", "/webhooks/endpoint")["urls"] == [receiver.url, receiver.url + "2"]
    answer = requests.get(f"{sandbox.url}/v1/orders", auth=("rzp_test_env", "suite_key_secret"), timeout=5)
    assert answer.status_code == 200


def test_a_secret_may_lie_in_a_file(tmp_path):
    (tmp_path / "secret").write_text("")
    done = run("--data", str(tmp_path / "d"), PATH="", RAZORPAY_KEY_SECRET_FILE=str(tmp_path / "secret"))
    assert done.returncode == 2
    assert done.stderr == "sandbox: RAZORPAY_KEY_SECRET is empty; give it a value or leave it unset.\n"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"RAZORPAY_WEBHOOK_SECRET": ""}, "RAZORPAY_WEBHOOK_SECRET is empty"),
        ({"SANDBOX_WEBHOOK_URL": "shop.example/hook"}, "does not start with http"),
    ],
)
def test_senseless_settings_end_it_with_a_sentence(tmp_path, environ, sentence):
    done = run("--port", "0", "--data", str(tmp_path), **environ)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_ends_it_with_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port), "--data", str(tmp_path))
    assert done.returncode == 2
    assert (
        done.stderr == f"sandbox: Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --port.\n"
    )


def test_two_sandboxes_cannot_share_a_folder(start_sandbox):
    sandbox = start_sandbox()
    done = run("--port", "0", "--data", str(sandbox.data))
    assert done.returncode == 2
    assert done.stderr.startswith(f"sandbox: Cannot use the folder {sandbox.data} (database is locked).")
    assert sandbox.order()["status"] == "created"


def test_an_address_that_cannot_work_stops_nothing(start_sandbox, receiver, eventually):
    sandbox = start_sandbox("--webhook-url", "http://shop.invalid:port/hook", "--webhook-url", receiver.url)
    for _ in range(10):
        sandbox.pay(sandbox.order(), "failed")
    receiver.wait_for(10)
    eventually(lambda: len(sandbox.deliveries(state="delivered")) == 10)


def test_sigterm_ends_it_quietly(start_sandbox):
    sandbox = start_sandbox()
    sandbox.order()
    sandbox.stop()
    assert sandbox.process.returncode == 0


def test_reset_forgets_everything(sandbox):
    sandbox.pay(sandbox.order())
    sandbox.advance(500)
    sandbox.control("POST", "/faults", {"fault": "drop"})
    sandbox.control("POST", "/webhooks", {"drop": True})
    sandbox.control("POST", "/refunds", {"status": "pending"})
    sandbox.control("POST", "/reset")
    assert sandbox.control("GET", "/ledger") == {"totals": {}, "receipts": {}}
    assert sandbox.control("GET", "/clock")["offset_seconds"] == 0
    assert sandbox.control("GET", "/faults")["items"] == sandbox.control("GET", "/webhooks")["items"] == []
    payment_id = sandbox.pay(sandbox.order())["razorpay_payment_id"]
    assert sandbox.client.payment.refund(payment_id, {"amount": 100}, timeout=5)["status"] == "processed"


def test_the_ledger_adds_up_per_receipt_and_per_currency(sandbox):
    first, second = sandbox.order(5000, receipt="A"), sandbox.order(5000, receipt="A")
    payment_id = sandbox.pay(first)["razorpay_payment_id"]
    sandbox.pay(second)
    sandbox.pay(sandbox.order(700, "INR", receipt="B"), "failed")
    nameless = sandbox.order(900, receipt=None)
    sandbox.client.payment.refund(payment_id, {"amount": 2000}, timeout=5)
    whole = sandbox.control("GET", "/ledger")
    assert whole["totals"] == {
        "INR": {"orders": 1, "captured": 0, "refunded": 0, "released": 0},
        "MYR": {"orders": 3, "captured": 10000, "refunded": 2000, "released": 0},
    }
    assert set(whole["receipts"]) == {"A", "B", nameless["id"]}
    account = whole["receipts"]["A"]
    assert account == sandbox.ledger("A")
    assert account["order_ids"] == [first["id"], second["id"]]
    assert (account["captured"], account["refunded"], account["net"], account["captures"]) == (10000, 2000, 8000, 2)
    assert [payment["refunded"] for payment in account["payments"]] == [2000, 0]
    assert [(refund["payment_id"], refund["amount"], refund["source"]) for refund in account["refunds"]] == [
        (payment_id, 2000, "merchant")
    ]
    assert sandbox.control("GET", "/ledger?totals=1") == {"totals": whole["totals"]}
    assert sandbox.ledger(nameless["id"])["order_ids"] == [nameless["id"]]
    assert sandbox.api("GET", "/_sandbox/ledger/unknown").status_code == 400


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /v1/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n", b"431"),
    ],
)
def test_broken_requests_are_refused_and_harm_nobody(sandbox, request_bytes, status):
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request_bytes)
        assert connection.recv(100).split()[1] == status
    assert sandbox.control("GET", "/health")["status"] == "ok"


def test_connections_are_kept_alive(sandbox):
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"HEAD /_sandbox/health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"\r\nDate: " in answer
            assert answer.endswith(b"\r\n\r\n")


def test_it_shares_no_code_with_the_shop():
    for path in (ROOT / "sandbox").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "app"], path
