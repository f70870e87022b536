"""Stop words: English words that are not indexed."""

_STOP_WORDS_TEXT = """
a about above after again all also am an and any are as at be because been before being below between both but by
can cannot could did do does doing down during each few for from further had has have having he her here hers him
his how however i if in into is it its itself me more most my no nor not of off on once only or other our ours out
over own per same she should so some such than that the their theirs them then there these they this those through
to too under until up upon us use used using very via was we were what when where whether which while who whom whose
why will with within without would you your yours
"""
STOP_WORDS = tuple(_STOP_WORDS_TEXT.split())
"""Words that are too common to distinguish papers."""
