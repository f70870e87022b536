"""TextRequirements: what a paper has to contain to meet a condition on its words, whatever evaluates it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

from search.errors import InvalidValue
from search.index.analysis import Analyzer, find_units, is_character
from search.index.term_postings import ABSTRACT, TEXT, TITLE
from search.index.word_forms import WordForms
from search.language.stop_words import STOP_WORDS
from search.query.condition import ContainsText

PHRASE_FIELDS = {"title": TITLE, "abstract": ABSTRACT}
"""The fields with positions, which also contain stop words; the postings have the stop words alone."""
_STOP_WORDS = frozenset(STOP_WORDS)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms side by side in a field with positions; a single term may be anywhere in it.

    Attributes:
        text_field: ``title`` or ``abstract``.
        terms: at least one.
        open_end: whether the last may be the beginning of a term: in papers, a character of Chinese, Japanese or
            Korean is paired with the one that follows.
    """

    text_field: str
    terms: tuple[str, ...]
    open_end: bool = False

    @classmethod
    def of(cls, text_field: str, terms: Sequence[str]) -> "Phrase":
        """Returns the phrase of some terms."""
        return cls(text_field, tuple(terms), len(terms) > 1 and is_character(terms[-1]))


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What a paper may contain to meet one requirement.

    Attributes:
        places: terms in the postings, each with its field.
        phrases: terms in title or abstract.
    """

    places: list[tuple[str, int]] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)

    def __add__(self, other: "Alternatives") -> "Alternatives":
        return Alternatives([*self.places, *other.places], [*self.phrases, *other.phrases])


class TextRequirements:
    """Finds what conditions on words require.

    Args:
        analyzer: the terms by word.
        forms: the forms of words.
        doc_freq: returns the document frequency of a term that ranks.
    """

    def __init__(self, analyzer: Analyzer, forms: WordForms, doc_freq: Callable[[str], int]) -> None:
        self._analyzer = analyzer
        self._forms = forms
        self._doc_freq = doc_freq

    def of(self, condition: ContainsText) -> list[Alternatives]:
        """Returns all requirements of a condition: each word of the text, or all of them side by side.

        Raises:
            InvalidValue: the text contains no word.
        """
        fields = tuple(PHRASE_FIELDS) if condition.text_field == "any" else (condition.text_field,)
        if condition.phrase:
            parts = [units] if (units := find_units(condition.text)) else []
        else:
            parts = [[unit] for unit in self._forms.required_units(condition.text)]
        if not parts:
            problem = "it contains no word; add one"
            raise InvalidValue("q", condition.text, problem, position=condition.text_position)
        return [self._any_form(part, fields) for part in parts]

    def _any_form(self, units: Sequence[str], fields: Sequence[str]) -> Alternatives:
        forms = (self._alternatives(words, fields) for words in self._forms.sequences(units))
        return reduce(Alternatives.__add__, forms)

    def _alternatives(self, words: Sequence[str], fields: Sequence[str]) -> Alternatives:
        """Returns what a paper may contain for words side by side; for a single one, in any form."""
        terms = self._analyzer.phrase_terms(words)
        if len(terms) > 1:
            return Alternatives(phrases=[Phrase.of(field, terms) for field in fields])
        found = self._analyzer[words[0]]
        if not found.ranked:
            terms = list(filter(self._doc_freq, found.unordered)) or terms  # the acronym, not the stop word
        elif len(found.ordered) == 1:
            terms = self._forms.terms(words[0])
        if len(fields) > 1 and any(map(self._doc_freq, terms)):
            return Alternatives(places=[(term, TEXT) for term in terms])
        if _STOP_WORDS.issuperset(terms):
            return Alternatives(places=[(term, PHRASE_FIELDS[field]) for field in fields for term in terms])
        return Alternatives(phrases=[Phrase(field, (term,)) for field in fields for term in terms])
