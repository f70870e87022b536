"""Settings of the server, read from the environment; ``docs/settings.md`` lists them."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from search.errors import InvalidValue

Network = IPv4Network | IPv6Network
CommaSeparated = Annotated[tuple[str, ...], NoDecode]
"""A list, separated by commas in the environment."""


class Settings(BaseSettings):
    """The settings. The environment variable of each is PAPERS_ and its name in capitals, as in PAPERS_MAX_BODY."""

    model_config = SettingsConfigDict(env_prefix="PAPERS_", frozen=True, allow_inf_nan=False)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 = any free port.")
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Number of worker processes; they share the CPU cores. One per core answers most.",
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="Maximum concurrent requests per worker; 0 = two per core."
    )
    queue: int = Field(default=64, ge=0, le=100_000, description="Maximum queued requests per worker; more get 503.")
    connections: int = Field(
        default=2_048, ge=1, le=100_000, description="Maximum concurrent connections; more get 503."
    )
    max_body: int = Field(
        default=1_000_000,
        ge=1,
        le=100_000_000,
        description="Maximum size of a request body in bytes; larger ones get 413.",
    )
    max_head: int = Field(
        default=32_768,
        ge=1_024,
        le=60_000,
        description="Maximum size of URL and headers in bytes; larger ones get 414 or 431.",
    )
    head_seconds: float = Field(
        default=10, gt=0, description="Seconds within which URL and headers must arrive; then 408."
    )
    body_seconds: float = Field(
        default=10, gt=0, description="Seconds within which a request body must arrive; then 408."
    )
    answer_seconds: float = Field(
        default=30,
        gt=0,
        description="Seconds within which a response must start, and a client must accept each part of it.",
    )
    idle_seconds: float = Field(default=75, gt=0, description="Seconds for which an idle connection is kept open.")
    drain_seconds: float = Field(
        default=0, ge=0, description="Seconds to keep serving after SIGTERM, while /readyz returns 503."
    )
    stop_seconds: float = Field(
        default=20, gt=0, description="Seconds within which requests in flight must finish at shutdown."
    )
    keys: Path | None = Field(
        default=None, description="File of API keys (`papers keys`); if set, every request must send one."
    )
    cached_hits: int = Field(
        default=4_096,
        ge=0,
        le=1_000_000,
        description="Hits of recent searches that a worker keeps to answer them again, 5 KB each; 0 = none.",
    )
    state: Path | None = Field(
        default=None,
        description="File of lists, saved searches and followed sources, for all commands; default: beside the index, "
        "`data/index.state.sqlite` for `data/index`.",
    )
    rate: float = Field(
        default=0,
        ge=0,
        description="Maximum requests per second for each API key or, without keys, each client address; 0 = no limit.",
    )
    burst: int = Field(
        default=0, ge=0, description="Requests allowed at once before `rate` applies; 0 = ten seconds of `rate`."
    )
    hosts: CommaSeparated = Field(
        default=(),
        description="Accepted Host names besides IP addresses, localhost and the machine's own; `*` = any.",
    )
    proxies: CommaSeparated = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-For, -Proto and X-Request-Id are trusted.",
    )
    origins: CommaSeparated = Field(
        default=(),
        description="Origins allowed to send cross-origin requests (CORS), for example https://lab.example.org.",
    )
    log: bool = Field(default=True, description="Write one JSON line per request to standard error.")
    log_queries: bool = Field(
        default=False, description="Log paths and query strings; these may contain users' queries and names."
    )

    @classmethod
    def from_environment(cls, **overrides: object) -> Self:
        """Reads the environment.

        Args:
            overrides: take precedence over the environment, except for None.

        Raises:
            InvalidValue: an invalid setting, named as the environment variable or the override that set it.
        """
        values: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise InvalidValue(
                name if name in values else f"PAPERS_{name.upper()}", first["input"], first["msg"]
            ) from None

    @field_validator("hosts", "proxies", "origins", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value

    @field_validator("proxies")
    @classmethod
    def _validate_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each, strict=False)
        return value

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The parsed ``proxies``."""
        return tuple(ip_network(each, strict=False) for each in self.proxies)

    @property
    def burst_capacity(self) -> int:
        """Capacity of the token bucket of a key or address, in requests; at least 1."""
        return self.burst or max(1, round(self.rate * 10))
