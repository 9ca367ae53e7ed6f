"""The bank: the payment sandbox as a process of its own, spoken to over HTTP."""

import os
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"key_id": "rzp_test_payments00000", "key_secret": "payments_key_secret"}
PAYPAL = {"client_id": "paypal_client_of_tests", "client_secret": "paypal_secret_of_tests", "webhook_id": "WH0TESTS"}
STRIPE = {"secret_key": "sk_test_payments00000", "webhook_secrets": ("whsec_of_this_month", "whsec_of_last_month")}
CURLEC = {"key_id": "rzp_test_curlec0000000", "key_secret": "curlec_key_secret_of_tests"}
CURLEC_SECRETS = ("curlec_webhook_secret_of_tests", "curlec_webhook_secret_of_last_month")
BILLPLZ = {"api_key": "billplz-key-of-tests", "collection_id": "testcoll"}
BILLPLZ_KEYS = ("S-billplz-of-tests", "S-billplz-of-last-month")
WEBHOOK_SECRETS = ("payments_webhook_secret", "payments_webhook_secret_of_last_month")


class Bank:
    """What a test does at the provider's side: pay, fail, break the line, look into its ledger."""

    def __init__(self, data):
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAZORPAY_", "SANDBOX_", "PAYPAL_", "STRIPE_", "CURLEC_", "BILLPLZ_"))
        }
        environ |= {
            "RAZORPAY_KEY_ID": KEYS["key_id"],
            "RAZORPAY_KEY_SECRET": KEYS["key_secret"],
            "RAZORPAY_WEBHOOK_SECRET": ",".join(WEBHOOK_SECRETS),
            "STRIPE_SECRET_KEY": STRIPE["secret_key"],
            "STRIPE_WEBHOOK_SECRET": ",".join(STRIPE["webhook_secrets"]),
            "CURLEC_KEY_ID": CURLEC["key_id"],
            "CURLEC_KEY_SECRET": CURLEC["key_secret"],
            "CURLEC_WEBHOOK_SECRET": ",".join(CURLEC_SECRETS),
            "BILLPLZ_SIGNATURE_KEY": ",".join(BILLPLZ_KEYS),
            **{f"BILLPLZ_{name.upper()}": value for name, value in BILLPLZ.items()},
            **{f"PAYPAL_{name.upper()}": value for name, value in PAYPAL.items()},
        }
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(data)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.session = requests.Session()

    def end(self):
        self.session.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def control(self, method, path, body=None):
        answer = self.session.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order_id, outcome="captured", **fields):
        return self.control("POST", "/pay", {"order_id": order_id, "outcome": outcome, **fields})

    def fault(self, kind, *, method="*", path="/v1/**", **options):
        self.control("POST", "/faults", {"fault": kind, "method": method, "path": path, **options})

    def ledger(self):
        return self.control("GET", "/ledger")
