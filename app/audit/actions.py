from app.audit.models import AuditEntry
from app.core import db


def record(action: str, *, actor: str, object_kind: str, object_id: object, **facts: object) -> None:
    """Note an act in the current transaction. `facts` are plain values, never personal data or secrets."""
    db.session.add(
        AuditEntry(action=action, actor=actor, object_kind=object_kind, object_id=str(object_id), facts=facts)
    )
