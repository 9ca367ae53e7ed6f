"""Finding things: lists with facets and counts, full-text search, spelling help and typeahead.

`search_document` is derived from the catalogue and can be rebuilt at any time. Cards come from `catalog`, stock words live
from `stock`.
"""
