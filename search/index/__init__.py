"""The index on disk: layout, snapshot, paper store, lexicon and calibration."""
