"""Servers: ``papers serve | mcp``."""

from pathlib import Path
from typing import Any

import click

from service.commands.command import Command
from service.commands.options import INDEX_OPTION, SEARCHED_INDEX_OPTION


@click.command(cls=Command, extra="serve")
@SEARCHED_INDEX_OPTION
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 = any free port.  [default: 8000]")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Number of worker processes; one per core answers most.  [default: 1]",
)
@click.option("--keys", type=click.Path(path_type=Path), help="File of API keys; every request must then send one.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    help="Maximum requests per second for each API key or client address; 0 = no limit.",
)
def serve(directory: Path | str, **options: Any) -> None:
    """Serve the web interface, the HTTP API (/v1) and MCP (/mcp).

    /docs describes the HTTP API. Options take precedence over environment variables such as PAPERS_HOST;
    docs/settings.md lists all settings.

    \b
    papers serve --workers 2
    papers keys add anna --keys ~/keys.json
    papers serve --host 0.0.0.0 --keys ~/keys.json --rate 5
    """
    from service.serving.server import run
    from service.settings import Settings

    run(directory, Settings.from_environment(**options))


@click.command(cls=Command, extra="mcp")
@INDEX_OPTION
def mcp(directory: Path) -> None:
    """Serve the Model Context Protocol on standard input and output.

    \b
    papers mcp --index ~/index
    claude mcp add papers -- papers mcp --index ~/index
    """
    from service.agents.mcp import serve_stdio

    serve_stdio(directory)
