"""The further fields of a paper, split into those that bibliographic formats have a place for and the rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.paper import Paper

_TEXT_FIELDS = ("journal", "comment", "pages")


@dataclass(frozen=True, slots=True)
class Extra:
    """``Paper.extra``, split by field, with the citation count, for which bibliographic formats have no place either.

    Attributes:
        texts: ``journal``, ``comment`` and ``pages``; empty if absent or not a single line of text.
        keywords: the keywords; empty unless all are texts that can be joined with commas.
        rest: all other fields.
    """

    texts: Mapping[str, str]
    keywords: tuple[str, ...]
    rest: Mapping[str, Json]

    @classmethod
    def of(cls, paper: Paper) -> Self:
        """Splits the further fields of a paper."""
        extra = paper.extra if paper.citations is None else {**paper.extra, "citations": paper.citations}
        texts = {
            name: value for name in _TEXT_FIELDS if isinstance(value := extra.get(name), str) and _is_single_line(value)
        }
        keywords = _keywords(extra.get("keywords"))
        placed = {*texts, *(["keywords"] if keywords else [])}
        rest = {name: value for name, value in extra.items() if name not in placed}
        return cls({name: texts.get(name, "") for name in _TEXT_FIELDS}, keywords, rest)

    @property
    def rest_json(self) -> str:
        """The rest as JSON on one line; empty if there is none."""
        if not self.rest:
            return ""
        text = json.dumps(self.rest, ensure_ascii=False)
        return text if _is_single_line(text) else json.dumps(self.rest)


def field_label(name: str) -> str:
    """The name of a further field for people: ``retraction of``."""
    return name.replace("_", " ")


def field_text(value: Json) -> str:
    """The value of a further field for people: texts as they are, lists joined, yes or no; nested values as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        texts = [field_text(each) for each in value]
        return ("; " if any("," in text for text in texts) else ", ").join(texts)
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _is_single_line(text: str) -> bool:
    return bool(text) and normalize_whitespace(text) == text


def _keywords(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    texts = tuple(each for each in value if isinstance(each, str) and _is_single_line(each))
    joinable = len(texts) == len(value) and not any(set(",;") & set(text) or not text.strip(" /") for text in texts)
    return texts if joinable else ()
