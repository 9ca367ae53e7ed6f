"""The sandbox as its users meet it: a process of its own, spoken to over HTTP; and a shop that gets its webhooks."""

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import razorpay
import requests

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("rzp_test_suite0000000", "suite_key_secret")
WEBHOOK_SECRETS = ("suite_webhook_secret", "suite_webhook_secret_of_last_month")
STRIPE_KEY, STRIPE_SECRETS = "sk_test_suite", ("whsec_suite", "whsec_suite_of_last_month")
DEADLINE = 10


class SandboxProcess:
    """`python -m sandbox` on a free port."""

    def __init__(self, data, *options, **environ):
        self.data = data
        self.options = options
        self.environ = environ
        self.start()

    def start(self, port="0"):
        environ = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("RAZORPAY_", "SANDBOX_", "PAYPAL_", "STRIPE_", "CURLEC_", "BILLPLZ_"))
            },
            "RAZORPAY_KEY_ID": KEYS[0],
            "RAZORPAY_KEY_SECRET": KEYS[1],
            "RAZORPAY_WEBHOOK_SECRET": ",".join(WEBHOOK_SECRETS),
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": ",".join(STRIPE_SECRETS),
            **self.environ,
        }
        command = [sys.executable, "-m", "sandbox", "--port", port, "--data", str(self.data), *self.options]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.client = razorpay.Client(auth=KEYS, base_url=self.url)

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        self.process.send_signal(number)
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()

    def restart(self):
        """On the same port, as a supervisor would."""
        self.start(port=self.url.rsplit(":", 1)[1])

    def api(self, method, path, **options):
        """A request with the merchant's keys."""
        return requests.request(method, self.url + path, **({"auth": KEYS, "timeout": DEADLINE} | options))

    def control(self, method, path, body=None):
        """A request to `/_sandbox`, which must succeed; returns the JSON."""
        answer = requests.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=DEADLINE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, amount=5000, currency="MYR", **fields):
        return self.client.order.create(
            {"amount": amount, "currency": currency, "receipt": "R-1", **fields}, timeout=DEADLINE
        )

    def pay(self, order, outcome="captured", **fields):
        order_id = order if isinstance(order, str) else order["id"]
        return self.control("POST", "/pay", {"order_id": order_id, "outcome": outcome, **fields})

    def payment(self, payment_id):
        return self.client.payment.fetch(payment_id, timeout=DEADLINE)

    def ledger(self, receipt="R-1"):
        return self.control("GET", f"/ledger/{receipt}")

    def advance(self, seconds):
        return self.control("POST", "/clock", {"advance_seconds": seconds})

    def deliveries(self, **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return self.control("GET", f"/webhooks/log?{query}")["items"]


class Shop:
    """Receives webhooks and callbacks; answers 200 unless told otherwise."""

    def __init__(self):
        self.received = []
        self.answers = []
        self.gate = None
        self._arrived = threading.Condition()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = shop._take(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _take(self, path, headers, body):
        with self._arrived:
            self.received.append({"path": path, "headers": headers, "body": body})
            status = self.answers.pop(0) if self.answers else 200
            self._arrived.notify_all()
        if self.gate is not None:
            self.gate.wait(DEADLINE)
        return status

    def wait_for(self, count):
        """The first `count` deliveries, as soon as they are there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, DEADLINE), f"only {self.received}"
            return self.received[:count]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory):
    sandbox = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running_sandbox):
    """Empty, without webhooks, faults or switches, showing real time."""
    running_sandbox.control("POST", "/webhooks/endpoint", {"urls": [], "timeout_seconds": 5, "retry_seconds": 2})
    running_sandbox.control("POST", "/reset")
    return running_sandbox


@pytest.fixture
def start_sandbox(tmp_path):
    """Starts sandboxes of one's own: `start_sandbox("--expiry-from", "order", NAME="value")`."""
    started = []

    def start(*options, **environ):
        started.append(SandboxProcess(tmp_path / "data", *options, **environ))
        return started[-1]

    yield start
    for sandbox in started:
        if sandbox.process.poll() is None:
            sandbox.stop()


@pytest.fixture
def receiver():
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture
def shop(sandbox, receiver):
    """A shop that the sandbox posts its events to."""
    sandbox.control("POST", "/webhooks/endpoint", {"urls": [receiver.url], "retry_seconds": 0.02})
    return receiver


@pytest.fixture
def eventually():
    """Asks again until the answer is true; the last answer is returned."""

    def ask(question):
        end = time.monotonic() + DEADLINE
        while not (answer := question()):
            assert time.monotonic() < end, "it did not happen in time"
            threading.Event().wait(0.01)
        return answer

    return ask
