"""What a product is found by: code, barcodes, names, specification; pinyin and initials of the Chinese."""

from crm_core.search_text import search_text

_LONGEST = 2000


def found_by(*words: str | None) -> str:
    return " ".join(search_text(word) for word in words if word)[:_LONGEST]
