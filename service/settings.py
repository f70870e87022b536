"""Settings of the server, from the environment."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """PAPERS_MAX_BODY: most bytes of a request body."""

    model_config = SettingsConfigDict(env_prefix="PAPERS_")

    max_body: int = 1_000_000
