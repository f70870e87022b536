"""arXiv's archives and categories: codes, names, and how people may spell them.

Codes, names and aliases are from https://arxiv.org/category_taxonomy, as of 2026.
"""

import difflib
from collections.abc import Collection
from functools import lru_cache
from itertools import takewhile
from operator import eq

from search.errors import InvalidValue
from search.papers.words import NON_WORD, join_words

_ARCHIVE_NAMES = {
    "astro-ph": "Astrophysics",
    "cond-mat": "Condensed Matter",
    "cs": "Computer Science",
    "econ": "Economics",
    "eess": "Electrical Engineering and Systems Science",
    "gr-qc": "General Relativity and Quantum Cosmology",
    "hep-ex": "High Energy Physics - Experiment",
    "hep-lat": "High Energy Physics - Lattice",
    "hep-ph": "High Energy Physics - Phenomenology",
    "hep-th": "High Energy Physics - Theory",
    "math": "Mathematics",
    "math-ph": "Mathematical Physics",
    "nlin": "Nonlinear Sciences",
    "nucl-ex": "Nuclear Experiment",
    "nucl-th": "Nuclear Theory",
    "physics": "Physics",
    "q-bio": "Quantitative Biology",
    "q-fin": "Quantitative Finance",
    "quant-ph": "Quantum Physics",
    "stat": "Statistics",
}

_CATEGORY_TABLE = """
astro-ph.CO Cosmology and Nongalactic Astrophysics
astro-ph.EP Earth and Planetary Astrophysics
astro-ph.GA Astrophysics of Galaxies
astro-ph.HE High Energy Astrophysical Phenomena
astro-ph.IM Instrumentation and Methods for Astrophysics
astro-ph.SR Solar and Stellar Astrophysics
cond-mat.dis-nn Disordered Systems and Neural Networks
cond-mat.mes-hall Mesoscale and Nanoscale Physics
cond-mat.mtrl-sci Materials Science
cond-mat.other Other Condensed Matter
cond-mat.quant-gas Quantum Gases
cond-mat.soft Soft Condensed Matter
cond-mat.stat-mech Statistical Mechanics
cond-mat.str-el Strongly Correlated Electrons
cond-mat.supr-con Superconductivity
cs.AI Artificial Intelligence
cs.AR Hardware Architecture
cs.CC Computational Complexity
cs.CE Computational Engineering, Finance, and Science
cs.CG Computational Geometry
cs.CL Computation and Language
cs.CR Cryptography and Security
cs.CV Computer Vision and Pattern Recognition
cs.CY Computers and Society
cs.DB Databases
cs.DC Distributed, Parallel, and Cluster Computing
cs.DL Digital Libraries
cs.DM Discrete Mathematics
cs.DS Data Structures and Algorithms
cs.ET Emerging Technologies
cs.FL Formal Languages and Automata Theory
cs.GL General Literature
cs.GR Graphics
cs.GT Computer Science and Game Theory
cs.HC Human-Computer Interaction
cs.IR Information Retrieval
cs.IT Information Theory
cs.LG Machine Learning
cs.LO Logic in Computer Science
cs.MA Multiagent Systems
cs.MM Multimedia
cs.MS Mathematical Software
cs.NA Numerical Analysis
cs.NE Neural and Evolutionary Computing
cs.NI Networking and Internet Architecture
cs.OH Other Computer Science
cs.OS Operating Systems
cs.PF Performance
cs.PL Programming Languages
cs.RO Robotics
cs.SC Symbolic Computation
cs.SD Sound
cs.SE Software Engineering
cs.SI Social and Information Networks
cs.SY Systems and Control
econ.EM Econometrics
econ.GN General Economics
econ.TH Theoretical Economics
eess.AS Audio and Speech Processing
eess.IV Image and Video Processing
eess.SP Signal Processing
eess.SY Systems and Control
math.AC Commutative Algebra
math.AG Algebraic Geometry
math.AP Analysis of PDEs
math.AT Algebraic Topology
math.CA Classical Analysis and ODEs
math.CO Combinatorics
math.CT Category Theory
math.CV Complex Variables
math.DG Differential Geometry
math.DS Dynamical Systems
math.FA Functional Analysis
math.GM General Mathematics
math.GN General Topology
math.GR Group Theory
math.GT Geometric Topology
math.HO History and Overview
math.IT Information Theory
math.KT K-Theory and Homology
math.LO Logic
math.MG Metric Geometry
math.MP Mathematical Physics
math.NA Numerical Analysis
math.NT Number Theory
math.OA Operator Algebras
math.OC Optimization and Control
math.PR Probability
math.QA Quantum Algebra
math.RA Rings and Algebras
math.RT Representation Theory
math.SG Symplectic Geometry
math.SP Spectral Theory
math.ST Statistics Theory
nlin.AO Adaptation and Self-Organizing Systems
nlin.CD Chaotic Dynamics
nlin.CG Cellular Automata and Lattice Gases
nlin.PS Pattern Formation and Solitons
nlin.SI Exactly Solvable and Integrable Systems
physics.acc-ph Accelerator Physics
physics.ao-ph Atmospheric and Oceanic Physics
physics.app-ph Applied Physics
physics.atm-clus Atomic and Molecular Clusters
physics.atom-ph Atomic Physics
physics.bio-ph Biological Physics
physics.chem-ph Chemical Physics
physics.class-ph Classical Physics
physics.comp-ph Computational Physics
physics.data-an Data Analysis, Statistics and Probability
physics.ed-ph Physics Education
physics.flu-dyn Fluid Dynamics
physics.gen-ph General Physics
physics.geo-ph Geophysics
physics.hist-ph History and Philosophy of Physics
physics.ins-det Instrumentation and Detectors
physics.med-ph Medical Physics
physics.optics Optics
physics.plasm-ph Plasma Physics
physics.pop-ph Popular Physics
physics.soc-ph Physics and Society
physics.space-ph Space Physics
q-bio.BM Biomolecules
q-bio.CB Cell Behavior
q-bio.GN Genomics
q-bio.MN Molecular Networks
q-bio.NC Neurons and Cognition
q-bio.OT Other Quantitative Biology
q-bio.PE Populations and Evolution
q-bio.QM Quantitative Methods
q-bio.SC Subcellular Processes
q-bio.TO Tissues and Organs
q-fin.CP Computational Finance
q-fin.EC Economics
q-fin.GN General Finance
q-fin.MF Mathematical Finance
q-fin.PM Portfolio Management
q-fin.PR Pricing of Securities
q-fin.RM Risk Management
q-fin.ST Statistical Finance
q-fin.TR Trading and Market Microstructure
stat.AP Applications
stat.CO Computation
stat.ME Methodology
stat.ML Machine Learning
stat.OT Other Statistics
stat.TH Statistics Theory
"""
_CATEGORY_NAMES = dict(line.split(" ", 1) for line in _CATEGORY_TABLE.split("\n") if line)
_NAMES = {**_ARCHIVE_NAMES, **_CATEGORY_NAMES}

ARCHIVES = tuple(_ARCHIVE_NAMES)
"""Codes of the archives; each also filters for all its categories."""

CATEGORIES = tuple(_CATEGORY_NAMES)
"""Codes of the categories within archives; an archive without any is itself a category."""

_ALIASES = (
    ("math.NA", "cs.NA"),
    ("math-ph", "math.MP"),
    ("cs.IT", "math.IT"),
    ("math.ST", "stat.TH"),
    ("eess.SY", "cs.SY"),
    ("econ.GN", "q-fin.EC"),
)


def find_category_name(code: str) -> str | None:
    """The full name of a category or archive, in any case; None if arXiv has no such code."""
    return _names_by_code().get(code.casefold())


def find_category_alias(code: str) -> str | None:
    """The other code of the same category, such as math.NA for cs.NA; None for most."""
    for one, other in _ALIASES:
        if code in (one, other):
            return other if code == one else one
    return None


def resolve_codes(text: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Resolves a code, a name or ``cs.*`` to codes, ignoring case: the best match first, then its equivalents.

    Two codes of one category (cs.NA and math.NA) are equivalent, and so are codes with the same name, since papers
    carry either. An archive resolves to itself alone, because columns list every paper under its archive as well.

    Args:
        text: a code, a name, or the beginning of exactly one name.
        known: codes in addition to arXiv's.

    Raises:
        InvalidValue: neither arXiv nor ``known`` has such a ``category``; suggests the nearest code or name.
    """
    query = text.strip().removesuffix(".*")
    by_code = {code.casefold(): code for code in (*known, *_NAMES)}
    code = by_code.get(query.casefold())
    found = (code,) if code else _find_by_name(_fold_name(query))
    if not found:
        raise InvalidValue(
            "category", text, f"neither arXiv nor this index has such a category; {_hint(query, by_code)}"
        )
    return tuple(dict.fromkeys((*found, *(other for code in found if (other := find_category_alias(code))))))


def _find_by_name(name: str) -> tuple[str, ...]:
    """The codes of a name, or of the only name that starts with these words, such as Computer Vision."""
    if name in _codes_by_name():
        return _codes_by_name()[name]
    starting = [codes for other, codes in _codes_by_name().items() if name and other.startswith(f"{name} ")]
    return starting[0] if len(starting) == 1 else ()


def _hint(query: str, by_code: dict[str, str]) -> str:
    folded, name = query.casefold(), _fold_name(query)
    near, words = _similar_codes(folded, by_code), len(name.split())
    prefixes = {" ".join(other.split()[:words]): other for other in _codes_by_name()} if words > 1 else {}
    candidates = prefixes | {other: other for other in _codes_by_name()}
    names = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if names and _similarity(name, names[0]) > max((_similarity(folded, code) for code in near), default=0):
        code = _codes_by_name()[candidates[names[0]]][0]
        return f"did you mean {code} ({_NAMES[code]})?"
    if near:
        return f"did you mean {' or '.join(by_code[code] for code in near[:2])}?"
    return "try cs, cs.CL, hep-th, stat.ML or Computation and Language"


def _similar_codes(folded: str, by_code: Collection[str]) -> list[str]:
    """Codes that resemble this one: first those equal without archive or punctuation, then by their common prefix."""
    letters = NON_WORD.sub("", folded)
    bare = [code for code in by_code if code.partition(".")[2] == folded or NON_WORD.sub("", code) == letters]
    close = difflib.get_close_matches(folded, by_code, n=20, cutoff=0.5)
    shared = {code: sum(1 for _ in takewhile(bool, map(eq, code, folded))) for code in close}
    return list(dict.fromkeys((*bare, *sorted(close, key=lambda code: (-shared[code], code))))) if letters else []


def _similarity(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _fold_name(name: str) -> str:
    return join_words(name.casefold().replace("&", " and "))


@lru_cache(1)
def _names_by_code() -> dict[str, str]:
    return {code.casefold(): name for code, name in _NAMES.items()}


@lru_cache(1)
def _codes_by_name() -> dict[str, tuple[str, ...]]:
    """Codes by folded name; the preferred code of a category comes before its alias."""
    found: dict[str, tuple[str, ...]] = {}
    for code in (*(one for one, _ in _ALIASES), *_NAMES):
        name = _fold_name(_NAMES[code])
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), code)))
    return found
