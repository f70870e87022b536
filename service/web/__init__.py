"""The web page: server-rendered search that works without JavaScript."""
