"""A small server written with the official Python SDK: `notes.py http|sse` prints its address and serves until killed."""

import asyncio
import socket
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("notes")


@server.tool()
def add(a: int, b: int) -> int:
    return a + b


@server.tool()
async def count(steps: int, ctx: Context) -> str:
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps)
    return f"counted to {steps}"


@server.resource("notes://today")
def today() -> str:
    return "Water the plants."


@server.prompt()
def greet(name: str) -> str:
    return f"Say hello to {name}."


async def main() -> None:
    transport = sys.argv[1]
    app, path = {
        "http": (server.streamable_http_app, "/mcp"),
        "sse": (server.sse_app, "/sse"),
    }[transport]
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}{path}", flush=True)
    config = uvicorn.Config(app(), log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listener])


asyncio.run(main())
