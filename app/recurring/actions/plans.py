"""What may be subscribed to, as staff say."""

from __future__ import annotations

import uuid

from sqlalchemy.dialects.postgresql import insert

from app.audit import actions as audit
from app.core import db
from app.core.errors import NotFound
from app.core.ids import new_id
from app.recurring.errors import NoSuchVariant, PlanExists
from app.recurring.models import RecurringPlan


def add(sku: str, *, period: str, every: int, by: str) -> uuid.UUID:
    """Offer a variant every so many weeks or months; a plan that was ended is offered again. Raises NoSuchVariant or PlanExists."""
    variant_id = db.scalar("SELECT id FROM variant WHERE sku = :sku", sku=sku)
    if variant_id is None:
        raise NoSuchVariant()
    new = insert(RecurringPlan).values(id=new_id(), variant_id=variant_id, period=period, every=every)
    again = new.on_conflict_do_update(
        index_elements=["variant_id", "period", "every"],
        set_={"is_active": True},
        where=RecurringPlan.is_active.is_(False),
    ).returning(RecurringPlan.id)
    plan_id: uuid.UUID | None = db.session.execute(again).scalar()
    if plan_id is None:
        raise PlanExists()
    after = {"sku": sku, "period": period, "every": every, "offered": True}
    audit.record("subscription.plan_offered", actor=by, object_kind="recurring_plan", object_id=plan_id, after=after)
    return plan_id


def end(plan_id: uuid.UUID, *, by: str) -> bool:
    """Offer it no more. Who has subscribed keeps it. False when it was ended before; raises NotFound."""
    plan = db.session.get(RecurringPlan, plan_id, with_for_update=True)
    if plan is None:
        raise NotFound()
    if not plan.is_active:
        return False
    plan.is_active = False
    audit.record(
        "subscription.plan_ended",
        actor=by,
        object_kind="recurring_plan",
        object_id=plan_id,
        before={"offered": True},
        after={"offered": False},
    )
    return True
