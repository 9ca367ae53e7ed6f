"""docs/api.md says what is so: its examples are run as they stand there, over HTTP."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core import db
from app.web import signing
from tests.api_keys import make_key
from tests.returns.counter import buy, provider_payment, states
from tests.shop import add_product

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
# For machines without them: just what the examples ask of these two.
STAND_INS = {
    "curl": """
import sys, urllib.request
words = [word for word in sys.argv[1:] if word not in ("--fail", "--silent", "--show-error")]
pairs = {"--header": [], "--data": []}
url = next(word for at, word in enumerate(words) if word not in pairs and (at == 0 or words[at - 1] not in pairs))
for name, value in zip(words, words[1:]):
    if name in pairs:
        pairs[name].append(value)
headers = dict(header.split(": ", 1) for header in pairs["--header"])
body = pairs["--data"][0].encode() if pairs["--data"] else None
print(urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30).read().decode())
""",
    "openssl": """
import hashlib, hmac, secrets, sys
if sys.argv[1] == "rand":
    print(secrets.token_hex(int(sys.argv[3])))
else:
    text = sys.stdin.buffer.read()
    key = sys.argv[sys.argv.index("-hmac") + 1] if "-hmac" in sys.argv else None
    print((hmac.new(key.encode(), text, "sha256") if key else hashlib.sha256(text)).hexdigest(), "*stdin")
""",
}


@pytest.fixture
def stand_ins(tmp_path):
    for name, source in STAND_INS.items():
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{source}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(tmp_path)


def run(command, source, url, program, *, path, payment=""):
    given = {"KEDAI_URL": url, "KEDAI_KEY": program.key, "KEDAI_SIGNING_SECRET": program.signing, "PAYMENT": payment}
    environ = {**os.environ, **given, "PATH": path}
    return subprocess.run([*command, source], env=environ, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("first", ["the machine's own programs", "the stand-ins"])
def test_the_examples_for_a_shell(listening, merchant, shopper, stand_ins, first):
    buy(shopper, (add_product(), 1))
    own = os.environ["PATH"]
    path = f"{own}:{stand_ins}" if first.startswith("the machine") else f"{stand_ins}:{own}"
    program, payment = make_key(merchant, "stock.view", "refunds.change"), provider_payment()
    read, refund = [source for language, source in EXAMPLES if language == "sh"]
    done = run(["sh", "-ec"], read, listening, program, path=path)
    assert (done.returncode, '"active_locks":' in done.stdout.replace(" ", "")) == (0, True), done.stderr
    done = run(["sh", "-ec"], refund, listening, program, path=path, payment=payment)
    assert (done.returncode, '"requested"' in done.stdout) == (0, True), done.stderr
    db.forget()
    assert states() == [("requested", 1250)]


def test_the_example_in_python(listening, merchant, shopper):
    buy(shopper, (add_product(), 1))
    program, payment = make_key(merchant, "refunds.change"), provider_payment()
    [source] = [source for language, source in EXAMPLES if language == "python"]
    done = run([sys.executable, "-c"], source, listening, program, path=os.environ["PATH"], payment=payment)
    assert (done.stdout, done.returncode) == ("201 requested\n", 0), done.stderr
    db.forget()
    assert states() == [("requested", 1250)]


def test_every_code_of_a_refusal_is_explained(app):
    text = DOCUMENT.read_text()
    with app.test_request_context():
        codes = set(signing._words()) | {"invalid_token", "scope_missing", "key_in_address"}
    assert {code for code in codes if f"`{code}`" not in text} == set()
    assert {name for name in signing.HEADERS if f"`{name}`" not in text} == set()
