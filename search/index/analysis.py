"""Analysis: the words of a text and their terms in the full-text index, the same for papers, queries and highlights.

A word is a run of letters, digits and combining marks; C++, C#, F# and .NET are words as well. Each word has its terms
whatever surrounds it, so terms are cached by word. They are normalized (``search.papers.normalization``), in lower
case, and stemmed as English.

- Chinese, Japanese and Korean, which do not separate words by spaces, become overlapping pairs of characters, as in
  Lucene's CJKAnalyzer. Pairs need no dictionary, so they know every name and new word.
- An acronym in the plural, such as LLMs, has the term of the singular: the stemmer recognizes only some of them, since
  it removes an s only after a vowel.
- A text of several words in capitals throughout is analyzed in lower case: its words are no acronyms.
- An acronym that looks like a stop word, such as WHO or IT, is also a term in capitals. It ranks, and it finds the
  acronym without the pronoun.
- A word and another one joined to it by a hyphen are also one term, so that ``unet`` finds U-Net.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise
from typing import NamedTuple, Self

from search.language.stop_words import STOP_WORDS
from search.papers.normalization import combining_marks, normalize

_MAX_WORD_BYTES = 63
"""Bytes of a word in UTF-8; longer ones are not indexed."""
_CJK = (
    r"\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Hiragana and Katakana
    r"\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"  # Hangul
    r"\u3105-\u312f"  # Bopomofo
)
"""Letters of Chinese, Japanese and Korean, for a character class: the scripts that Lucene's CJKBigramFilter pairs."""
_CJK_RUN = f"[{_CJK}]+"
_SCRIPTS = f"[{_CJK}]+|[^{_CJK}]+"
"""Patterns of such letters, and of what is between them. Compiling them takes 5 ms, which most commands do not need."""
_ACRONYM_PLURAL = re.compile(r"(?=[^A-Z]*[A-Z])[A-Za-z0-9]+[A-Z0-9]s")
"""Matches LLMs, GPUs, mRNAs and P450s, but neither GPS nor 1980s."""
_LOWER_PLURAL = re.compile(r"\b([b-df-hj-np-tv-xz]{3,})s\b")
"""Matches llms and rnns; few acronyms of this length end in s."""
_MIN_SENTENCE_WORDS = 3
"""Words from which a text in capitals is a sentence."""
_HYPHENS = r"\-\u2010\u2011\u2012\u2013\u2212"
_LANGUAGE_SUFFIX = r"(?:\+\+|\#(?![\w#]))?"
"""What follows the letter in C++ and C#."""
_DOTTED_LANGUAGE = r"\.NET(?!\w)|(?<![\w.])\.(?i:net)(?!\w)"
"""Matches .NET, also in ASP.NET, but not the end of example.net."""
_REPLACED_ENDING = re.compile(r"(?:(?<=b)le?|ie?|[ey])$")
"""Matches at the end of a stem what its word may not have (Porter's stemmer for English of the Snowball project)."""
_STOP_WORDS = frozenset(STOP_WORDS)


class Terms(NamedTuple):
    """The terms of a word, of words joined by hyphens, or of a text of a paper.

    Attributes:
        ordered: the terms at successive positions, stop words included.
        ranked: the terms that rank, which are the same in papers and queries; stop words have none.
        unordered: further terms of a paper, without positions: two words joined, an acronym that looks like a stop
            word, in capitals, and the single characters of Chinese, Japanese and Korean.
        written: the words in lower case, not stemmed; without Chinese, Japanese and Korean.
    """

    ordered: tuple[str, ...] = ()
    ranked: tuple[str, ...] = ()
    unordered: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Returns the terms of all parts, in their order; runs no Python code per term."""
        return cls(*(tuple(chain.from_iterable(kind)) for kind in zip(*parts, strict=True))) if parts else cls()


class Analyzer(dict[str, Terms]):
    """The terms by unit (``find_units``) or fragment (``split_fragments``); a cached one takes no Python code.

    Args:
        stem: returns the stem of a word in lower case, without letters beyond ASCII that have a spelling in it.
        size: number of units that are cached.
    """

    def __init__(self, stem: Callable[[str], str], size: int) -> None:
        super().__init__()
        self._stem = stem
        self._size = size

    def __missing__(self, unit: str) -> Terms:
        if len(self) >= self._size:
            self.clear()
        self[unit] = found = self.analyze(unit)
        return found

    def analyze_text(self, text: str) -> Terms:
        """Returns the terms of a title or an abstract."""
        return Terms.concatenate(list(map(self.__getitem__, self.split(text))))

    @staticmethod
    def split(text: str) -> list[str]:
        """Returns the fragments of a title or an abstract, whose terms are those of the text."""
        return split_fragments(_lower_sentence(text) if text.isupper() else text)

    def phrase_terms(self, words: Sequence[str]) -> list[str]:
        """Returns the terms of a phrase; the last may be a character of Chinese, Japanese or Korean (``is_character``).

        In a paper the last character of a run is a term of its own, but where a phrase ends the run may go on.
        """
        terms = [term for word in words for term in self[word].ordered]
        ends_in_pair = is_character(terms[-1]) and len(terms) > 1 and terms[-2][1:] == terms[-1] if terms else False
        return terms[:-1] if ends_in_pair else terms

    def analyze(self, fragment: str) -> Terms:
        """Returns the terms of a unit or fragment, and caches those of its parts."""
        if fragment.isascii() and fragment.isalnum():
            return self._analyze_part(fragment)
        units = find_units(fragment)
        if units != [fragment]:
            return self[units[0]] if len(units) == 1 else Terms.concatenate([self[unit] for unit in units])
        words = find_words(fragment)
        if len(words) > 1 and fragment.isascii():
            parts = [self[word] for word in words]
        else:
            parts = [
                self._analyze_part(part[0]) for word in words for part in _part_pattern().finditer(normalize(word))
            ]
        found = Terms.concatenate(parts)
        if joined := join_compound(words):
            return Terms(found.ordered, found.ranked, (*found.unordered, *self.analyze(joined).ranked), found.written)
        return found

    def _analyze_part(self, part: str) -> Terms:
        """Returns the terms of a normalized word in one script."""
        if not part.isascii() and re.match(_CJK_RUN, part):
            pairs = tuple(map("".join, pairwise(part)))
            return Terms((*pairs, part[-1]), pairs or (part,), tuple(part) if pairs else ())
        if part[-1] in "+#" and len(part.rstrip("+#")) > 1:  # only a single letter is the name of a language
            part = part.rstrip("+#")
        lower = written = part.casefold()
        if 4 * len(written) > _MAX_WORD_BYTES < len(written.encode("utf-8", "surrogatepass")):
            return Terms()
        singular = part
        if part[-1] == "s" and _ACRONYM_PLURAL.fullmatch(part):
            singular = part[:-1]
            lower = singular.casefold()
        if lower in _STOP_WORDS:
            return Terms((lower,), (), (singular,) if singular.isupper() and len(part) > 1 else (), (written,))
        stem = (lower if lower.isdecimal() and lower.isascii() else self._stem(lower),)
        return Terms(stem, stem, (), (written,))


def _lower_sentence(text: str) -> str:
    """Returns a sentence that is in capitals throughout in lower case, since its words are no acronyms.

    Only the plural of a long acronym is clear: LLMS becomes LLMs. A title of few words may consist of acronyms.
    """
    if len(find_units(text)) < _MIN_SENTENCE_WORDS:
        return text
    return _LOWER_PLURAL.sub(lambda match: f"{match[1].upper()}s", text.lower())


def find_units(text: str) -> list[str]:
    """Returns the words of a text in order, and words joined by hyphens as one."""
    return _select_patterns(text).unit.findall(text)


def split_fragments(text: str) -> list[str]:
    """Returns the fragments of a text in order, each of which consists of whole units and of what is between them.

    In most texts these are the runs of letters, digits, hyphens and dollar signs: to separate them takes a quarter of
    the time of finding units, and like units they recur.
    """
    patterns = _select_patterns(text)
    return text.translate(_FRAGMENTS).split() if patterns is _ASCII else patterns.unit.findall(text)


def find_units_between(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Yields start and text of each unit in a part of a text; white space or the end of a unit precedes and ends it."""
    for match in _select_patterns(text[start:end]).unit.finditer(text, start, end):
        yield match.start(), match[0]


def find_words(unit: str) -> list[str]:
    """Returns the words of a unit, or of a text."""
    return _select_patterns(unit).word.findall(unit)


def join_compound(words: Sequence[str]) -> str | None:
    """Returns a compound of two words as one; None for any other number of words, and for a range of numbers."""
    joined = "".join(words)
    return joined if len(words) == 2 and joined.isalnum() and not joined.isdigit() else None


def is_character(term: str) -> bool:
    """Returns whether a term is a single character of Chinese, Japanese or Korean."""
    return len(term) == 1 and not term.isascii() and bool(re.match(_CJK_RUN, term))


def beginning_of(term: str) -> str:
    """Returns what every word of ASCII characters that has a term begins with, in small letters.

    The stemmer removes endings, and replaces the last letters of few: of y by i, of bility by ble, of ying by ie.
    """
    return _REPLACED_ENDING.sub("", term).lower() or term[0].lower()


def find_pieces(unit: str) -> Iterator[tuple[int, int, str]]:
    """Yields start, end and text of everything in a unit that may be a word of a query.

    These are the unit as one word, each word, and each pair and single character of Chinese, Japanese and Korean.
    """
    if unit.isascii() and unit.isalnum():
        yield 0, len(unit), unit
        return
    words = list(_select_patterns(unit).word.finditer(unit))
    if joined := join_compound([word[0] for word in words]):
        yield 0, len(unit), joined
    for word in words:
        text = word[0]
        if text.isascii():
            yield word.start(), word.end(), text
            continue
        for part in re.finditer(_SCRIPTS, text):
            place, end = word.start() + part.start(), word.start() + part.end()
            sizes = (2, 1) if re.match(_CJK_RUN, part[0]) else (len(part[0]),)
            yield from (
                (start, start + size, unit[start : start + size])
                for size in sizes
                for start in range(place, end - size + 1)
            )


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Regular expressions for one kind of text.

    Attributes:
        word: one word.
        unit: one word, or several joined by hyphens, which may be in mathematics, as in ``$k$-means``. It is the only
            group, for ``split``.
    """

    word: re.Pattern[str]
    unit: re.Pattern[str]

    @classmethod
    def of(cls, word: str) -> "_Patterns":
        return cls(re.compile(word), re.compile(rf"(?:{word})(?:\$?[{_HYPHENS}]\$?(?:{word}))*"))


_ASCII = _Patterns.of(r"[A-Za-z0-9]+")  # half the time of a class that excludes
_FRAGMENTS = {code: chr(code) if chr(code).isalnum() or chr(code) in "-$" else " " for code in range(128)}
"""Replaces what separates the units of ASCII text without names of languages by spaces."""
_ASCII_WITH_LANGUAGES = _Patterns.of(rf"[A-Za-z0-9]+{_LANGUAGE_SUFFIX}|{_DOTTED_LANGUAGE}")


def _select_patterns(text: str) -> _Patterns:
    if not text.isascii():
        return _unicode_patterns()
    has_languages = "#" in text or "++" in text or ".N" in text or ".n" in text
    return _ASCII_WITH_LANGUAGES if has_languages else _ASCII


@cache
def _unicode_patterns() -> _Patterns:
    marks = re.escape(combining_marks())
    return _Patterns.of(rf"[^\W_](?:[^\W_]|[{marks}])*{_LANGUAGE_SUFFIX}|{_DOTTED_LANGUAGE}")


@cache
def _part_pattern() -> re.Pattern[str]:
    other, marks = rf"[^\W_{_CJK}]", re.escape(combining_marks())
    return re.compile(rf"[{_CJK}]+|{other}(?:{other}|[{marks}])*{_LANGUAGE_SUFFIX}|{_DOTTED_LANGUAGE}")
