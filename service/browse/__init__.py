"""The list of ``--browse``: papers on a terminal, read, kept and exported with keys."""
