"""Kind rules: finds the kinds of a paper in its title, abstract and comment.

A rule is a pattern that one of these texts has to match. The rules prefer precision: a paper that says nothing of its
kind has none. ``benchmarks/kinds.py`` measures them on labelled papers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from search.papers.kinds import KINDS, Kind
from search.papers.paper import Paper

_PLACES = ("title", "abstract", "comment")


@dataclass(frozen=True, slots=True)
class Rule:
    """One sign of a kind.

    Attributes:
        kind: the kind of the papers that match.
        place: the text that is searched, in lower case: ``title``, ``abstract`` or ``comment``.
        cues: the text contains one of them if it matches; looking for them is quick.
        pattern: what the text has to contain.
        unless: what the title and the abstract must not contain; None if anything may be there.
    """

    kind: Kind
    place: str
    cues: tuple[str, ...]
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None


_PLAIN = r"(?:(?!(?:for|on|with|using|from|of|in|that|by|to|and|as|over|based|which|via|through|is|are)\b)[\w'’/+-]+,? ){0,6}?"
"""Up to six words that qualify the noun after them: none begins another phrase."""
_NAME = r"(?:\S+(?: \([^)]*\))?,? ){0,4}?"
"""The name that a paper gives to what it introduces: up to four words."""
_SUBJECT = r"\b(?:we|this (?:paper|work|article|study)|the paper|here,? we|i)\b(?: [\w-]+){0,3}?"
_INTRODUCES = r" (?:introduc|present|propos|releas|construct|creat|curat|build|built|develop|contribut|publish|compil|assembl|design)\w*"
_OURS = r"(?:an?|the first|the largest|two|three|several|new|novel|our|large-scale)"


def _introduction(nouns: str) -> re.Pattern[str]:
    """Returns the pattern of sentences that introduce something: ``we present Foo, a large dataset``."""
    return re.compile(rf"{_SUBJECT}{_INTRODUCES} (?:{_NAME}{_OURS} )?{_PLAIN}(?:{nouns})\b")


_SKY = re.compile(
    r"galax|redshift|telescope|stellar|\bstars?\b|\bsky\b|deg\^|square degree|pulsar|photometr|spectroscop|cosmolog"
)
"""Words of papers whose surveys look at the sky."""
_ASKED = re.compile(
    r"\bsurvey (?:data|of \d|respon|participant|question|instrument|experiment)|questionnaire|respondents|\bsurveyed"
)
"""Words of papers whose surveys ask people."""

RULES: tuple[Rule, ...] = (
    Rule(
        "survey",
        "title",
        ("survey", "review", "overview"),
        re.compile(
            r"\b(?:an?|the|this) (?:[\w-]+,? (?:and )?){0,4}?(?:survey|overview|review)\b(?! (?:data|of \d|study))"
            r"|(?:\A|[:.?!\u2013\u2014-]\s*)(?:[\w-]+ ){0,4}?(?:survey|overview|review) (?:of|on|and|for)\b"
            r"|\b(?:literature|systematic|scoping|comprehensive|critical|mapping|mini|brief|short|historical)[ -](?:literature |mapping )?(?:survey|review)\b"
            r"|\b(?:survey|overview)\W*\Z"
        ),
        re.compile(rf"{_SKY.pattern}|{_ASKED.pattern}"),
    ),
    Rule(
        "survey",
        "abstract",
        ("survey", "review"),
        re.compile(
            r"\b(?:this|the present|our|in this) (?:[\w-]+,? ){0,3}?(?:survey|review)(?: paper| article)?,? (?:\w+ )?"
            r"(?:we|covers?|examines?|provid|presents?|summari|discuss|explor|synthesi|aims?|focus|offers?|analy|organi|"
            r"categori|highlights?|concludes?|address|traces?|outlines?|describes?|introduces?|begins?|starts?|surveys?|systemati|consolidat|investigat)"
        ),
        re.compile(rf"{_SKY.pattern}|{_ASKED.pattern}"),
    ),
    Rule(
        "dataset",
        "title",
        ("dataset", "data set", "corpus", "corpora"),
        re.compile(
            r":\s*(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?(?:dataset|data set|corpus)\b"
            r"|\A(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?(?:dataset|data set|corpus) (?:of|for|on|with)\b"
            r"|\b(?:dataset|corpus)\W*\Z"
        ),
    ),
    Rule(
        "dataset",
        "abstract",
        ("dataset", "data set", "corpus", "corpora"),
        _introduction("datasets?|data sets?|corpus|corpora"),
    ),
    Rule(
        "benchmark",
        "title",
        ("bench",),
        re.compile(r"(?<!work)\w-?bench\b|:\s*(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?benchmark\b|\ba benchmark\b"),
    ),
    Rule(
        "benchmark",
        "abstract",
        ("benchmark",),
        _introduction("benchmarks?|benchmark suites?|benchmark (?:and )?datasets?"),
    ),
    Rule(
        "method",
        "abstract",
        ("propos", "introduc", "present", "develop", "design"),
        re.compile(
            rf"{_SUBJECT} (?:introduc|present|propos|develop|design|devis)\w* (?:{_NAME}{_OURS} )?{_PLAIN}"
            r"(?:methods?|frameworks?|algorithms?|approach|approaches|models?|architectures?|networks?|techniques?|schemes?|"
            r"systems?|mechanisms?|strategy|strategies|pipelines?|procedures?|paradigms?|estimators?|solvers?|modules?)\b"
        ),
    ),
    Rule(
        "theory",
        "abstract",
        ("prove", "theorem", "proof"),
        re.compile(
            r"\bwe (?:[\w-]+ ){0,2}?(?:prove|proved)\b|\bit is proved\b|\bis proven\b|\bproof of (?:the|a|this)\b|\b(?:main|our|representation|limit|convergence|impossibility|existence) theorems?\b"
        ),
    ),
    Rule(
        "negative",
        "title",
        (
            "negative result",
            "null result",
            "fail",
            "no evidence",
            "does not",
            "do not",
            "cannot",
            "don't",
            "can't",
            "doesn't",
        ),
        re.compile(
            r"\b(?:negative|null) results?\b|\bfails? to\b|\bno evidence\b|\b(?:does|do) not\b|\bcannot\b|n't\b|\bfail\W*\Z"
        ),
    ),
    Rule(
        "negative",
        "abstract",
        ("negative result", "null result", "negative finding", "null finding"),
        re.compile(r"\b(?:negative|null) (?:results?|findings?)\b"),
    ),
    Rule(
        "code",
        "abstract",
        ("code", "github", "implementation", "open-source", "open source"),
        re.compile(
            r"\bcodes?\b[^.;]{0,60}? (?:is|are|has been|have been|were|was)(?: \w+){0,4}? (?:available|released|open|accessible|provided|published|open-sourced|shared)"
            r"|\bcodes?\b[^.;]{0,40}(?:https?:|github)|github\.com/|\b(?:we|and) (?:\w+ )?(?:release|open-source|provide|share|publish)\w* (?:\w+ ){0,4}?(?:code|codebase|implementation)\b"
        ),
    ),
    Rule(
        "code",
        "comment",
        ("code", "github"),
        re.compile(r"github\.com/|\bcodes?\b[^.;]{0,60}(?:https?:|available)"),
    ),
    Rule(
        "data",
        "abstract",
        ("data", "corpus", "corpora", "benchmark", "zenodo", "huggingface"),
        re.compile(
            r"\b(?:data|datasets?|corpus|corpora|benchmarks?)\b[^.;]{0,60}? (?:is|are|has been|have been|were|was)(?: \w+){0,4}? (?:available|released|open|accessible|open-sourced|shared)\b"
            r"|\b(?:we|and) (?:\w+ ){0,2}?(?:release|open-source|share|publish)\w* (?:\w+ ){0,6}?(?:data|datasets?|corpus)\b|huggingface\.co/datasets|zenodo\.org"
        ),
    ),
)
"""All rules; a paper is of a kind if it matches one of its rules."""


def find_kinds(paper: Paper) -> tuple[Kind, ...]:
    """Returns the kinds of a paper, in the order of ``KINDS``."""
    comment = paper.extra.get("comment")
    found = kinds_of_text(paper.title or "", paper.abstract or "", comment if isinstance(comment, str) else "")
    if paper.retraction == "withdrawn":
        found.add("withdrawn")
    return tuple(kind for kind in KINDS if kind in found)


def kinds_of_text(title: str, abstract: str, comment: str) -> set[Kind]:
    """Returns the kinds that the rules find in the texts of a paper."""
    texts = dict(zip(_PLACES, (title.lower(), abstract.lower(), comment.lower()), strict=True))
    found: set[Kind] = set()
    for rule in RULES:
        if rule.kind not in found and _matches(rule, texts):
            found.add(rule.kind)
    return found


def _matches(rule: Rule, texts: Mapping[str, str]) -> bool:
    text = texts[rule.place]
    if not any(cue in text for cue in rule.cues) or not rule.pattern.search(text):
        return False
    return rule.unless is None or not (rule.unless.search(texts["title"]) or rule.unless.search(texts["abstract"]))
