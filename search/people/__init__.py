"""People: who works on a topic."""
