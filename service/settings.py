"""Settings of the server, from the environment."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """PAPERS_INDEX: folder of the index. PAPERS_MAX_BODY: most bytes of a request body."""

    model_config = SettingsConfigDict(env_prefix="PAPERS_")

    index: Path = Path("data/index")
    max_body: int = 1_000_000
