"""Serving: a supervisor that accepts connections, and worker processes that answer requests."""
