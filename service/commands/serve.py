"""The commands that answer other programs: ``papers serve | mcp``."""

from pathlib import Path
from typing import Any

import click

from service.commands.options import INDEX_OPTION


@click.command()
@INDEX_OPTION
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that answer.  [default: 1]")
@click.option("--keys", type=click.Path(path_type=Path), help="A file of API keys: every request needs one of them.")
@click.option("--rate", type=click.FloatRange(0), help="Requests a second a key or an address may make.")
def serve(directory: Path, **given: Any) -> None:
    """Serve the page to search on, and the same to programs under /v1 and to agents under /mcp.

    /docs describes what programs can ask. Each option, and much else, can be set in the environment as well, as
    PAPERS_HOST or PAPERS_RATE: docs/settings.md.

    \b
    papers serve --workers 2
    papers keys add anna --keys ~/keys.json
    papers serve --host 0.0.0.0 --keys ~/keys.json --rate 5
    """
    from service.serving.server import run
    from service.settings import Settings

    run(directory, Settings.from_environment(**given))


@click.command()
@INDEX_OPTION
def mcp(directory: Path) -> None:
    """Answer an agent over standard input and output, in the Model Context Protocol.

    \b
    papers mcp --index ~/index
    claude mcp add papers -- papers mcp --index ~/index
    """
    from service.agents.mcp import serve_stdio

    serve_stdio(directory)
