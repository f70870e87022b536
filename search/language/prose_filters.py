"""Filters in prose: what "since 2023", "latest", "a survey of" and "but not" in a question would mean as conditions.

The patterns are English. Each match is a reading to offer, since "2020" may be a year or a part of a name: the caller
decides with the index, and the user decides in the end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from search.errors import InvalidValue
from search.language.describe import describe_condition
from search.language.fields import ValueParser
from search.papers.date import Date
from search.papers.kinds import Kind
from search.query.condition import AnyOf, Condition, ContainsText, HasKind, InDateRange, Not
from search.query.dates import MONTHS, parse_month
from search.query.sort import Sort

_FIRST_YEAR = 1950
"""Earlier numbers of four digits are rarely years of publication."""
_YEAR = r"((?:19|20)\d\d)"
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10, "few": 3, "couple of": 2}
_COUNT = rf"(\d{{1,2}}|{'|'.join(_NUMBERS)})"
_PUBLISHED = r"(?:(?:published |appeared |written )?(?:in|from|of|during|over|within) (?:the )?)?"
_YEAR_TERM_SHARE = 0.01
"""See ``ProseFilter.term_share``: "SemEval 2024" and "diffusion models 2024" are on different sides of it."""
_MONTH = rf"({'|'.join(f'{month[:3]}(?:{month[3:]})?' for month in MONTHS)}|sept)"
_DATE_PATTERNS: tuple[tuple[str, str], ...] = (
    (rf"(?:published )?(?:(?:between|from|in|during) )?{_YEAR} ?(?:-|–|to|until) ?{_YEAR}", "{0}..{1}"),
    (rf"(?:published )?between {_YEAR} and {_YEAR}", "{0}..{1}"),
    (rf"(?:published )?(?:since|starting (?:in|from)) {_YEAR}", ">={0}"),
    (rf"(?:published )?from {_YEAR} (?:on|onwards?)", ">={0}"),
    (rf"(?:published )?after {_YEAR}", ">{0}"),
    (rf"(?:published )?(?:before|prior to) {_YEAR}", "<{0}"),
    (rf"(?:published )?(?:until|up to|till) {_YEAR}", "<={0}"),
    (rf"{_PUBLISHED}{_MONTH}\.?,? {_YEAR}", "{1}-{0}"),
    (rf"{_PUBLISHED}{_YEAR}", "{0}"),
    (rf"{_PUBLISHED}(this|last) (week|month|year)(?!['’]| of)", "{0}-{1}"),
    (rf"{_PUBLISHED}past (week|month|year)(?!['’]| of)", "1{0[0]}"),
    (rf"{_PUBLISHED}(?:last|past) {_COUNT} (day|week|month|year)s?(?!['’]| of)", "{0}{1[0]}"),
)
_DATE_WORD = re.compile(r"(?:19|20)\d\d|(?:this|last|past) ", re.IGNORECASE)
"""Matches in every text that one of the patterns matches; searching for all of them takes ten times as long."""
_GENERIC = (
    r"(?:papers?|works?|research|results?|articles?|studies|publications?|preprints?|advances|progress|developments?|"
    r"literature|trends)"
)
_ABOUT = r"(?:in|on|about|of|for|regarding|concerning)"
_NEWEST = re.compile(
    rf"(?:the )?(?:(?:most recent|recent|latest|newest)(?: {_GENERIC})?|new {_GENERIC})(?: {_ABOUT}(?: the)?)?"
    r"(?! common ancestor)"
)
_EXCLUDED = r"(?:(?:using|with|about|on|for|any|the) )*((?:[\w-]+ )?[\w-]+)"
_EXCLUSION = re.compile(
    rf",? ?(?:but not|and not|not|but without|without|excluding|except(?: for)?|other than) {_EXCLUDED}$"
)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|am|be|do|does|did|has|have|had|can|could|should|would|will|may|might|must|why|if|or|whether)\b"
)
"""Words of a clause that "not" may belong to."""
_NO_EXCLUSION = re.compile(
    r"(?:only|just|all|enough|so|yet|always|a|an|to|that|every|necessarily|know|knowing|losing)\b"
)
"""What follows "not" in a clause."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of paper.

    Attributes:
        words: pattern of the words for it.
        ending: pattern of what may follow them at the end of a question.
        kinds: those that papers have.
        label: what the filter selects, in a few words.
        term_share: see ``ProseFilter``; "user survey" and "robotics survey" are on different sides of that of surveys,
            "MNIST dataset" and "captioning dataset" of that of datasets.
    """

    words: str
    ending: str
    kinds: tuple[Kind, ...]
    label: str
    term_share: float


_KINDS = (
    _Kind(
        r"(?:(?:systematic|literature) )*(?:surveys?|review|overview)",
        r"(?: papers?| articles?)?",
        ("survey",),
        "Surveys only",
        0.001,
    ),
    _Kind(
        r"(?:benchmark )?datasets?|benchmarks?", "", ("dataset", "benchmark"), "New datasets or benchmarks only", 0.06
    ),
)


@dataclass(frozen=True, slots=True)
class ProseFilter:
    """One reading of some words of a question as a filter or an order.

    Attributes:
        label: the filter in a few words.
        condition: in the query language; empty for an order.
        requirement: what the condition requires; None for an order.
        words: the question without the words.
        phrases: if one of these is a term, the words are not a filter.
        term_share: share of the papers with the first word of a phrase that contain the phrase, from which on it is a
            term; measured on 100,000 arXiv papers.
        sort: the order; None for a filter.
    """

    label: str
    condition: str
    requirement: Condition | None
    words: str
    phrases: tuple[str, ...] = ()
    term_share: float = 1.0
    missing: str = ""
    sort: Sort | None = None


def find_prose_filters(words: str, today: date) -> Iterator[ProseFilter]:
    """Yields the filters that the words of a question may mean, at most one of each sort.

    Args:
        words: the words that only rank, separated by single spaces.
        today: the reference of relative dates; no later year is a filter.
    """
    yield from _find_date(words, today)
    if match := _search(_NEWEST, words):
        yield ProseFilter("Newest first", "", None, _without(words, match), sort="newest")
    for kind in _KINDS:
        yield from _find_kind(words, kind)
    yield from _find_exclusion(words)


def _find_date(words: str, today: date) -> Iterator[ProseFilter]:
    for pattern, template in _DATE_PATTERNS if _DATE_WORD.search(words) else ():
        match = _search(re.compile(pattern), words)
        if not match:
            continue
        values = [_write_value(value.lower()) for value in match.groups()]
        years = [int(value) for value in values if len(value) == 4 and value.isdigit()]
        if not all(_FIRST_YEAR <= year <= today.year for year in years):
            return
        text = template.format(*values)
        try:
            condition = ValueParser(today, ()).parse("published", text, 1)
        except InvalidValue:  # a range that ends before it starts
            return
        name = "year" if template in ("{0}", "{0}..{1}") and years else "date"
        written = text.replace("..", "-") if name == "year" else text
        phrases = _neighbours(words, match) if template == "{0}" else ()
        yield ProseFilter(
            f"Published {_describe(condition, today)}",
            f"{name}:{written}",
            condition,
            _without(words, match),
            phrases,
            _YEAR_TERM_SHARE,
        )
        return


def _write_value(word: str) -> str:
    """Returns a word of a date as the query language writes it: months and numbers as digits, others as they are."""
    month = parse_month(word)
    return f"{month:02}" if month else str(_NUMBERS.get(word, word))


def _describe(condition: Condition, today: date) -> str:
    """Describes a range of dates; one that ends today by its start alone."""
    if isinstance(condition, InDateRange) and condition.end == Date(today.year, today.month, today.day):
        condition = InDateRange(condition.start)
    return describe_condition(condition)


def _find_kind(words: str, kind: _Kind) -> Iterator[ProseFilter]:
    """Yields a filter of kinds where the question begins with the kind of paper ("a survey of") or ends with it."""
    lead = r"(?:(?:is there|find|give me|any|good) )*(?:an? |the )?"
    first = re.compile(rf"{lead}(?:{kind.words})(?: papers?| articles?)? {_ABOUT}(?![\w-])")
    match = first.match(words.lower())
    phrases: tuple[str, ...] = ()
    if not match:
        last = re.compile(rf"(?:{kind.words}){kind.ending}")
        match = next((each for each in _find_all(last, words) if each.end() == len(words)), None)
        before = words[: match.start()].split() if match else []
        if not match or not before or not before[-1][1:].islower():  # MNIST dataset
            return
        phrases = (f"{before[-1]} {match[0].split()[0]}",)
    leaves = tuple(map(HasKind, kind.kinds))
    requirement = leaves[0] if len(leaves) == 1 else AnyOf(leaves)
    condition = f"kind:{kind.kinds[0]}" if len(leaves) == 1 else f"kind:({' OR '.join(kind.kinds)})"
    yield ProseFilter(kind.label, condition, requirement, _without(words, match), phrases, kind.term_share)


def _find_exclusion(words: str) -> Iterator[ProseFilter]:
    match = _search(_EXCLUSION, words)
    if not match:
        return
    excluded, before = match[1], words[: match.start()]
    sign, rest = match[0].lower().lstrip(", ").split(maxsplit=1)
    if not before or (sign == "not" and (_AUXILIARY.search(before.lower()) or _NO_EXCLUSION.match(rest))):
        return
    if len(excluded) < 2 or not re.fullmatch(r"[^\W\d_][\w-]*(?: [\w-]+)?", excluded):
        return
    condition = f'-"{excluded}"' if " " in excluded or "-" in excluded else f"-{excluded}"
    text = ContainsText(excluded, phrase=condition[1] == '"')
    missing = excluded if "without" in match[0].lower() else ""
    yield ProseFilter(f"Exclude “{excluded}”", condition, Not(text), before.rstrip(", "), missing=missing)


def missing_pattern(word: str) -> re.Pattern[str]:
    """Returns a pattern that finds in lower-case text that something does without a word, as in "anchor-free"."""
    stem = re.escape(word.lower().removesuffix("s"))
    verbs = r"avoid\w*|eliminat\w*|remov\w*|replac\w*"
    return re.compile(
        rf"\b(?:without|no|non|free of|free from|{verbs}|instead of)[ -](?:[\w-]+ ){{0,2}}{stem}"
        rf"|{stem}s?[ -]free|{stem}less"
    )


def _search(pattern: re.Pattern[str], words: str) -> re.Match[str] | None:
    return next(_find_all(pattern, words), None)


def _find_all(pattern: re.Pattern[str], words: str) -> Iterator[re.Match[str]]:
    """Yields matches of whole words, in any case."""
    whole = rf"(?<![\w-])(?:{pattern.pattern})(?![\w-])"
    return re.finditer(whole, words, re.IGNORECASE)


def _without(words: str, match: re.Match[str]) -> str:
    """Returns the words without a match, and without punctuation that remains at an end."""
    return " ".join(f"{words[: match.start()]} {words[match.end() :]}".split()).strip(" ,;:")


def _neighbours(words: str, match: re.Match[str]) -> tuple[str, ...]:
    """Returns a year with the word before it, if nothing but a space is between them, and with the word after it."""
    year = match.group(match.lastindex or 0)
    before, after = words[: match.start()].split(), words[match.end() :].split()
    phrases = [f"{before[-1]} {year}"] if before and match[0] == year else []
    return (*phrases, f"{year} {after[0]}") if after and match[0] == year else tuple(phrases)
