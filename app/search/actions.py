"""Verbs that keep the search documents in step with the catalogue and the stock. All run in the caller's transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert

from app.catalog import queries as catalog
from app.catalog.queries.shapes import Category, Frame
from app.catalog.rules import CURRENCIES, LOCALES, in_locale
from app.core import db
from app.search import rules
from app.search.models import SearchDocument, SearchSynonym
from app.stock import queries as stock

BATCH = 1_000


def touch() -> None:
    """Start a new version of the documents."""
    db.rows(
        "INSERT INTO search_state AS s (id, version) VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
        " ON CONFLICT (id) DO UPDATE SET version = greatest(s.version + 1, excluded.version)"
    )
    db.session().info.pop("search_version", None)


def reindex(product_ids: Sequence[uuid.UUID]) -> None:
    """Bring the documents of these products up to date; those that are not for sale lose theirs.

    What is up to date already makes no new version, so events that come late or twice cost the lists nothing.
    """
    _take_turn()
    frames = {locale: catalog.frame(locale=locale) for locale in LOCALES}
    synonyms = _synonyms()
    changed = 0
    for start in range(0, len(product_ids), BATCH):
        batch = list(product_ids[start : start + BATCH])
        documents = [_document(source, frames, synonyms) for source in _sources(batch)]
        before = _vocabulary_of(batch)
        changed += _remove(set(batch) - {each["product_id"] for each in documents}) + _write(documents)
        _count_words(before, [each["vocabulary"] for each in documents])
    changed += refresh_sold_out(product_ids)
    if changed:
        touch()


def _take_turn() -> None:
    """Writers of documents queue on the row of the version."""
    db.rows(
        "INSERT INTO search_state AS s (id, version) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET version = s.version"
    )


def reindex_all() -> int:
    """Every document anew. Returns how many products were looked at."""
    ids = [row[0] for row in db.rows("SELECT id FROM product UNION SELECT product_id FROM search_document ORDER BY 1")]
    reindex(ids)
    return len(ids)


def reindex_category(category_id: uuid.UUID) -> None:
    """The documents below a category: its name and its place are part of them."""
    found = db.rows(
        "WITH RECURSIVE below AS (SELECT CAST(:id AS uuid) AS id"
        " UNION SELECT c.id FROM category c JOIN below b ON c.parent_id = b.id)"
        " SELECT p.id FROM product p JOIN below b ON b.id = p.category_id",
        id=category_id,
    )
    reindex([row[0] for row in found])


def reindex_attribute(kind: str, slug: str) -> None:
    """The documents that carry a motif, colour or fibre."""
    condition = "p.colours ? :slug" if kind == "colour" else f"p.{ {'motif': 'motif', 'fibre': 'fibre'}[kind] } = :slug"
    reindex([row[0] for row in db.rows(f"SELECT p.id FROM product p WHERE {condition}", slug=slug)])  # noqa: S608  # nosec B608


def put_synonyms(groups: Iterable[Sequence[str]]) -> None:
    """Words or phrases that mean the same, in groups (`["kain", "fabric"]`). Documents learn of them when next indexed."""
    pairs = {
        (" ".join(rules.words(one)), " ".join(rules.words(other)))
        for group in groups
        for one in group
        for other in group
        if one != other
    }
    touch()
    db.session.execute(delete(SearchSynonym))
    if pairs:
        db.session.execute(insert(SearchSynonym), [{"word": w, "synonym": s} for w, s in sorted(pairs)])


def refresh_sold_out(product_ids: Sequence[uuid.UUID] | None = None) -> int:
    """Note which products have nothing left to sell, for sorting. Returns how many changed.

    Without ids: those whose stock moved since the last refresh (movements have time-ordered keys), with some minutes
    of overlap for transactions that were still open then.
    """
    ids = _moved_products() if product_ids is None else list(product_ids)
    changed = 0
    for start in range(0, len(ids), BATCH):
        changed += _mark_sold_out(ids[start : start + BATCH])
    if changed:
        touch()
    return changed


def _moved_products() -> list[uuid.UUID]:
    found = db.rows(
        """
        WITH since AS (SELECT refreshed_at - interval '5 minutes' AS moment FROM search_state),
        noted AS (UPDATE search_state SET refreshed_at = statement_timestamp())
        SELECT DISTINCT v.product_id FROM stock_movement m JOIN stock_item s ON s.id = m.stock_item_id
        JOIN variant v ON v.id = s.variant_id
        WHERE m.id >= CAST(lpad(to_hex((extract(epoch FROM coalesce((SELECT moment FROM since), 'epoch')) * 1000)::bigint), 12, '0')
          || '70008000000000000000' AS uuid)
        """
    )
    return [row[0] for row in found]


def _mark_sold_out(product_ids: Sequence[uuid.UUID]) -> int:
    units = {
        row.id: row.unit for row in db.rows("SELECT id, unit FROM product WHERE id = ANY(:ids)", ids=list(product_ids))
    }
    found = stock.availability_by_product(product_ids)
    sold_out = [each for each in product_ids if not found.get(each, stock.NONE).for_unit(units.get(each, "piece"))]
    changed = db.rows(
        "UPDATE search_document SET is_sold_out = NOT is_sold_out WHERE product_id = ANY(:ids)"
        " AND is_sold_out <> (product_id = ANY(:sold_out)) RETURNING product_id",
        ids=list(product_ids),
        sold_out=sold_out,
    )
    return len(changed)


def _synonyms() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word, synonym in db.rows("SELECT word, synonym FROM search_synonym ORDER BY 1, 2"):
        found.setdefault(word, []).append(synonym)
    return found


def _sources(product_ids: Sequence[uuid.UUID]) -> list[Any]:
    """What the documents are made of. Products without a variant for sale are missing."""
    return db.rows(
        """
        SELECT p.id, p.category_id, p.created_at, p.name, p.summary, p.description, p.motif, p.fibre, p.colours,
          array_agg(v.sku ORDER BY v.sku) AS skus, array_agg(DISTINCT v.options->>'size') AS sizes,
          array_agg(DISTINCT v.options->>'colour') AS variant_colours,
          (SELECT jsonb_object_agg(currency, low) FROM (
             SELECT r.currency, min(r.price_minor) AS low FROM variant x JOIN variant_price r ON r.variant_id = x.id
             WHERE x.product_id = p.id AND x.is_available GROUP BY r.currency) l) AS prices
        FROM product p JOIN variant v ON v.product_id = p.id AND v.is_available
        WHERE p.id = ANY(:ids) AND p.is_available AND p.withdrawn_at IS NULL GROUP BY p.id
        """,
        ids=list(product_ids),
    )


def _document(source: Any, frames: Mapping[str, Frame], synonyms: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    texts = {locale: _texts(source, frames[locale], locale, synonyms) for locale in LOCALES}
    vocabulary = {f"{locale}:{word}" for locale in LOCALES for word in _vocabulary(texts[locale])}
    prices = source.prices or {}
    return {
        "product_id": source.id,
        "category_id": source.category_id,
        "created_at": source.created_at,
        **{f"price_{currency.lower()}": prices.get(currency) for currency in CURRENCIES},
        "facets": _facets(source, frames["en"]),
        "vocabulary": sorted(vocabulary),
        "texts": texts,
        "skus": " ".join(dict.fromkeys(word for sku in source.skus for word in [*rules.words(sku), rules.fold(sku)])),
    }


def _texts(source: Any, frame: Frame, locale: str, synonyms: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Four weights of text: the name; what it is filed under; what is said about it; what else people call it."""
    category = frame.by_id[source.category_id]
    labels = [each.name for each in (*frame.trail(category), category)]
    labels += [
        frame.attribute(kind, getattr(source, kind)).name for kind in ("motif", "fibre") if getattr(source, kind)
    ]
    labels += [frame.attribute("colour", each).name for each in _colours(source)]
    name = rules.words(in_locale(source.name, locale))
    label_words = [word for label in labels for word in rules.words(label)]
    about = rules.words(f"{in_locale(source.summary, locale)} {in_locale(source.description, locale)}")
    said = f" {' '.join([*name, *label_words])} "
    also = [synonym for phrase, others in synonyms.items() if f" {phrase} " in said for synonym in others]
    parts = {"name": name, "labels": label_words, "about": about, "also": also}
    return {key: " ".join(value) for key, value in parts.items()}


def _vocabulary(texts: Mapping[str, str]) -> set[str]:
    found = {word for key in ("name", "labels", "also") for word in texts[key].split()}
    return {word for word in found if len(word) > 2 and not word.isdigit()}


def _colours(source: Any) -> list[str]:
    return list(dict.fromkeys([*source.colours, *(each for each in source.variant_colours if each)]))


def _facets(source: Any, frame: Frame) -> list[str]:
    category: Category = frame.by_id[source.category_id]
    tokens = [rules.token("category", each.slug) for each in (*frame.trail(category), category)]
    tokens += [rules.token(kind, getattr(source, kind)) for kind in ("motif", "fibre") if getattr(source, kind)]
    tokens += [rules.token("colour", each) for each in _colours(source)]
    return sorted(tokens + [rules.token("size", each) for each in source.sizes if each])


def _vocabulary_of(product_ids: Sequence[uuid.UUID]) -> list[list[str]]:
    found = db.rows("SELECT vocabulary FROM search_document WHERE product_id = ANY(:ids)", ids=list(product_ids))
    return [row[0] for row in found]


def _remove(product_ids: Iterable[uuid.UUID]) -> int:
    gone = (
        delete(SearchDocument)
        .where(SearchDocument.product_id.in_(list(product_ids)))
        .returning(SearchDocument.product_id)
    )
    return len(db.session.execute(gone).all())


# English words are stemmed. Both vectors hold the words of both languages: people mix them ("baju silk").
_WRITE = """
INSERT INTO search_document AS d (product_id, category_id, created_at, price_myr, price_inr, price_usd, facets, vocabulary,
  words_en, words_ms)
SELECT product_id, category_id, created_at, price_myr, price_inr, price_usd,
  ARRAY(SELECT json_array_elements_text(facets)), ARRAY(SELECT json_array_elements_text(vocabulary)),
  setweight(to_tsvector('english', en->>'name'), 'A') || setweight(to_tsvector('english', en->>'labels'), 'B')
    || setweight(to_tsvector('english', en->>'about'), 'C')
    || to_tsvector('simple', concat_ws(' ', en->>'name', en->>'labels', en->>'also', ms->>'name', ms->>'labels', skus)),
  setweight(to_tsvector('simple', ms->>'name'), 'A') || setweight(to_tsvector('simple', ms->>'labels'), 'B')
    || setweight(to_tsvector('simple', ms->>'about'), 'C')
    || to_tsvector('simple', concat_ws(' ', ms->>'also', en->>'name', en->>'labels', skus))
    || to_tsvector('english', concat_ws(' ', en->>'name', en->>'labels'))
FROM (SELECT product_id, category_id, created_at, price_myr, price_inr, price_usd, facets, vocabulary, skus,
        texts->'en' AS en, texts->'ms' AS ms
      FROM json_to_recordset(CAST(:documents AS json)) AS x(product_id uuid, category_id uuid, created_at timestamptz,
        price_myr bigint, price_inr bigint, price_usd bigint, facets json, vocabulary json, skus text, texts json)) n
ON CONFLICT (product_id) DO UPDATE SET category_id = excluded.category_id, created_at = excluded.created_at,
  price_myr = excluded.price_myr, price_inr = excluded.price_inr, price_usd = excluded.price_usd,
  facets = excluded.facets, vocabulary = excluded.vocabulary, words_en = excluded.words_en, words_ms = excluded.words_ms
WHERE (d.category_id, d.created_at, d.price_myr, d.price_inr, d.price_usd, d.facets, d.vocabulary, d.words_en, d.words_ms)
  IS DISTINCT FROM (excluded.category_id, excluded.created_at, excluded.price_myr, excluded.price_inr, excluded.price_usd,
    excluded.facets, excluded.vocabulary, excluded.words_en, excluded.words_ms)
RETURNING product_id
"""


def _write(documents: Sequence[dict[str, Any]]) -> int:
    """How many were new or had changed."""
    if not documents:
        return 0
    return len(db.rows(_WRITE, documents=json.dumps(documents, default=str)))


def _count_words(before: Iterable[Sequence[str]], after: Iterable[Sequence[str]]) -> None:
    """Keep the vocabulary's frequencies in step: how many documents use each word."""
    change: dict[str, int] = {}
    for sign, vocabularies in ((-1, before), (1, after)):
        for vocabulary in vocabularies:
            for word in vocabulary:
                change[word] = change.get(word, 0) + sign
    rows = [_word_row(entry, difference) for entry, difference in sorted(change.items()) if difference]
    if rows:
        db.rows(_CHANGE_WORDS, rows=json.dumps(rows))


def _word_row(entry: str, difference: int) -> list[Any]:
    locale, word = entry.split(":", 1)
    return [locale, word, difference, rules.hints(word)]


_CHANGE_WORDS = """
WITH change AS (
  SELECT r->>0 AS locale, r->>1 AS word, (r->>2)::bigint AS difference, r->3 AS hints
  FROM json_array_elements(CAST(:rows AS json)) r),
gone AS (
  DELETE FROM search_word w USING change c
  WHERE w.locale = c.locale AND w.word = c.word AND w.frequency + c.difference <= 0),
changed AS (
  UPDATE search_word w SET frequency = w.frequency + c.difference FROM change c
  WHERE w.locale = c.locale AND w.word = c.word AND w.frequency + c.difference > 0)
INSERT INTO search_word (locale, word, frequency, hints)
SELECT c.locale, c.word, c.difference, ARRAY(SELECT json_array_elements_text(c.hints)) FROM change c
WHERE c.difference > 0
  AND NOT EXISTS (SELECT 1 FROM search_word o WHERE o.locale = c.locale AND o.word = c.word)
"""
