"""Senses of an acronym in a question: the long forms that papers of the index give before "(ACR)".

The long form is found as in Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in
biomedical text", PSB 2003: read from the right, it contains the letters of the acronym in order, and its first word
begins with the first letter.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from search.index.backend import Backend
from search.language.parser import ParsedQuery
from search.language.removable_parts import ranking_words, replace_ranking_words
from search.language.stop_words import STOP_WORDS
from search.query.refinement import Refinement
from search.refinements.phrases import count_phrase

_ACRONYM = re.compile(r"(?<![\w-])(?=\w*[A-Z]\w*[A-Z])([A-Z][A-Za-z0-9]{1,8}?)(?:s)?(?![\w-])")
_SINGLE_WORD = re.compile(r"([A-Za-z][A-Za-z0-9]{1,6})")
_LONG_FORM = re.compile(r"[A-Za-z][A-Za-z0-9'’/ -]*")
_CLAUSE_END = re.compile(r"[.;:()]")
_SEPARATE_PREFIX = re.compile(r"\b(pre|re|non|co|multi|sub|semi|intra|inter|micro|bio|photo|electro)-")
_MAX_FORM_LENGTH = 120
"""Characters before an acronym that are searched for its long form."""
_PART = re.compile(r"[\s/-]+")


@dataclass(frozen=True, slots=True)
class AcronymTuning:
    """Constants of the senses of acronyms."""

    papers: int = 200
    """Papers of highest BM25 for the acronym that are searched for long forms."""
    min_papers: int = 3
    """Papers among them that give a long form."""
    nearest_papers: int = 50
    """Nearest papers whose senses are offered if the question has other words."""
    max_senses: int = 4
    """Senses that are offered."""
    max_query_words: int = 8
    """Words of a question; longer ones make clear which sense they mean."""
    variant_prefix: int = 3
    """Letters of each word in which spelling variants agree, such as adaptation and adapters."""


ACRONYM_TUNING = AcronymTuning()
_MAX_CACHED_ACRONYMS = 256
"""Acronyms of one snapshot whose senses are cached; to find those of one takes up to 4 ms."""
_cached_senses: WeakKeyDictionary[Backend, dict[tuple[str, AcronymTuning], dict[tuple[str, ...], str]]]
_cached_senses = WeakKeyDictionary()


def sense_refinements(
    snapshot: Backend, parsed: ParsedQuery, nearest: NDArray[np.int64], tuning: AcronymTuning = ACRONYM_TUNING
) -> Iterator[Refinement]:
    """Yields the senses of the first acronym in a question, most frequent first.

    Beside other words, which may make clear what is meant, only the senses of the nearest papers are offered, and only
    if there are several.

    Args:
        snapshot: the generation that answers.
        parsed: the question.
        nearest: (n,) int64, the rows of the nearest papers, best first.
        tuning: how many papers are searched, and how many senses are offered.
    """
    words = ranking_words(parsed)
    found = _find_acronym(words) if len(words.split()) <= tuning.max_query_words else None
    if not found:
        return
    acronym, start, end = found
    is_alone = start == 0 and end == len(words)
    near = set() if is_alone else _nearest_senses(snapshot, nearest, acronym, tuning)
    if len(near) < 2 and not is_alone:
        return
    senses = {key: form for key, form in _senses_in(snapshot, acronym, tuning).items() if is_alone or key in near}
    given = set(_variant_key(words, tuning.variant_prefix))
    if len(senses) < 2 - is_alone or any(set(key) <= given for key in senses):
        return
    for sense in senses.values():
        query = replace_ranking_words(parsed, f"{words[:start]}{sense} ({acronym}){words[end:]}")
        yield Refinement("sense", sense, query, papers=count_phrase(snapshot, sense, acronym))


def _senses_in(snapshot: Backend, acronym: str, tuning: AcronymTuning) -> dict[tuple[str, ...], str]:
    """Returns the senses of an acronym in an index; see ``find_senses``. Questions on a subject share acronyms."""
    cached = _cached_senses.setdefault(snapshot.shared, {})
    senses = cached.get((acronym, tuning))
    if senses is None:
        rows = snapshot.lexicon.search(acronym, tuning.papers, snapshot.live).rows.tolist()
        senses = find_senses(snapshot.store.texts_containing(rows, f"({acronym}"), acronym, tuning)
        if len(cached) >= _MAX_CACHED_ACRONYMS:
            cached.clear()
        cached[acronym, tuning] = senses
    return senses


def find_senses(
    texts: Iterable[str], acronym: str, tuning: AcronymTuning = ACRONYM_TUNING
) -> dict[tuple[str, ...], str]:
    """Returns the long forms that at least ``min_papers`` papers give, most frequent first, each in its usual spelling.

    Args:
        texts: titles and abstracts.
        acronym: the acronym, in any case and without a plural s.
        tuning: how many papers a sense needs, and how its variants are recognized.

    Returns:
        The spelling of each sense, by what all its variants have in common.
    """
    spellings = _count_spellings(texts, acronym, tuning)
    frequent = [(counts, key) for key, counts in spellings.items() if counts.total() >= tuning.min_papers]
    senses: dict[tuple[str, ...], str] = {}
    for counts, key in sorted(frequent, key=lambda each: -each[0].total()):
        if not any(set(other) <= set(key) or set(key) <= set(other) for other in senses):
            senses[key] = min(counts, key=lambda form: (-counts[form], form))
    return dict(list(senses.items())[: tuning.max_senses])


def _nearest_senses(
    snapshot: Backend, nearest: NDArray[np.int64], acronym: str, tuning: AcronymTuning
) -> set[tuple[str, ...]]:
    """Returns the keys of the long forms that the nearest papers give."""
    rows = nearest[: tuning.nearest_papers].tolist()
    return set(_count_spellings(snapshot.store.texts_containing(rows, f"({acronym}"), acronym, tuning))


def _count_spellings(texts: Iterable[str], acronym: str, tuning: AcronymTuning) -> dict[tuple[str, ...], Counter[str]]:
    """Returns the number of papers that give each spelling of each long form."""
    definition = re.compile(rf"\((?i:{re.escape(acronym)})s?\)")
    forms: Counter[str] = Counter()
    for text in texts:
        before = (text[max(0, match.start() - _MAX_FORM_LENGTH) : match.start()] for match in definition.finditer(text))
        forms.update(dict.fromkeys(form for each in before if (form := _long_form(each, acronym))).keys())
    spellings: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for form, count in forms.items():
        spellings[_variant_key(form, tuning.variant_prefix)][form] = count
    return spellings


def _find_acronym(words: str) -> tuple[str, int, int] | None:
    """Returns an acronym in capitals, or a short word that is the whole question, and its start and end."""
    match = None if words.isupper() and " " in words else _ACRONYM.search(words)
    match = match or _SINGLE_WORD.fullmatch(words)
    if not match or match[1].casefold() in STOP_WORDS:
        return None
    return match[1], match.start(), match.end()


def _long_form(before: str, acronym: str) -> str | None:
    """Returns the long form at the end of the text before "(ACR)"; None if the text does not end with one."""
    before = _CLAUSE_END.split(before)[-1].rstrip(" \"'”’`")
    lower, letters, place = before.lower(), acronym.lower(), len(before)
    for letter in reversed(letters[1:]):
        place = lower.rfind(letter, 0, max(place, 0))
    while (place := lower.rfind(letters[0], 0, max(place, 0))) > 0 and before[place - 1].isalnum():
        pass
    if place < 0 or len(lower) != len(before):  # an İ becomes two characters
        return None
    start = max(before.rfind(mark, 0, place) for mark in " /") + 1
    if lower[start] == letters[0]:  # the "test-" of test-time adaptation
        place = start
    form = before[place:]
    parts = _PART.split(form)
    has_acronym = any(part.isupper() and len(part) > 1 for part in parts)
    is_plausible = (
        not has_acronym and 2 <= len(parts) <= min(len(acronym) + 5, 2 * len(acronym)) and len(form) > len(acronym) + 3
    )
    return form if is_plausible and _LONG_FORM.fullmatch(form) else None


def _variant_key(form: str, prefix: int) -> tuple[str, ...]:
    """Returns what the spelling variants of a long form have in common."""
    return tuple(
        part[:prefix] for part in _PART.split(_SEPARATE_PREFIX.sub(r"\1", form.casefold())) if part not in STOP_WORDS
    )
