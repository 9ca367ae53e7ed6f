"""All parts of Billplz, wired together, and what its routes share."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, current_app, jsonify, request

from sandbox.billplz import keys as signatures
from sandbox.billplz.bills import Bills
from sandbox.billplz.errors import BillplzError
from sandbox.billplz.keys import Keys
from sandbox.clock import Clock
from sandbox.events import News
from sandbox.store import Store
from sandbox.webhooks import Dispatcher, Tongue


@dataclass
class Billplz:
    keys: Keys
    bills: Bills

    def return_url(self, bill_id: str) -> str:
        """Where the browser goes after a try to pay, with what was signed for it."""
        url, fields = self.bills.redirect_of(bill_id)
        signature = signatures.sign(
            {f"billplz{name}": value for name, value in fields.items()}, self.keys.signature_key
        )
        carried = {f"billplz[{name}]": value for name, value in {**fields, "x_signature": signature}.items()}
        return f"{url}{'&' if '?' in url else '?'}{urlencode(carried)}" if url else ""


def create(keys: Keys, store: Store, clock: Clock, news: News, dispatcher: Dispatcher) -> Billplz:
    dispatcher.tongues["billplz"] = Tongue(keys.signature_keys, signatures.write)
    return Billplz(keys, Bills(store, clock, news, collection_id=keys.collection_id))


def billplz() -> Billplz:
    found: Billplz = current_app.extensions["provider"].billplz
    return found


def note_address() -> None:
    """Before each request: links name the address we were spoken to at."""
    billplz().bills.spoken_to_at(request.host_url.rstrip("/"))


def refuse(error: BillplzError) -> tuple[Response, int]:
    return jsonify(error.body()), error.status
