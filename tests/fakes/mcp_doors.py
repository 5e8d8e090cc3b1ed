"""A small MCP server with one tool, `open`, by standard input and output (run this file) or by HTTP."""

import http.server
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOOLS = [
    {"name": name, "description": f"{name.capitalize()} a door.", "inputSchema": {"type": "object", "properties": {}}}
    for name in ("open", "shut")
]


def reply(asked: dict[str, Any]) -> dict[str, Any] | None:
    """The answer to one message; None to one that wants none."""
    if "id" not in asked:
        return None
    answers: dict[str, Any] = {
        "initialize": {
            "protocolVersion": asked.get("params", {}).get("protocolVersion", "2025-06-18"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "door", "version": "1"},
        },
        "tools/list": {"tools": TOOLS},
        "tools/call": {
            "content": [{"type": "text", "text": f"The {os.environ.get('DOOR_NAME', 'nameless')} is open."}]
        },
    }
    if asked["method"] not in answers:
        return {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "there is no such method"}}
    return {"jsonrpc": "2.0", "id": asked["id"], "result": answers[asked["method"]]}


class Doors(http.server.BaseHTTPRequestHandler):
    """Answers each message with one; keeps the credentials that came with it."""

    seen: list[str]

    def do_POST(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        answer = reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps(answer).encode() if answer else b""
        self.send_response(200 if answer else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_error(405)

    do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def open_http_doors() -> Iterator[tuple[str, list[str]]]:
    """The server's address, and the credentials it has seen."""
    handler = type("Seen", (Doors,), {"seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp", handler.seen
        server.shutdown()
        thread.join()


def main() -> None:
    """Serve on standard input and output; says its process id and environment in the file that is named."""
    Path(sys.argv[1]).write_text(json.dumps({"pid": os.getpid(), "environment": dict(os.environ)}))
    for line in sys.stdin:
        if answer := reply(json.loads(line)):
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
