"""Middleware that runs before the routes of the application."""
