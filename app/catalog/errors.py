from __future__ import annotations

from app.core.errors import Conflict, NotFound


class ChangedMeanwhile(Conflict):
    """Somebody else has changed it since it was looked at."""

    code = "changed_meanwhile"


class SlugMoved(NotFound):
    """The address belongs to a product or category that lives at `slug` now (answer with a 301)."""

    code = "moved"

    def __init__(self, slug: str) -> None:
        super().__init__(slug=slug)
        self.slug = slug


class SlugTaken(Conflict):
    code = "slug_taken"


class DuplicateVariant(Conflict):
    """Another variant of the product has the same options, or another product the same SKU."""

    code = "duplicate_variant"
