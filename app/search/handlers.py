"""The documents follow the catalogue: within the delivery of its events, usually well under a second."""

from app.catalog.events import AttributeChanged, CategoryChanged, ProductChanged
from app.search import actions


def follow_product(event: ProductChanged) -> None:
    actions.reindex([event.product_id])


def follow_category(event: CategoryChanged) -> None:
    actions.reindex_category(event.category_id)


def follow_attribute(event: AttributeChanged) -> None:
    actions.reindex_attribute(event.kind, event.slug)
