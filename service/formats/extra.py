"""Extra: what a source says beyond a paper's fields, for formats that have a place for some of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from search.papers.folding import normalize_whitespace
from search.papers.paper import Json

_TEXT_FIELDS = ("journal", "comment", "pages")


@dataclass(frozen=True, slots=True)
class Extra:
    """``Paper.extra``, parted.

    Attributes:
        texts: ``journal``, ``comment`` and ``pages``, each empty where there is none that is a line of text.
        keywords: where they are texts that a comma can part.
        rest: all else.
    """

    texts: Mapping[str, str]
    keywords: tuple[str, ...]
    rest: Mapping[str, Json]

    @classmethod
    def from_mapping(cls, extra: Mapping[str, Json]) -> Self:
        """Parts it."""
        texts = {
            name: value for name in _TEXT_FIELDS if isinstance(value := extra.get(name), str) and _is_single_line(value)
        }
        keywords = _keywords(extra.get("keywords"))
        told = {*texts, *(["keywords"] if keywords else [])}
        rest = {name: value for name, value in extra.items() if name not in told}
        return cls({name: texts.get(name, "") for name in _TEXT_FIELDS}, keywords, rest)

    @property
    def rest_json(self) -> str:
        """The rest as JSON on one line, empty where nothing is left."""
        if not self.rest:
            return ""
        text = json.dumps(self.rest, ensure_ascii=False)
        return text if _is_single_line(text) else json.dumps(self.rest)


def _is_single_line(text: str) -> bool:
    return bool(text) and normalize_whitespace(text) == text


def _keywords(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    texts = tuple(each for each in value if isinstance(each, str) and _is_single_line(each))
    whole = len(texts) == len(value) and not any(set(",;") & set(text) or not text.strip(" /") for text in texts)
    return texts if whole else ()
