"""The parser of the search box: a question, an abstract or a paper ID.

docs/query-language.md describes the language. Parsing has three steps: text to tokens (``search.language.tokens``);
which operators and parentheses are syntax, which depends on their neighbours (``search.language.groups``); and the
tree of those that are (``search.language.grammar``).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Literal

from search import budget
from search.errors import InvalidValue
from search.language.describe import describe_condition
from search.language.fields import FILTER_FIELDS, JOIN_HINT, Field, ValueParser
from search.language.groups import MAX_CONDITIONS, check_condition_count, extract_syntax_tokens
from search.language.tokens import DOTTED_WORD, OPERATORS, Token, find_field_terms, may_contain_syntax, syntax_error
from search.language.tree import Leaf, Node, all_of, unranked_spans
from search.lazy import lazy_property
from search.papers import identifiers
from search.query.condition import Condition
from search.query.query import MAX_TEXT_LENGTH, is_abstract_length, too_long

_MAX_WORDS_PER_OPERATOR = 3
"""A long text is a question, not an abstract, if at least one in this number of its words is an operator."""
_LEAF_KINDS = ("prose", "word", "phrase", "term")
"""Kinds of the tokens that become conditions."""
_PUNCTUATION = " \t\r\n\f\v.,;:?!()"
_LEADING_PUNCTUATION = re.compile(rf"(?:(?!{DOTTED_WORD})[{re.escape(_PUNCTUATION)}])*")


@dataclass(frozen=True)
class ParsedQuery:
    """The parse tree of a query, and views of it.

    Attributes:
        kind: a question; an abstract, to find similar papers; or one paper, named by an ID, DOI or URL.
        source: the query.
        clauses: the top-level nodes of the parse tree; none if nothing in the query is syntax.
        paper_id: the canonical ID of the paper, if the query is one.
    """

    kind: Literal["question", "abstract", "paper"]
    source: str
    clauses: tuple[Node, ...] = ()
    paper_id: str | None = None

    @lazy_property
    def condition(self) -> Condition | None:
        """What every paper must match; None without conditions."""
        return all_of(self.clauses) if self.clauses else None

    @lazy_property
    def text(self) -> str:
        """The text to rank by: the query without filters, negated terms and syntax; empty for a paper."""
        if self.kind == "paper":
            return ""
        return _remove_spans(self.source, unranked_spans(self.clauses))

    @property
    def description(self) -> str:
        """The parsed query in words."""
        if self.paper_id:
            return f"{self.paper_id} and similar papers"
        if self.kind == "question":
            return describe_condition(self.condition, self.text)
        about = f"similar to a text of {len(self.text.split())} words"
        return f"{describe_condition(self.condition)}, {about}" if self.condition else about


def parse_query(
    text: str, *, today: date, categories: Collection[str] = (), utc_today: date | None = None
) -> ParsedQuery:
    """Parses the text of the search box.

    Args:
        text: the query.
        today: the reference of relative dates.
        categories: codes that the index has beyond arXiv's.
        utc_today: the reference of relative dates in ``added:``, whose days are those of UTC; None for ``today``.

    Raises:
        InvalidValue: more than MAX_TEXT_LENGTH characters or MAX_CONDITIONS conditions; an unknown field; an unclosed
            quote or parenthesis; a missing value or operand; an invalid category or date; parentheses nested too deep.
            The field is ``q``, the position counts from 1.
        QueryStopped: see ``search.budget``.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidValue("q", text, too_long(text))
    if paper_id := _parse_paper_id(text):
        return ParsedQuery("paper", text, paper_id=paper_id)
    parser = _LeafParser(text, ValueParser(today, categories, utc_today))
    terms = list(islice(find_field_terms(text), MAX_CONDITIONS + 1))
    check_condition_count(text, [(start, end) for _, start, end in terms])
    if _count_prose(text, terms).is_abstract:
        filters = [(start, end) for field, start, end in terms if field in FILTER_FIELDS]
        return ParsedQuery("abstract", text, parser.parse_clauses(_blank_except(text, filters)))
    return ParsedQuery("question", text, parser.parse_clauses(text))


def is_abstract(text: str) -> bool:
    """Returns whether a text is long enough for an abstract, not counting field terms and operators.

    A long text with many operators is a question (``_MAX_WORDS_PER_OPERATOR``).
    """
    return count_prose(text).is_abstract


@dataclass(frozen=True, slots=True)
class ProseCounts:
    """Counts that tell an abstract from a question.

    Attributes:
        words: number of words outside of field terms, operators included.
        operators: number of operators.
    """

    words: int
    operators: int

    @property
    def is_abstract(self) -> bool:
        """Whether a text with these counts is an abstract."""
        return is_abstract_length(self.words - self.operators) and self.operators * _MAX_WORDS_PER_OPERATOR < self.words


def count_prose(text: str) -> ProseCounts:
    """Counts the words and operators of a text that are not part of a field term."""
    return _count_prose(text, find_field_terms(text))


def _count_prose(text: str, terms: Iterable[tuple[Field, int, int]]) -> ProseCounts:
    prose = _remove_spans(text, [(start, end) for _, start, end in terms])
    words = [word.strip("()") for word in prose.split()]
    return ProseCounts(len(words), sum(word in OPERATORS for word in words))


def _parse_paper_id(text: str) -> str | None:
    """Returns the canonical ID if the whole text is one; ``acl:`` before a word without a digit is not."""
    found = identifiers.parse(text)
    return found.id if found and any(character.isdigit() for character in found.id) else None


def _blank_except(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replaces all but these spans by spaces, so that positions stay the same."""
    blank = ""
    for start, end in spans:
        blank += " " * (start - len(blank)) + text[start:end]
    return blank


@dataclass(frozen=True, slots=True)
class _LeafParser:
    """Parses the tokens of a text.

    Attributes:
        text: the text.
        values: parses the values of fields.
    """

    text: str
    values: ValueParser

    def parse_clauses(self, text: str) -> tuple[Node, ...]:
        """Parses a text with the same positions as ``self.text``."""
        tokens = extract_syntax_tokens(text) if may_contain_syntax(text) else []
        if not tokens:
            return ()
        check_condition_count(self.text, [(each.start, each.end) for each in tokens if each.kind in _LEAF_KINDS])
        from search.language import grammar

        return grammar.parse_clauses(self.text, tokens, self.parse_leaf)

    def parse_leaf(self, token: Token) -> Leaf:
        """Parses a phrase, a field term, required words or a negated word."""
        budget.pause_for_others()
        value = token.value
        if token.kind in ("prose", "word"):
            # the full stops of 2020.. are part of the value
            value = self.text[token.start : token.end]
            value = value.strip(" ,;:?!") if token.is_filter else _strip_leading(value).rstrip(_PUNCTUATION)
            if token.is_filter and sum(any(map(str.isalnum, word)) for word in value.split()) > 1:
                raise syntax_error(self.text, token.start, token.end, JOIN_HINT)
        elif not token.field:
            value = self.text[slice(*token.value_span)]
        name = self.text[token.start : token.value_span[0]].rpartition(":")[0]
        try:
            condition = self.values.parse(
                token.field or "any", value, token.start + 1, phrase=token.quoted, name=name.lower()
            )
            return Leaf(token, condition)
        except InvalidValue as error:
            raise syntax_error(self.text, token.start, token.end, error.allowed) from None


def _strip_leading(text: str) -> str:
    """Removes the punctuation before the first word."""
    return _LEADING_PUNCTUATION.sub("", text, count=1)


def _remove_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Removes spans, in order, from a text; punctuation after a span stays with the words before it."""
    kept, place = "", 0
    for start, end in (*spans, (len(text), len(text))):
        piece = text[place:start].rstrip()
        if place and not kept:
            piece = _strip_leading(piece)
        if any(character.isalnum() for character in piece) or start - place == len(text):
            kept += f" {piece.lstrip()}" if piece[:1].isspace() or piece[:1].isalnum() else piece
        place = end
    return kept.strip()
