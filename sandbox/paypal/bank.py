"""Orders, captures and refunds, in the ledger's tables with provider `paypal`. Every public method is one transaction.

Not in PayPal's docs and chosen here, as the harder case for a shop: after INSTRUMENT_DECLINED an order stays APPROVED;
what was refused is not remembered by its PayPal-Request-Id; another body under a used one is refused.
"""

import json
import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox import ledger
from sandbox.clock import Clock
from sandbox.paypal.amounts import minor_of
from sandbox.paypal.entities import capture_entity, minimal, order_entity, refund_entity
from sandbox.paypal.errors import in_progress, invalid, not_found, unprocessable
from sandbox.paypal.events import Events
from sandbox.paypal.keys import Signer
from sandbox.paypal.reporting import note_capture, note_refund
from sandbox.refunds import Course
from sandbox.store import Row, Store, Transaction

CAPTURES = ("COMPLETED", "PENDING", "DECLINED", "INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY", "TRANSACTION_REFUSED")
SELECTABLE = ("PAYPAL", "PAYPAL_PAY_LATER", "PAYPAL_CREDIT")
REFUNDS = ("COMPLETED", "PENDING", "FAILED")
UNAPPROVED_LIVE = 3 * 3600  # an order that nobody captures is gone after three hours
REFUND_DAYS = 180
KEPT = {"order": 6 * 3600, "capture": 6 * 3600, "refund": 45 * 86400}  # seconds that a PayPal-Request-Id is known
_LETTERS = string.ascii_uppercase + string.digits
_PATCHABLE = "/purchase_units/@reference_id=='default'/custom_id"


@dataclass(frozen=True)
class Page:
    """What the merchant said about the page: where the browser goes afterwards."""

    return_url: str
    cancel_url: str
    brand_name: str = ""
    selected: str = "PAYPAL"  # what the payer chose in the shop


@dataclass
class Bank:
    store: Store
    clock: Clock
    events: Events
    signer: Signer
    course: Course = field(default_factory=lambda: Course(status="COMPLETED"))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: set[str] = field(default_factory=set)

    def forget(self) -> None:
        with self._lock:
            self._under_way = set()
        self.course = Course(status="COMPLETED")

    def begin(self, key: str | None) -> Callable[[], None]:
        """Claims a PayPal-Request-Id for one request; call the result when the request is over."""
        if not key:
            return lambda: None
        with self._lock:
            if key in self._under_way:
                raise in_progress()
            claims = self._under_way
            claims.add(key)
        return lambda: claims.discard(key)

    # -- orders

    def create(self, body: dict[str, Any], *, key: str | None, whole: bool) -> tuple[dict[str, Any], int]:
        """The order and its status: 201, or 200 when this request id made it before."""
        unit = _unit_of(body)
        amount, currency = minor_of(unit.get("amount"), field="/purchase_units/@reference_id=='default'/amount")
        page, by_source = _page_of(body)
        with self.store.transaction() as tx:
            if key and (known := self._earlier(tx, f"order:{key}", body)):
                return self._order(tx, known, whole=whole), 200
            order_id = new_id()
            extra = {name: unit.get(name) for name in ("invoice_id", "custom_id", "description")}
            tx.insert(
                "orders",
                id=order_id,
                provider="paypal",
                extra=json.dumps(extra | {"page": page.__dict__}),
                amount=amount,
                currency=currency,
                receipt=unit.get("invoice_id") or unit.get("custom_id"),
                status="PAYER_ACTION_REQUIRED" if by_source else "CREATED",
                created_at=self.clock.now(),
            )
            self._remember(tx, f"order:{key}" if key else None, body, order_id)
            return self._order(tx, order_id, whole=whole), 201

    def order(self, order_id: str) -> dict[str, Any]:
        with self.store.reading() as tx:
            self._known_order(tx, order_id)
            return self._order(tx, order_id)

    def page_of(self, order_id: str) -> tuple[dict[str, Any], Page]:
        with self.store.reading() as tx:
            row = self._known_order(tx, order_id)
            return dict(row), Page(**json.loads(row["extra"])["page"])

    def patch(self, order_id: str, patches: Any) -> None:
        """Replaces the custom id; nothing else may be changed here."""
        fits = isinstance(patches, list) and patches and all(isinstance(each, dict) for each in patches)
        if not fits or any((each.get("op"), each.get("path")) != ("replace", _PATCHABLE) for each in patches):
            raise invalid("INVALID_PATCH_OPERATION", "The patch is not understood.")
        with self.store.transaction() as tx:
            row = self._known_order(tx, order_id)
            if row["status"] in ("COMPLETED", "VOIDED"):
                raise unprocessable("ORDER_ALREADY_COMPLETED", "The order cannot be patched after it is completed.")
            self._set(tx, row, custom_id=str(patches[-1].get("value")))

    def approve(self, order_id: str, *, capture: str = "COMPLETED") -> dict[str, Any]:
        """The payer says yes; `capture` is how the merchant's capture will end."""
        with self.store.transaction() as tx:
            row = self._known_order(tx, order_id)
            if row["status"] not in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"):
                raise unprocessable("ORDER_ALREADY_CAPTURED", "Order already captured.")
            self._set(tx, row, payer_id=new_id()[:13], capture=capture)
            tx.execute("UPDATE orders SET status = 'APPROVED', attempts = attempts + 1 WHERE id = ?", (order_id,))
            entity = self._order(tx, order_id)
            self.events.record(tx, "CHECKOUT.ORDER.APPROVED", order_id, entity, at=self.clock.now())
            return entity

    def capture(self, order_id: str, *, key: str | None, whole: bool) -> tuple[dict[str, Any], int]:
        with self.store.transaction() as tx:
            row = self._known_order(tx, order_id)
            if key and self._earlier(tx, f"capture:{key}", {"order": order_id}):
                return self._order(tx, order_id, whole=whole), 200
            if row["status"] == "COMPLETED":
                raise unprocessable("ORDER_ALREADY_CAPTURED", "Order already captured.")
            if row["status"] != "APPROVED":
                raise unprocessable("ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.")
            self._capture(tx, row)
            self._remember(tx, f"capture:{key}" if key else None, {"order": order_id}, order_id)
            return self._order(tx, order_id, whole=whole), 201

    def settle_capture(self, capture_id: str, status: str) -> dict[str, Any]:
        """The end of a review: a pending capture is COMPLETED or DECLINED."""
        with self.store.transaction() as tx:
            row = _known(tx, "payment", capture_id)
            if row["status"] != "PENDING":
                raise unprocessable("INVALID_STATE", "Only pending captures can be settled.")
            self._finish_capture(tx, capture_id, status)
            return self._capture_entity(tx, capture_id)

    def one_capture(self, capture_id: str) -> dict[str, Any]:
        with self.store.reading() as tx:
            _known(tx, "payment", capture_id)
            return self._capture_entity(tx, capture_id)

    # -- refunds

    def refund(self, capture_id: str, body: dict[str, Any], *, key: str | None) -> tuple[dict[str, Any], int]:
        """Refunds a part, or what is left when no amount is given. The same request id gives the same refund."""
        asked = {"capture": capture_id, **body}
        with self.store.transaction() as tx:
            payment = _known(tx, "payment", capture_id)
            if key and (known := self._earlier(tx, f"refund:{key}", asked)):
                return self._refund_entity(tx, known), 200
            amount = self._refundable(payment, body)
            refund_id = self._add_refund(tx, payment, amount, body, key)
            self._remember(tx, f"refund:{key}" if key else None, asked, refund_id)
            return self._refund_entity(tx, refund_id), 201

    def one_refund(self, refund_id: str) -> dict[str, Any]:
        with self.store.reading() as tx:
            _known(tx, "refund", refund_id)
            return self._refund_entity(tx, refund_id)

    def settle_refund(self, refund_id: str, status: str) -> dict[str, Any]:
        """COMPLETED, FAILED or CANCELLED of a pending one; FAILED also of one that had been completed."""
        with self.store.transaction() as tx:
            row = _known(tx, "refund", refund_id)
            if row["status"] not in ("PENDING", "COMPLETED") or row["status"] == status:
                raise unprocessable("INVALID_STATE", "Only pending and completed refunds can be settled.")
            tx.execute("UPDATE refund SET status = ? WHERE id = ?", (status, refund_id))
            note_refund(tx, row, status, at=self.clock.now())
            if status != "COMPLETED":
                self._move_refunded(tx, row["payment_id"], -row["amount"], refund_id, "refund_failed")
            name = "PAYMENT.CAPTURE.REFUNDED" if status == "COMPLETED" else "PAYMENT.REFUND.FAILED"
            self._tell_refund(tx, name, refund_id)
            return self._refund_entity(tx, refund_id)

    # -- steps inside a transaction

    def _earlier(self, tx: Transaction, key: str, body: dict[str, Any]) -> str | None:
        """The id of what this request id made before, as long as it is kept."""
        row = tx.one("SELECT * FROM idempotency WHERE key = ?", (f"paypal:{key}",))
        kept = KEPT[key.partition(":")[0]]
        if row is None or self.clock.now() > float(row["answer"]) + kept:
            tx.execute("DELETE FROM idempotency WHERE key = ?", (f"paypal:{key}",))
            return None
        if row["body"] != json.dumps(body, sort_keys=True):
            raise unprocessable("DUPLICATE_REQUEST_ID", "The value of PayPal-Request-Id header has already been used.")
        return str(row["payment_id"])

    def _remember(self, tx: Transaction, key: str | None, body: dict[str, Any], made: str) -> None:
        if key:
            asked, now = json.dumps(body, sort_keys=True), repr(self.clock.now())
            tx.insert("idempotency", key=f"paypal:{key}", payment_id=made, body=asked, answer=now)

    def _known_order(self, tx: Transaction, order_id: str) -> Row:
        row = _known(tx, "orders", order_id)
        if row["status"] != "COMPLETED" and self.clock.now() > row["created_at"] + UNAPPROVED_LIVE:
            raise not_found()
        return row

    def _set(self, tx: Transaction, order: Row, **changed: Any) -> None:
        extra = json.loads(order["extra"]) | changed
        tx.execute("UPDATE orders SET extra = ? WHERE id = ?", (json.dumps(extra), order["id"]))

    def _capture(self, tx: Transaction, order: Row) -> None:
        extra = json.loads(order["extra"])
        course = extra.get("capture", "COMPLETED")
        if course not in ("COMPLETED", "PENDING", "DECLINED"):
            raise unprocessable(course, "The payment was declined by the processor, bank or payer's account.")
        taken = "SELECT 1 FROM orders WHERE provider = 'paypal' AND receipt = ? AND status = 'COMPLETED'"
        if extra.get("invoice_id") and tx.one(taken, (extra["invoice_id"],)):
            raise unprocessable("DUPLICATE_INVOICE_ID", "Duplicate Invoice ID detected.")
        capture_id = new_id()
        tx.insert(
            "payment",
            id=capture_id,
            provider="paypal",
            extra=json.dumps({name: extra.get(name) for name in ("invoice_id", "custom_id")}),
            order_id=order["id"],
            amount=order["amount"],
            currency=order["currency"],
            status="PENDING",
            method="paypal",
            created_at=self.clock.now(),
        )
        tx.execute("UPDATE orders SET status = 'COMPLETED' WHERE id = ?", (order["id"],))
        self._finish_capture(tx, capture_id, course)

    def _finish_capture(self, tx: Transaction, capture_id: str, status: str) -> None:
        row, at = _known(tx, "payment", capture_id), self.clock.now()
        reason = {"PENDING": {"reason": "PENDING_REVIEW"}, "DECLINED": {"reason": "OTHER"}}.get(status)
        extra = json.loads(row["extra"]) | {"status_details": reason}
        values = (status, int(status == "COMPLETED"), json.dumps(extra), capture_id)
        tx.execute("UPDATE payment SET status = ?, captured = ?, extra = ? WHERE id = ?", values)
        note_capture(tx, row, status, at=at)
        if status == "COMPLETED":
            ledger.write(tx, "capture", payment=row, amount=row["amount"], at=at)
            tx.execute("UPDATE orders SET amount_paid = amount WHERE id = ?", (row["order_id"],))
            self.events.record(tx, "CHECKOUT.ORDER.COMPLETED", row["order_id"], self._order(tx, row["order_id"]), at=at)
        self.events.record(
            tx, f"PAYMENT.CAPTURE.{status}", row["order_id"], self._capture_entity(tx, capture_id), at=at
        )

    def _refundable(self, payment: Row, body: dict[str, Any]) -> int:
        left: int = payment["amount"] - payment["amount_refunded"]
        if not payment["captured"]:
            raise unprocessable("PENDING_CAPTURE", "Cannot initiate a refund as the capture is pending.")
        if self.clock.now() > payment["created_at"] + REFUND_DAYS * 86400:
            raise unprocessable("REFUND_TIME_LIMIT_EXCEEDED", "You are over the time limit to perform a refund.")
        if left == 0:
            raise unprocessable("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded.")
        if body.get("amount") is None:
            return left
        amount, currency = minor_of(body["amount"], field="/amount")
        if currency != payment["currency"]:
            raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the capture's currency.")
        if amount > left:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED", "The refund amount must be less than or equal to the rest.")
        return amount

    def _add_refund(self, tx: Transaction, payment: Row, amount: int, body: dict[str, Any], key: str | None) -> str:
        """Counts the money as given back as soon as the refund is accepted."""
        refund_id, course = new_id(), self._next_course()
        own = {name: body[name] for name in ("invoice_id", "custom_id", "note_to_payer") if body.get(name)}
        tx.insert(
            "refund",
            id=refund_id,
            provider="paypal",
            extra=json.dumps(json.loads(payment["extra"]) | own),
            payment_id=payment["id"],
            amount=amount,
            currency=payment["currency"],
            status=course.status,
            source="merchant",
            idempotency_key=key,
            created_at=self.clock.now(),
        )
        note_refund(tx, _known(tx, "refund", refund_id), course.status, at=self.clock.now())
        self._move_refunded(tx, payment["id"], amount, refund_id, "refund")
        if course.status == "FAILED":
            self._move_refunded(tx, payment["id"], -amount, refund_id, "refund_failed")
        names = {"COMPLETED": "PAYMENT.CAPTURE.REFUNDED"}
        self._tell_refund(tx, names.get(course.status, f"PAYMENT.REFUND.{course.status}"), refund_id)
        return refund_id

    def _move_refunded(self, tx: Transaction, capture_id: str, by: int, refund_id: str, kind: str) -> None:
        tx.execute(
            "UPDATE payment SET amount_refunded = amount_refunded + ?, status = CASE amount_refunded + ?"
            " WHEN 0 THEN 'COMPLETED' WHEN amount THEN 'REFUNDED' ELSE 'PARTIALLY_REFUNDED' END WHERE id = ?",
            (by, by, capture_id),
        )
        payment = _known(tx, "payment", capture_id)
        ledger.write(tx, kind, payment=payment, amount=abs(by), at=self.clock.now(), refund_id=refund_id)

    def _tell_refund(self, tx: Transaction, name: str, refund_id: str) -> None:
        payment = _known(tx, "payment", _known(tx, "refund", refund_id)["payment_id"])
        self.events.record(tx, name, payment["order_id"], self._refund_entity(tx, refund_id), at=self.clock.now())

    def _next_course(self) -> Course:
        course = self.course
        if course.left is None:
            return course
        course.left -= 1
        if course.left == 0:
            self.course = Course(status="COMPLETED")
        return course

    def _order(self, tx: Transaction, order_id: str, *, whole: bool = True) -> dict[str, Any]:
        order = _known(tx, "orders", order_id)
        if not whole:
            return minimal(order, base_url=self.signer.base_url)
        captures = tx.all("SELECT * FROM payment WHERE order_id = ? ORDER BY seq", (order_id,))
        of_order = "SELECT r.* FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.order_id = ? ORDER BY r.seq"
        return order_entity(order, captures, tx.all(of_order, (order_id,)), base_url=self.signer.base_url)

    def _capture_entity(self, tx: Transaction, capture_id: str) -> dict[str, Any]:
        return capture_entity(_known(tx, "payment", capture_id), base_url=self.signer.base_url)

    def _refund_entity(self, tx: Transaction, refund_id: str) -> dict[str, Any]:
        return refund_entity(_known(tx, "refund", refund_id), base_url=self.signer.base_url)


def new_id() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(17))


def _known(tx: Transaction, table: str, row_id: str) -> Row:
    row = tx.one(f"SELECT * FROM {table} WHERE id = ? AND provider = 'paypal'", (row_id,))  # noqa: S608  # nosec B608
    if row is None:
        raise not_found()
    return row


def _unit_of(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("intent") != "CAPTURE":
        raise invalid("INVALID_PARAMETER_VALUE", "Only the intent CAPTURE is enabled here.", field="/intent")
    units = body.get("purchase_units")
    if not isinstance(units, list) or len(units) != 1 or not isinstance(units[0], dict):
        raise invalid("INVALID_ARRAY_MAX_ITEMS", "Exactly one purchase unit is enabled here.", field="/purchase_units")
    for name in ("invoice_id", "custom_id", "description"):
        value = units[0].get(name)
        if value is not None and not (isinstance(value, str) and 1 <= len(value) <= 127):
            raise invalid("INVALID_STRING_LENGTH", "The value of a field is too short or long.", field=f"/{name}")
    return units[0]


def _page_of(body: dict[str, Any]) -> tuple[Page, bool]:
    """The page's addresses, and whether they came with a payment source (then the payer's action is required)."""
    source = body.get("payment_source")
    wallet = source.get("paypal") if isinstance(source, dict) else None
    context = wallet.get("experience_context") if isinstance(wallet, dict) else body.get("application_context")
    context = context if isinstance(context, dict) else {}
    urls = {name: context.get(name) for name in ("return_url", "cancel_url")}
    for name, url in urls.items():
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise invalid("INVALID_PARAMETER_SYNTAX", "An absolute address is needed.", field=f"/{name}")
    selected = context.get("payment_method_selected", "PAYPAL")
    if selected not in SELECTABLE:
        raise invalid("INVALID_PARAMETER_VALUE", "The value of a field is invalid.", field="/payment_method_selected")
    name = str(context.get("brand_name") or "")
    page = Page(brand_name=name, selected=selected, **{name: str(url) for name, url in urls.items()})
    return page, wallet is not None
