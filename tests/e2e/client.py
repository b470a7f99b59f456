"""The official Python client against Usher, with a login in a real browser where one is asked for.

Reads its task as JSON on standard input and writes what it saw as one JSON line. `USHER_E2E_NODE` is the Node.js that
runs `login.mjs`.
"""

import asyncio
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

REDIRECT_URI = "http://127.0.0.1:5599/callback"
task = json.load(sys.stdin)
seen = {"logins": 0, "consent": [], "scopes": []}


class Storage:
    """Tokens and registration, in memory."""

    def __init__(self, client):
        self.client, self.tokens = client, None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens
        seen["scopes"].append(tokens.scope)
        seen["refreshes"] = len(seen["scopes"]) - seen["logins"]

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client
        seen["registered"] = client.client_id


class Person:
    """Who is sent to the issuer and comes back."""

    async def go(self, url):
        seen["logins"] += 1
        login = {
            "url": url,
            "redirectUri": REDIRECT_URI,
            "name": f"{task['name']}-{seen['logins']}",
            **{key: task[key] for key in ("user", "password", "screenshots")},
        }
        node = await asyncio.create_subprocess_exec(
            os.environ["USHER_E2E_NODE"], "login.mjs", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await node.communicate(json.dumps(login).encode())
        back = json.loads(output)
        seen["consent"].append(back["asked"])
        self.back = {name: values[0] for name, values in parse_qs(urlsplit(back["address"]).query).items()}

    async def come_back(self):
        if "error" in self.back:
            seen["refused"] = self.back["error"]
            raise RuntimeError(f"the issuer answers {self.back}")
        return AuthorizationCodeResult(
            code=self.back["code"], state=self.back.get("state"), iss=self.back.get("iss")
        )


async def main():
    metadata = OAuthClientMetadata(
        client_name=task["name"],
        redirect_uris=[REDIRECT_URI],
        token_endpoint_auth_method="none",
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
    )
    client = None
    if task.get("client_id"):
        client = OAuthClientInformationFull(
            client_id=task["client_id"], redirect_uris=[REDIRECT_URI], token_endpoint_auth_method="none"
        )
    person = Person()
    auth = OAuthClientProvider(task["url"], metadata, Storage(client), person.go, person.come_back)
    async with httpx2.AsyncClient(auth=auth, timeout=60, trust_env=False, follow_redirects=True) as http:
        transport = streamable_http_client(task["url"], http_client=http)
        async with Client(transport, mode="auto" if task["modern"] else "legacy") as mcp:
            seen["version"] = mcp.protocol_version
            seen["tools"] = [tool.name for tool in (await mcp.list_tools()).tools]
            found = (await mcp.call_tool("search", {"query": "lemon"})).structured_content
            seen["search"] = found
            fetch = {"id": found["results"][0]["id"]}
            seen["fetch"] = (await mcp.call_tool("fetch", fetch)).structured_content
            if task["wait_seconds"]:
                await asyncio.sleep(task["wait_seconds"])
                seen["after_expiry"] = (await mcp.call_tool("fetch", fetch)).structured_content["id"]


try:
    asyncio.run(main())
except* RuntimeError:
    # What the issuer refused is something seen.
    if "refused" not in seen:
        raise
print(json.dumps(seen))
