import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class ProductChanged(Event):
    """Anything about the product that shoppers can see: texts, variants, prices, pictures, whether it is for sale."""

    name = "product.changed"
    product_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class CategoryChanged(Event):
    """Its name, address or place: the lists and words of all its products are affected."""

    name = "category.changed"
    category_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class AttributeChanged(Event):
    """A motif, colour or fibre was named anew."""

    name = "attribute.changed"
    kind: str
    slug: str
