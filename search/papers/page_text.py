"""Page text: what the page around an abstract left before and after it, such as keywords and notices of copyright.

Texts copied from OpenReview, arXiv, journals and PDF files have it. Only what is certain counts: the words alone do
not, since an abstract can be about keywords, and neither does a heading such as ``Background:`` of the abstract itself.
Of 155,274 abstracts, about 120 end with keywords or index terms, two begin with a page of OpenReview, and one has the
notice of the IEEE.
"""

import re
from functools import lru_cache

MARKERS = (
    *("PDF", "KEYWORDS", "INDEX TERMS", "ABSTRACT", "Abstract", "IEEE", "Subject Classification", "MSC", "Submission "),
    *("Primary Area", "Comment", "Subjects: ", "Cite as", "Published by", "All rights", "(c)", "(C)"),
    *("Show more", "Show less", "Read more", "Read less"),
    *("y words", "y Words", "ywords", "x terms", "x Terms"),  # rarer letters than those that the words begin with
    *("©", "△ Less", "▽ More"),
)
"""Every text with page text has one of these; most texts have none."""
_MARKER = re.compile("|".join(map(re.escape, MARKERS)))
_NOTICE = (
    r"\s*This work has been submitted to the IEEE for possible publication\.?"
    r"(?:\s+Copyright may be transferred without notice,? after which this version may no longer be accessible\.?)?"
)
"""The notice that the IEEE asks for, wherever it is."""
_NOTICE_PATTERN = re.compile(_NOTICE)
_HEADS = (
    re.compile(
        r"\A(?=.{0,1500}?(?:Download PDF|Last Modified:)).{0,2000}?\bAbstract\s*:\s*", re.DOTALL
    ),  # an OpenReview page
    re.compile(r"\A\W*(?:(?:Abstract|ABSTRACT)\s*(?:[:.—–]|-(?=\s))|ABSTRACT(?=\s+[A-Z]))\s*(?=\w)"),
)
"""What is before an abstract."""
_AFTER_SENTENCE = r"(?:(?<=[.!?)\]…])|(?<=\n))\s*>?\s*"
_NO_PROSE = r"(?:(?![.!?]\s+[A-Z][a-z]*\s+[a-z]+\s+[a-z]).)"
"""A character that does not end a sentence before another one, so that no sentence after the keywords is lost."""
_TAILS = tuple(
    re.compile(f"{pattern}\\Z", re.DOTALL)
    for pattern in (
        _NOTICE + r"\s*",
        _AFTER_SENTENCE + r"(?:[Kk]ey ?[Ww]ords|KEYWORDS|[Ii]ndex [Tt]erms|INDEX TERMS)(?: and [Pp]hrases)?"
        r"\s*[:.—–-]" + _NO_PROSE + "{1,600}",
        _AFTER_SENTENCE + r"(?:\d{4} )?(?:Mathematics Subject Classification|MSC)s?(?:\s*\(?\d{4}\)?)?\s*[:.]?"
        r"\s*(?:[Pp]rimary:?\s*)?\d\d[A-Z-][\w\s,;:.()-]{0,200}",
        _AFTER_SENTENCE + r"(?:Copyright\s*)?(?:©|\([cC]\))\s*(?:19|20)\d\d\b" + _NO_PROSE + "{0,200}",
        _AFTER_SENTENCE + r"(?:All rights reserved\.?|Published by [A-Z][\w .&]{2,60}\.?)\s*",
        r"\s(?:Submission Number: ?\d+|Primary Area: [\w ,()&-]{3,80})\s*",
        _AFTER_SENTENCE + r"(?:Comments?: \d+ pages?\b.{0,200}|Subjects: .{0,200}\([a-z-]+(?:\.[A-Za-z-]+)?\).{0,200}"
        r"|Cite as: ?arXiv:.{0,200}|Submission history.{0,300})",
        r"\s*(?:△ Less|▽ More)\s*",
        r"(?<=[.!?…])\s*(?:Show|Read) (?:more|less)\s*",
        r"\s+(?:Download|View) PDF\s*",
    )
)
"""What is after an abstract or a title."""


@lru_cache(1_024)
def find_page_text(text: str) -> tuple[tuple[int, int], ...]:
    """Returns the start and the end of each part of a title or an abstract that is not its own, in order.

    None of it is, if nothing else would be left.
    """
    if not _MARKER.search(text):
        return ()
    start = next((match.end() for pattern in _HEADS if (match := pattern.match(text))), 0)
    end = _find_tail(text, start)
    if not text[start:end].strip():
        return ()
    notices = [match.span() for match in _NOTICE_PATTERN.finditer(text, start, end)]
    parts = [(0, start), *notices, (end, len(text))]
    return tuple(part for part in parts if part[0] < part[1])


def _find_tail(text: str, start: int) -> int:
    """Returns where the text after an abstract begins; several kinds of it can follow each other."""
    end = len(text)
    while match := next((found for pattern in _TAILS if (found := pattern.search(text, start, end))), None):
        if match.start() == start:  # nothing else is left
            break
        end = match.start()
    return end
