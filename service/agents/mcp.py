"""MCP: the questions an agent can ask as tools of the Model Context Protocol, over stdio or HTTP.

Both take the road that the other doors take, in the names that HTTP has. A question is answered in a thread of its own.
"""

import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio
from anyio import to_thread
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from search import open_index
from search.errors import InvalidValue, PaperNotFound, PapersError
from search.searcher import Searcher
from search.session import Session
from service.agents.quoting import (
    NOTICE,
    RenderedAnswer,
    authors_answer,
    facets_answer,
    page_answer,
    paper_answer,
    truncate_chars,
)
from service.agents.tools import (
    AuthorsAnswer,
    AuthorsArguments,
    FacetsAnswer,
    FacetsArguments,
    GetArguments,
    PageAnswer,
    PaperAnswer,
    QuotingAnswer,
    SearchArguments,
    SimilarArguments,
    json_schema_for,
)
from service.api.problems import error_response

INSTRUCTIONS = f"""Searches a library of scientific papers that lies on this machine, by meaning and by words.

Ask search in plain words; they rank, and are not required. Conditions can stand among them and must hold:
au:zhou au:"Guorui Zhou" au:^zhou (first author), ti:cache, abs:"long context", "a phrase", -word, cat:cs.CL or
cat:"Computation and Language", year:2024-2026, date:>=2026-01, date:30d, OR, ANDNOT and ( ); or give them as
parameters. Every answer says how it was read. Bands (strong, related, weak) say how close a paper is, and close: false
that nothing is. For more papers call again with the same question and the cursor. get gives a paper with its abstract,
similar what is near papers or a text, authors the variants of a name, facets counts.

{NOTICE}"""
_INTERNAL_ERROR = "this is our fault, not the question's; the server's log says what happened"
_CACHE_TTL_MS = 3_600_000
"""Milliseconds."""
_log = logging.getLogger("papers.mcp")

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _ToolSpec(Generic[ArgumentsT]):
    """A tool: what it is told, what it answers, and how."""

    description: str
    arguments_type: type[ArgumentsT]
    answer_type: type[QuotingAnswer]
    handler: Callable[[Session, ArgumentsT], RenderedAnswer]

    def parse_arguments(self, arguments: Mapping[str, Any]) -> ArgumentsT:
        """The call; null says nothing, as some clients fill in every parameter.

        Raises:
            InvalidValue: an argument that cannot be meant.
        """
        try:
            return self.arguments_type.model_validate(
                {name: value for name, value in arguments.items() if value is not None}
            )
        except ValidationError as error:
            first = error.errors()[0]
            names = [field.alias or name for name, field in self.arguments_type.model_fields.items()]
            unknown = first["type"] == "extra_forbidden"
            allowed = f"the parameters are {', '.join(names)}" if unknown else first["msg"]
            value = "" if first["type"] == "missing" else first["input"]
            raise InvalidValue(".".join(map(str, first["loc"])), value, allowed) from None


def _handle_search(session: Session, call: SearchArguments) -> RenderedAnswer:
    return page_answer(session.ask(call.q, call.to_query()), full_abstracts=call.full_abstracts)


def _handle_similar(session: Session, call: SimilarArguments) -> RenderedAnswer:
    query = call.to_query()
    query = replace(query, like=(call.paper_id, *query.like) if call.paper_id else query.like)
    if not (query.like or call.text.strip()):
        raise InvalidValue("paper_id", call.paper_id, "give a paper's id, or several with like, or a text")
    if call.text.strip():
        query = replace(query, text=call.text, is_abstract=True)
    return page_answer(session.search(query), full_abstracts=call.full_abstracts)


def _handle_get(session: Session, call: GetArguments) -> RenderedAnswer:
    return paper_answer(session.paper(call.paper_id))


def _handle_authors(session: Session, call: AuthorsArguments) -> RenderedAnswer:
    return authors_answer(session.authors(call.name))


def _handle_facets(session: Session, call: FacetsArguments) -> RenderedAnswer:
    return facets_answer(session.ask(call.q, replace(call.to_query(), facets=True, limit=1)))


_TOOL_SPECS: dict[str, _ToolSpec[Any]] = {
    "search": _ToolSpec(
        "Find papers that answer a question in plain words, narrowed by author, category and date.",
        SearchArguments,
        PageAnswer,
        _handle_search,
    ),
    "similar": _ToolSpec(
        "Find papers near one paper, several papers or a text, and away from others; the same narrowing as search.",
        SimilarArguments,
        PageAnswer,
        _handle_similar,
    ),
    "get": _ToolSpec(
        "Read one paper: its abstract, authors, dates, ids, address.", GetArguments, PaperAnswer, _handle_get
    ),
    "authors": _ToolSpec(
        "List the variants of a name that papers have, with how many papers each.",
        AuthorsArguments,
        AuthorsAnswer,
        _handle_authors,
    ),
    "facets": _ToolSpec(
        "Count papers by year, category, author and source: of a question the relevant ones, else all that pass.",
        FacetsArguments,
        FacetsAnswer,
        _handle_facets,
    ),
}
_TOOL_LIST = [
    Tool(
        name=name,
        description=tool.description,
        input_schema=json_schema_for(tool.arguments_type, "validation"),
        output_schema=json_schema_for(tool.answer_type, "serialization"),
        annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    )
    for name, tool in _TOOL_SPECS.items()
]
_INPUT_SCHEMAS = {tool.name: tool.input_schema for tool in _TOOL_LIST}


def serve_stdio(directory: Path) -> None:
    """Answers on standard input and output until the former ends; all else goes to standard error.

    Raises:
        IndexUnavailable: there is no whole index.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread that waits for input would outlive Python's own handling
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="papers: %(message)s")
    anyio.run(_run_stdio, open_index(directory))


def mount(app: Starlette, *, origins: Sequence[str] = (), max_body: int = 1_000_000) -> None:
    """Answers POST /mcp of an application that has a ``state.searcher``, behind a guard that knows its hosts.

    No session is kept and every answer is one JSON object, so any worker can answer any request.

    Args:
        origins: of web pages that may ask beside our own; a browser says which page asks. max_body: most bytes.
    """
    within = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        app.state.mcp = manager = StreamableHTTPSessionManager(
            _create_server(lambda: app.state.searcher),
            json_response=True,
            stateless=True,
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # _Endpoint, the guard
            max_request_body_size=max_body,
        )
        async with within(app) as state, manager.run():
            yield state or {}

    app.router.lifespan_context = lifespan
    endpoint = _Endpoint(frozenset(origins))
    app.router.routes.append(Route(endpoint.path, endpoint, methods=["POST"]))


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where the requests of an application go; the manager lives as long as the application runs."""

    origins: frozenset[str]
    path: str = "/mcp"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self  # by whose path the log and the metrics name it, as FastAPI does for its own
        headers = Headers(scope=scope)
        if not self._is_origin_allowed(headers.get("origin"), headers.get("host", "")):
            said = "a page of another origin may not ask; where it should, name its origin in PAPERS_ORIGINS"
            return await error_response(scope, 403, said)(scope, receive, send)
        manager: StreamableHTTPSessionManager = scope["app"].state.mcp
        return await manager.handle_request(scope, receive, send)

    def _is_origin_allowed(self, origin: str | None, host: str) -> bool:
        """Whether the page that asks, if one does, is our own, or one of those that are named."""
        ours = origin is None or origin.partition("://")[2].casefold() == host.casefold()
        return ours or origin in self.origins or "*" in self.origins


def _create_server(searcher: Callable[[], Searcher]) -> Server[Any]:
    """The tools of what the function gives when a question comes."""

    async def listed(_context: ServerRequestContext, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=_TOOL_LIST)

    async def called(_context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in _TOOL_SPECS:
            raise MCPError(
                INVALID_PARAMS, f"no tool {truncate_chars(params.name, 60)!r}; there are {', '.join(_TOOL_SPECS)}"
            )
        return await to_thread.run_sync(_call_tool, searcher, params.name, params.arguments or {})

    return Server(
        "papers",
        version=version("papers-search"),
        title="Papers",
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(_CACHE_TTL_MS, "public")},
        get_tool_input_schema=_INPUT_SCHEMAS.get,
        on_list_tools=listed,
        on_call_tool=called,
    )


def _call_tool(searcher: Callable[[], Searcher], name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    tool = _TOOL_SPECS[name]
    try:
        answer = tool.handler(searcher().session(), tool.parse_arguments(arguments))
    except InvalidValue as error:  # in the names of this door, which are those of HTTP
        return _error_result(str(error))
    except PaperNotFound as error:
        return _error_result(str(error))
    except PapersError as error:
        _log.error("%s: %s", name, error)
        return _error_result("the index cannot answer now; the server's log says why")
    except Exception:  # noqa: BLE001 - it is logged, and an agent is told as much as a browser is
        _log.exception("%s", name)
        return _error_result(_INTERNAL_ERROR)
    content = answer.structured.model_dump(mode="json")
    return CallToolResult(content=[TextContent(text=answer.text)], structured_content=content)


def _error_result(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=truncate_chars(message, 2_000))], is_error=True)


async def _run_stdio(searcher: Searcher) -> None:
    server = _create_server(lambda: searcher)
    async with anyio.create_task_group() as beside:
        beside.start_soon(to_thread.run_sync, _warm_up, searcher)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


def _warm_up(searcher: Searcher) -> None:
    """Loads the model while the client says who it is; where that fails, so do questions, each in words."""
    try:
        searcher.warm()
    except PapersError as error:
        _log.error("%s", error)
