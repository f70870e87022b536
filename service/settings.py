"""Settings of the server, from the environment; ``docs/settings.md`` is their table."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from search.errors import InvalidValue

Network = IPv4Network | IPv6Network
CommaSeparated = Annotated[tuple[str, ...], NoDecode]
"""Written with commas between them."""


class Settings(BaseSettings):
    """Each is set by PAPERS_ and its name in capitals, for example PAPERS_MAX_BODY."""

    model_config = SettingsConfigDict(env_prefix="PAPERS_", frozen=True, allow_inf_nan=False)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(
        default=1, ge=1, le=256, description="Processes that answer; the cores are shared out among them."
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="Most questions a worker answers at once; 0: two a core of its."
    )
    queue: int = Field(default=64, ge=0, le=100_000, description="Most questions that wait in a worker; beyond: 503.")
    connections: int = Field(default=2_048, ge=1, le=100_000, description="Most connections at once; beyond: 503.")
    max_body: int = Field(
        default=1_000_000, ge=1, le=100_000_000, description="Most bytes of a request's body; beyond: 413."
    )
    max_head: int = Field(
        default=32_768,
        ge=1_024,
        le=60_000,
        description="Most bytes of a request's URL and headers; beyond: 414 or 431.",
    )
    head_seconds: float = Field(default=10, gt=0, description="Time for URL and headers to arrive; beyond: 408.")
    body_seconds: float = Field(default=10, gt=0, description="Time for a body to arrive; beyond: 408.")
    answer_seconds: float = Field(
        default=30, gt=0, description="Time to begin an answer, and for a client to take a part of it."
    )
    idle_seconds: float = Field(default=75, gt=0, description="How long a connection without a request is kept open.")
    drain_seconds: float = Field(
        default=0, ge=0, description="How long to answer on once told to stop, /readyz saying 503."
    )
    stop_seconds: float = Field(
        default=20, gt=0, description="Time for questions in flight to be answered while stopping."
    )
    keys: Path | None = Field(
        default=None, description="File of API keys (`papers keys`); with it, every request needs one."
    )
    rate: float = Field(
        default=0, ge=0, description="Requests a second a key or, without keys, an address; 0: no limit."
    )
    burst: int = Field(
        default=0, ge=0, description="Requests that may come at once before `rate` holds; 0: ten seconds' worth."
    )
    hosts: CommaSeparated = Field(
        default=(),
        description="Names this server is called by, besides addresses, localhost and the machine's own; `*`: any.",
    )
    proxies: CommaSeparated = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-For, -Proto and X-Request-Id are believed.",
    )
    origins: CommaSeparated = Field(
        default=(), description="Origins whose pages may ask (CORS), for example https://lab.example.org."
    )
    log: bool = Field(default=True, description="One JSON line a request on standard error.")
    log_queries: bool = Field(
        default=False, description="Log paths and queries: they hold what people ask and whom for."
    )

    @classmethod
    def from_environment(cls, **given: object) -> Self:
        """From the environment; what is ``given`` goes before it, but for None.

        Raises:
            InvalidValue: one that is not allowed, named as in the environment.
        """
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidValue(f"PAPERS_{str(first['loc'][0]).upper()}", first["input"], first["msg"]) from None

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
        """``proxies`` as networks."""
        return tuple(ip_network(each, strict=False) for each in self.proxies)

    @property
    def burst_capacity(self) -> int:
        """The capacity of a caller's bucket, in requests; 1 or more."""
        return self.burst or max(1, round(self.rate * 10))
