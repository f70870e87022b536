"""Generic words: English words that abstracts on any subject use."""

GENERIC_WORDS = frozenset(
    """
    able abstract achieve achieves achieving across additional address addresses aim aims already although among
    analysis analyze applied apply applying approach approaches article author authors available based better
    challenge challenges challenging code compared comparison conduct conducted consider considered contribution
    contributions current currently demonstrate demonstrated demonstrates despite develop developed different due
    easy effect effective effectively effectiveness efficient emerging employ enable enables enabling enhance
    enhancing ensure especially et evaluate evaluated evaluation evidence examine example existing experiment
    experimental experiments explore extensive finally find finding findings first focus focuses following form
    found four framework fully furthermore future general github given good greater growing hence high higher
    however https identify impact important importantly improve improved improvement improvements improving
    including increase increased increasing increasingly indicate instead interest interests introduce introduced
    introduces introducing investigate issue issues key known lack large largely lead leading leads less leverage
    leverages leveraging like limitation limitations limited line low lower main make makes making many may
    mechanism method methods mitigate model models modern moreover much multiple must need needs new non novel
    number obtain obtained offer often one only outperform outperforms overall paper papers part particular
    particularly perform performance performed performs popular possible potential present presented presents
    previous prior problem problems promising propose proposed proposes proposing provide provided provides
    providing question questions range rapid real-world recent recently reduce related relatively rely remain
    remains require requires research result resulting results reveal reveals review rise several show showed
    showing shown shows significant significantly similar simple since single small solution solutions specific
    specifically state state-of-the-art strong studied studies study success successful suggest suggests superior
    support survey system systems task tasks technique techniques term terms test tested three thus tool tools total
    toward towards traditional two type typically unlike us use useful user users using validate variety various
    website well whereas wide widely widespread work works yet
    """.split()  # noqa: SIM905
)
"""Words of abstracts on any subject, as which no phrase may begin or end."""
