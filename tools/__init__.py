"""Scripts of the maintainers: the lock files and the inventory of the dependencies."""
