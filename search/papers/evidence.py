"""What a title or an abstract proves: boilerplate, short texts and generic titles identify no paper."""

import re
from functools import lru_cache

from search.papers.fingerprint import normalize_words

_MIN_LETTERS = 100
"""Letters of an abstract, about 20 words of English, below which two papers may have the same one."""
_READ_CHARACTERS = 4 * _MIN_LETTERS
"""Characters of an abstract that are read to decide: most have that many letters in them, whatever their script."""
_MIN_TITLE_WORDS = 4
"""Words of a title below which papers of the same authors may share it."""

_NOTICE = re.compile(
    r"(?:an? |the )?(?:abstract|summary|preview)(?: (?:of|for|to) (?:this|the) \w+)? "
    r"(?:is |was )?(?:currently )?(?:not available|unavailable)\b"
    r"|no (?:abstract|summary)\b"
    r"|this \w+ (?:does not have|has no|is without|has been published without) (?:an )?abstract\b"
    r"|click (?:here )?to (?:increase|decrease|view|read|access|download)\b"
    r"|(?:please )?(?:see|refer to|click|access|download) (?:the )?(?:full text|pdf|article|publisher|abstract|link)\b"
    r"|the full text of this article hosted at\b"
    r"|this (?:is an open access article|content is only available|article is protected by copyright)\b"
    r"|(?:the )?following sections are included\b"
    r"|(?:copyright (?:c )?\d{4}|all rights reserved|reprinted with permission|first page preview)\b"
    r"|(?:(?:this|the|our|above) )?(?:paper|article|chapter|submission|manuscript|preprint|version|work) "
    r"(?:\w+ ){0,3}?(?:has been|have been|is|was|is being|are) (?:\w+ ){0,2}?(?:withdrawn|retracted|removed)\b"
    r"|(?:withdrawn|retracted|withdrawal|retraction)\b"
    r"|terms and conditions of use\b|your use of the jstor archive\b"
)
"""How notices of publishers and databases begin that stand in place of an abstract, in normalized words."""

_PLACEHOLDER = re.compile(
    r"(?:nan|na|n a|null|none|no (?:abstract|summary)"
    r"|(?:the )?(?:abstract|summary)(?: is| was)?(?: currently)?(?: not available| unavailable| missing))"
    r"(?:(?: is| was)? (?:available|provided|given|found|present))?(?: (?:for|in) (?:this|the) \w+)?"
)
"""What databases write where there is no abstract, in normalized words."""

_GENERIC_TITLE = re.compile(
    r"(?:(?:guest|invited) )?(?:editorials?|introduction|preface|foreword|afterword|prologue|epilogue|errat(?:um|a)|"
    r"corrigend(?:um|a)|addend(?:um|a)|rejoinder|rebuttal|obituary|in memoriam|retraction|retracted|"
    r"withdrawal|withdrawn|(?:author|publisher)s? (?:s )?(?:reply|response|correction|note|index)|"
    r"(?:editor|president|chair)s? s|editors? (?:note|introduction)|expression of concern|front matter|back matter|"
    r"table of contents|title page|issue information|book reviews?|(?:annual|conference|workshop|meeting) report|"
    r"(?:subject|keyword) index|in reply|in this issue|about the (?:authors?|cover)|special issue|"
    r"(?:comment(?:s|ary)?|introductory remarks|reply|response|discussion|letters?|corrections?|message|welcome) "
    r"(?:to|on|from|regarding)|(?:discussion|notice|news|list|report|minutes|proceedings|abstracts) "
    r"(?:of|on|from|for)|call for (?:papers|proposals)|from the editors?)\b"
)
"""How titles begin that many papers share, in normalized words."""
_GENERIC_WITHIN = re.compile(r"\b(?:special (?:issue|section|collection|feature)|this issue|mini ?track)\b")
"""Words that make a title generic wherever they occur."""


@lru_cache(maxsize=1_024)
def is_informative(abstract: str | None) -> bool:
    """Whether an abstract is long enough, and not a notice in its place, so that it identifies a paper."""
    words = normalize_words(abstract[:_READ_CHARACTERS]) if abstract else []
    return sum(map(len, words)) >= _MIN_LETTERS and not _NOTICE.match(" ".join(words))


def says_there_is_no_abstract(abstract: str) -> bool:
    """Whether an abstract only says that there is none."""
    return len(abstract) < _MIN_LETTERS and bool(_PLACEHOLDER.fullmatch(" ".join(normalize_words(abstract))))


def is_notice(abstract: str) -> bool:
    """Whether an abstract has no words, or is a notice in its place."""
    words = normalize_words(abstract[:_READ_CHARACTERS])
    return not words or bool(_NOTICE.match(" ".join(words)))


@lru_cache(maxsize=1_024)
def is_generic(title: str) -> bool:
    """Whether different papers may have a title: a short one, or one such as ``Editorial`` or ``Comment on ...``."""
    words = normalize_words(title)
    text = " ".join(words)
    return len(words) < _MIN_TITLE_WORDS or bool(_GENERIC_TITLE.match(text) or _GENERIC_WITHIN.search(text))
