"""Lists and saved searches of each user, stored beside the index (``indexer.state``)."""
