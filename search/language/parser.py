"""What a person typed into the one box, read: what must hold, what to rank by, and the reading said back.

docs/query-language.md is the language. Tokens are drawn into groups first (``search.language.groups``), for what counts
as an operator depends on its neighbours; what counts is joined by a small grammar (``search.language.grammar``).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from search.errors import InvalidValue
from search.language.describe import describe_condition
from search.language.fields import FILTER_FIELDS, JOIN_HINT, ValueParser
from search.language.groups import extract_syntax_tokens
from search.language.tokens import OPERATORS, Token, find_field_terms, syntax_error
from search.papers import identifiers
from search.query.author import parse_author as parse_author
from search.query.condition import Condition

MAX_QUERY_WORDS = 60
"""Most words of a question; a longer text is an abstract, and its operators are prose."""

_MAX_WORDS_PER_OPERATOR = 3
"""Words, operators among them, of which one is an operator where a long text is no prose."""
_NEGATIONS = ("NOT", "ANDNOT", "-")
_MARKS = " \t\r\n\f\v.,;:?!()"


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """What a text asks.

    Attributes:
        kind: a question, an abstract to find the like of, or a paper named by an id, DOI or URL.
        text: the words to rank by: all but those that narrow or are negated; empty where nothing is left to rank by.
        condition: what must hold of every paper; None where nothing must.
        paper_id: the canonical id of the paper that the whole text names.
        tokens: those that make up the condition; the parts of the question are made from them, too.
    """

    kind: Literal["question", "abstract", "paper"]
    text: str
    condition: Condition | None
    paper_id: str | None
    tokens: tuple[Token, ...] = ()
    _leaves: "_Leaves | None" = field(default=None, repr=False, compare=False)

    def condition_of(self, tokens: Sequence[Token]) -> Condition | None:
        """The condition that some of the tokens state: those of one or several whole operands."""
        return self._leaves.condition(tokens) if self._leaves else None

    @property
    def description(self) -> str:
        """The reading in words, with every condition."""
        if self.paper_id:
            return f"{self.paper_id} and what is similar"
        if self.kind == "question":
            return describe_condition(self.condition, self.text)
        about = f"like a text of {len(self.text.split())} words"
        return f"{describe_condition(self.condition)}, {about}" if self.condition else about


def parse_query(text: str, *, today: date, categories: Collection[str] = ()) -> ParsedQuery:
    """Reads a question, an abstract or an id.

    Args:
        text: at most 20,000 characters (``query.check_length``).
        today: what relative dates start from. categories: codes that the index knows beyond arXiv's.

    Raises:
        InvalidValue: of ``q``: an unknown field, an open quote or parenthesis, a value or an operand that is missing,
            a category or date that is none, or parentheses too deep; with the piece and its place from 1.
    """
    if paper_id := _paper(text):
        return ParsedQuery("paper", "", None, paper_id)
    values = ValueParser(today, categories)
    if is_abstract(text):
        return _abstract(
            text, [(start, end) for name, start, end in find_field_terms(text) if name in FILTER_FIELDS], values
        )
    tokens, leaves = tuple(extract_syntax_tokens(text)), _Leaves(text, values)
    condition = leaves.condition(tokens)
    return ParsedQuery("question", _without(text, _dropped(tokens)), condition, None, tokens, leaves)


def is_abstract(text: str) -> bool:
    """Whether it has more than MAX_WORDS words, besides fields and operators; one in which every third is an operator
    is none."""
    words = [
        word.strip("()") for word in _without(text, [(start, end) for _, start, end in find_field_terms(text)]).split()
    ]
    joining = sum(word in OPERATORS for word in words)
    return len(words) - joining > MAX_QUERY_WORDS and joining * _MAX_WORDS_PER_OPERATOR < len(words)


def _paper(text: str) -> str | None:
    """The id that the whole text is; a word after ``acl:`` is none."""
    found = identifiers.parse(text)
    return found.id if found and any(character.isdigit() for character in found.id) else None


def _abstract(text: str, spans: Sequence[tuple[int, int]], values: ValueParser) -> ParsedQuery:
    """An abstract and the field terms in it; these are read where they stand, with all else blank."""
    blank, place = "", 0
    for start, end in spans:
        blank += " " * (start - place) + text[start:end]
        place = end
    tokens, leaves = tuple(extract_syntax_tokens(blank)), _Leaves(blank, values)
    condition = leaves.condition(tokens)
    return ParsedQuery("abstract", _without(text, spans), condition, None, tokens, leaves)


@dataclass(frozen=True, slots=True, eq=False)
class _Leaves:
    """The conditions of the tokens of one text that are not operators; each is read once."""

    text: str
    values: ValueParser
    _read: dict[Token, Condition] = field(default_factory=dict)

    def condition(self, tokens: Sequence[Token]) -> Condition | None:
        """What all tokens that count ask for."""
        if not tokens:
            return None
        from search.language.grammar import build_condition

        return build_condition(self.text, tokens, self._leaf)

    def _leaf(self, token: Token) -> Condition:
        if token not in self._read:
            self._read[token] = self._read_leaf(token)
        return self._read[token]

    def _read_leaf(self, token: Token) -> Condition:
        """What a phrase, a term, a run of prose or a negated word asks for."""
        value = token.value
        if token.kind in ("prose", "word"):
            marks = " ,;:?!" if token.is_filter else _MARKS  # 2020.. needs its points
            value = self.text[token.start : token.end].strip(marks)
            if token.is_filter and sum(any(map(str.isalnum, word)) for word in value.split()) > 1:
                raise syntax_error(self.text, token.start, token.end, JOIN_HINT)
        elif not token.field:
            value = self.text[slice(*token.value_span)]
        try:
            return self.values.parse(token.field or "any", value, token.start + 1, phrase=token.quoted)
        except InvalidValue as error:
            raise syntax_error(self.text, token.start, token.end, error.allowed) from None


def _dropped(tokens: Iterable[Token]) -> Iterator[tuple[int, int]]:
    """Start and end of what is not ranked by: what narrows, what is negated, and the marks of the language."""
    past, negated = 0, False
    for token in tokens:
        if token.start < past:
            continue
        if token.kind in ("operator", "minus"):
            yield token.start, token.end
            negated = negated or token.value in _NEGATIONS
        elif negated or token.is_filter:
            yield token.start, token.end
            past, negated = token.end, False
        elif token.kind != "prose":
            yield token.start, token.value_span[0]
            if token.kind != "open":
                yield token.value_span[1], token.end


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without these spans, the rest as it stands; marks right after one stay with the words before it."""
    kept, place = "", 0
    for start, end in (*spans, (len(text), len(text))):
        piece = text[place:start].rstrip()
        if place and not kept:
            piece = piece.lstrip(_MARKS)
        if any(character.isalnum() for character in piece) or start - place == len(text):
            kept += f" {piece.lstrip()}" if piece[:1].isspace() or piece[:1].isalnum() else piece
        place = end
    return kept.strip()
