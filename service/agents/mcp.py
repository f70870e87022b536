"""MCP: searches as tools of the Model Context Protocol, over stdio or HTTP.

The tools use the sessions and the parameter names of the other interfaces. Each call runs in its own thread.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
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

from search import open_index
from search.errors import InvalidValue, PaperNotFound, PapersError
from search.searcher import Searcher
from search.session import Session
from service.agents.quoting import (
    MAX_AGENT_PERIODS,
    NOTICE,
    RenderedAnswer,
    authors_answer,
    citations_answer,
    facets_answer,
    page_answer,
    paper_answer,
    people_answer,
    themes_answer,
    trends_answer,
    truncate_chars,
)
from service.agents.tools import (
    MAX_HITS,
    AuthorsAnswer,
    AuthorsArguments,
    CitationsAnswer,
    FacetsAnswer,
    FacetsArguments,
    GetArguments,
    PageAnswer,
    PaperAnswer,
    PeopleAnswer,
    PeopleArguments,
    QuotingAnswer,
    SearchArguments,
    SimilarArguments,
    ThemesAnswer,
    ThemesArguments,
    TrendsAnswer,
    TrendsArguments,
    json_schema_for,
)
from service.api.problems import internal_error_detail, parameter_name

INSTRUCTIONS = f"""Searches a library of scientific papers on this machine, by semantic and lexical relevance.

Pass a plain question to search; its words rank papers and are not required. Filters among them are required: au:zhou
au:"Guorui Zhou" au:^zhou (first author), ti:cache, abs:"long context", "a phrase", -word, cat:cs.CL or
cat:"Computation and Language", kind:survey, year:2024-2026, date:>=2026-01, date:30d, added:7d (in the library since),
OR, ANDNOT and ( ). They can also be passed as parameters. Every result has an interpretation: how the query was
understood.
The band of a hit (strong, related, weak) shows how close it is; has_close_match: false means that no paper is close.
For more papers call again with the same arguments and the cursor. refinements are further queries to try, of which
none was applied. Use get for a paper with its abstract, similar for papers similar to a paper or text, authors for the
variants of a name, people for who works on a topic, facets for counts, themes for the sub-topics of a question, trends
for how it grew.

{NOTICE}"""
_CACHE_TTL_MS = 3_600_000
"""Milliseconds for which a client may cache the list of tools."""
_log = logging.getLogger("papers.mcp")

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _ToolSpec(Generic[ArgumentsT]):
    """A tool.

    Attributes:
        description: what it does, for the model.
        arguments_type: its arguments.
        answer_type: its result.
        handler: runs a call.
    """

    description: str
    arguments_type: type[ArgumentsT]
    answer_type: type[QuotingAnswer]
    handler: Callable[[Session, ArgumentsT], RenderedAnswer]

    def parse_arguments(self, arguments: Mapping[str, Any]) -> ArgumentsT:
        """Validates the arguments of a call. Null equals an absent argument: some clients pass every parameter.

        Raises:
            InvalidValue: an argument is invalid, missing or unknown.
        """
        try:
            return self.arguments_type.model_validate(
                {name: value for name, value in arguments.items() if value is not None}
            )
        except ValidationError as error:
            first = error.errors()[0]
            names = [field.alias or name for name, field in self.arguments_type.model_fields.items()]
            unknown = first["type"] == "extra_forbidden"
            allowed = f"unknown parameter; the parameters are {', '.join(names)}" if unknown else first["msg"]
            value = "" if first["type"] == "missing" else first["input"]
            raise InvalidValue(".".join(map(str, first["loc"])), value, allowed) from None


def _handle_search(session: Session, call: SearchArguments) -> RenderedAnswer:
    return page_answer(session.ask(call.q, call.to_query()), full_abstracts=call.full_abstracts)


def _handle_similar(session: Session, call: SimilarArguments) -> RenderedAnswer:
    query = call.to_query()
    query = replace(query, like=(call.paper_id, *query.like) if call.paper_id else query.like)
    if not (query.like or call.text.strip()):
        raise InvalidValue("paper_id", call.paper_id, "pass the ID of a paper, IDs in like, or a text")
    if call.text.strip():
        query = replace(query, text=call.text, is_abstract=True)
    return page_answer(session.search(query), full_abstracts=call.full_abstracts)


def _handle_get(session: Session, call: GetArguments) -> RenderedAnswer:
    return paper_answer(session.paper(call.paper_id))


def _handle_citations(session: Session, call: GetArguments) -> RenderedAnswer:
    return citations_answer(session.citations(call.paper_id))


def _handle_authors(session: Session, call: AuthorsArguments) -> RenderedAnswer:
    with parameter_name("name"):
        return authors_answer(session.authors(call.name), session.persons(call.name))


def _handle_people(session: Session, call: PeopleArguments) -> RenderedAnswer:
    if not 1 <= call.limit <= MAX_HITS:
        raise InvalidValue("limit", call.limit, f"use a whole number from 1 to {MAX_HITS}")
    return people_answer(session.people(call.q, call.to_query(), limit=call.limit))


def _handle_facets(session: Session, call: FacetsArguments) -> RenderedAnswer:
    return facets_answer(session.ask(call.q, replace(call.to_query(), facets=True, limit=0)))


def _handle_themes(session: Session, call: ThemesArguments) -> RenderedAnswer:
    return themes_answer(session.themes(call.q, call.to_query()))


def _handle_trends(session: Session, call: TrendsArguments) -> RenderedAnswer:
    found = session.trends(call.q, call.to_query(), per=call.per)
    if len(found.periods) > MAX_AGENT_PERIODS:
        allowed = f"{len(found.periods)} periods are more than {MAX_AGENT_PERIODS}; pass from, or per: year"
        raise InvalidValue("per", found.per, allowed)
    return trends_answer(found)


_TOOL_SPECS: dict[str, _ToolSpec[Any]] = {
    "search": _ToolSpec(
        "Find papers relevant to a question in plain words, filtered by author, category, kind and date.",
        SearchArguments,
        PageAnswer,
        _handle_search,
    ),
    "similar": _ToolSpec(
        "Find papers similar to one paper, several papers or a text, and unlike others; same filters as search.",
        SimilarArguments,
        PageAnswer,
        _handle_similar,
    ),
    "get": _ToolSpec("Read one paper: abstract, authors, dates, IDs and URL.", GetArguments, PaperAnswer, _handle_get),
    "citations": _ToolSpec(
        "List the papers of the index that a paper cites, and those that cite it, the most cited first.",
        GetArguments,
        CitationsAnswer,
        _handle_citations,
    ),
    "authors": _ToolSpec(
        "List the variants of an author's name in the index, and the people who seem to share it, with their papers.",
        AuthorsArguments,
        AuthorsAnswer,
        _handle_authors,
    ),
    "people": _ToolSpec(
        "Find who works on a topic: authors ranked by their papers relevant to q, with their best papers.",
        PeopleArguments,
        PeopleAnswer,
        _handle_people,
    ),
    "facets": _ToolSpec(
        "Count papers by year, category, kind, author and source: those relevant to q, else all that match filters.",
        FacetsArguments,
        FacetsAnswer,
        _handle_facets,
    ),
    "themes": _ToolSpec(
        "Group the papers relevant to q into 5 to 12 labelled themes; search with theme lists the papers of one.",
        ThemesArguments,
        ThemesAnswer,
        _handle_themes,
    ),
    "trends": _ToolSpec(
        "Count the papers on one or several questions by month or year, and their share of all: how it grew.",
        TrendsArguments,
        TrendsAnswer,
        _handle_trends,
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
    """Serves on standard input and output until standard input ends; logs go to standard error.

    Raises:
        IndexUnavailable: the index does not exist or is damaged.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread waiting for input would survive Python's own handler
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="papers: %(message)s")
    anyio.run(_run_stdio, open_index(directory))


def create_manager(get_searcher: Callable[[], Searcher], max_body: int) -> StreamableHTTPSessionManager:
    """Returns the handler of MCP over HTTP, without sessions.

    Args:
        get_searcher: called with each tool call.
        max_body: most bytes of a request body.
    """
    return StreamableHTTPSessionManager(
        _create_server(get_searcher),
        json_response=True,
        stateless=True,
        # the endpoint checks Origin, and the guard Host
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=max_body,
    )


def _create_server(get_searcher: Callable[[], Searcher]) -> Server[Any]:
    """Returns an MCP server.

    Args:
        get_searcher: called with each tool call.
    """

    async def list_tools(_context: ServerRequestContext, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=_TOOL_LIST)

    async def call_tool(_context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in _TOOL_SPECS:
            name = truncate_chars(params.name, 60)
            raise MCPError(INVALID_PARAMS, f"no tool {name!r}; the tools are {', '.join(_TOOL_SPECS)}")
        return await to_thread.run_sync(_call_tool, get_searcher, params.name, params.arguments or {})

    return Server(
        "papers",
        version=version("papers-search"),
        title="Papers",
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(_CACHE_TTL_MS, "public")},
        get_tool_input_schema=_INPUT_SCHEMAS.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _call_tool(get_searcher: Callable[[], Searcher], name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    tool = _TOOL_SPECS[name]
    try:
        answer = tool.handler(get_searcher().session(), tool.parse_arguments(arguments))
    except (InvalidValue, PaperNotFound) as error:
        return _error_result(str(error))
    except PapersError as error:
        _log.error("%s: %s", name, error)
        return _error_result("the index is unavailable; see the server log")
    except Exception:  # noqa: BLE001  # logged here; the agent gets the ID of the log line only
        request_id = os.urandom(12).hex()
        _log.exception("tool %s, request ID %s: unhandled exception", name, request_id)
        return _error_result(internal_error_detail(request_id))
    content = answer.structured.model_dump(mode="json")
    return CallToolResult(content=[TextContent(text=answer.text)], structured_content=content)


def _error_result(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=truncate_chars(message, 2_000))], is_error=True)


async def _run_stdio(searcher: Searcher) -> None:
    server = _create_server(lambda: searcher)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, _warm_up, searcher)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


def _warm_up(searcher: Searcher) -> None:
    """Loads the model while the client initializes. If that fails, each call reports it."""
    try:
        searcher.warm()
    except PapersError as error:
        _log.error("%s", error)
