"""What stands before every door of HTTP."""
