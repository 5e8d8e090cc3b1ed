"""Receivers on loopback that refuse what the real services refuse: method, path, token, type, fields, sizes, marks."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BOT_TOKEN = "12345678:" + "AbCdE-fGhIj_" * 2 + "kLmNoPqRsTu"
CHATS = {-1001234567890: {None, 42}, "@reports": {None}}
SLACK_PATH = "T0AAAAAAA/B0BBBBBBB/" + "c1D2e3F4g5H6" * 2
DISCORD_PATH = "123456789012345678/" + "AbCd-EfGh_1234567890" * 3
RESERVED = "_*[]()~`>#+-=|{}.!"


@dataclass(frozen=True)
class Answer:
    """What the next request gets instead of being looked at."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0


@dataclass
class ChatServers:
    """What arrived, and what is answered next. `texts` holds only what was taken."""

    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    next_answers: list[Answer] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def judge(self, path: str, content_type: str, key: str, raw: bytes) -> Answer:
        self.requests.append({"path": path, "key": key, "raw": raw.decode()})
        if self.next_answers:
            answer = self.next_answers.pop(0)
            self.stopped.wait(answer.delay_seconds)
            return answer
        if not content_type.startswith("application/json"):
            return Answer(400, f"not JSON but {content_type}")
        body = json.loads(raw)
        for prefix, service in (("/bot", telegram), ("/services/", slack), ("/api/webhooks/", discord)):
            if path.startswith(prefix):
                return service(self, path, body)
        return webhook(self, path, key, body)

    def take(self, text: str, body: dict[str, Any]) -> None:
        self.texts.append(text)
        self.bodies.append(body)


def telegram(server: ChatServers, path: str, body: dict[str, Any]) -> Answer:
    token, _, method = path.removeprefix("/bot").rpartition("/")
    if token != BOT_TOKEN:
        return _telegram_error(401, "Unauthorized")
    if method != "sendMessage":
        return _telegram_error(404, "Not Found")
    wrong = _wrong_chat(body) or _wrong_text(str(body.get("text", "")), body.get("parse_mode"))
    if wrong:
        return _telegram_error(400, f"Bad Request: {wrong}")
    server.take(body["text"], body)
    return Answer(200, json.dumps({"ok": True, "result": {"message_id": len(server.texts)}}))


def _wrong_chat(body: dict[str, Any]) -> str:
    chat = str(body.get("chat_id"))
    topics = CHATS.get(int(chat) if chat.lstrip("-").isdigit() else chat)
    if topics is None:
        return "chat not found"
    return "" if body.get("message_thread_id") in topics else "message thread not found"


def _wrong_text(text: str, parse_mode: object) -> str:
    if not text:
        return "message text is empty"
    if len(text.encode("utf-16-le")) // 2 > 4096:
        return "message is too long"
    wrong = markdown_v2_error(text) if parse_mode == "MarkdownV2" else "unknown parse mode"
    return f"can't parse entities: {wrong}" if wrong else ""


def _telegram_error(code: int, description: str) -> Answer:
    return Answer(code, json.dumps({"ok": False, "error_code": code, "description": description}))


def markdown_v2_error(text: str) -> str:
    """Why Telegram would refuse the text, after its rules for MarkdownV2; empty if it would not."""
    text = re.sub(r"\\[\x01-\x7e]", "x", text)
    text = re.sub(r"```[^`]*```|`[^`]+`", "", text)
    text = re.sub(r"\[[^\[\]]*\]\([^()]+\)", "", text)
    if text.count("*") % 2:
        return "Can't find end of Bold entity"
    text = re.sub(r"\*[^*]+\*", lambda match: match[0].strip("*"), text)
    found = next((character for character in text if character in RESERVED), "")
    return f"Character '{found}' is reserved and must be escaped with the preceding '\\'" if found else ""


def slack(server: ChatServers, path: str, body: dict[str, Any]) -> Answer:
    if path != f"/services/{SLACK_PATH}":
        return Answer(404, "no_service")
    blocks = [block for part in body.get("attachments", [body]) for block in part.get("blocks", [])]
    texts = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    if not texts:
        return Answer(400, "no_text")
    if any(len(text) > 3000 for text in texts):
        return Answer(400, "invalid_attachments")
    server.take("\n".join(texts), body)
    return Answer(200, "ok")


def discord(server: ChatServers, path: str, body: dict[str, Any]) -> Answer:
    if path.partition("?")[0] != f"/api/webhooks/{DISCORD_PATH}":
        return Answer(404, json.dumps({"message": "Unknown Webhook", "code": 10015}))
    content = str(body.get("content", ""))
    if not content:
        return Answer(400, json.dumps({"message": "Cannot send an empty message", "code": 50006}))
    if len(content) > 2000:
        return Answer(400, json.dumps({"content": ["Must be 2000 or fewer in length."]}))
    server.take(content, body)
    return Answer(204)


def webhook(server: ChatServers, path: str, key: str, body: dict[str, Any]) -> Answer:
    if path == "/apprise":  # what apprise's own json:// sends
        server.take(f"{body['title']}\n{body['message']}", body)
        return Answer(200)
    wanted = {"key", "title", "markdown", "session", "run_id", "outcome", "facts"}
    if set(body) != wanted or body["key"] != key:
        return Answer(422, f"fields {sorted(body)}, key {key!r}")
    if key not in server.keys:
        server.keys.append(key)
        server.take(f"{body['title']}\n{body['markdown']}", body)
    return Answer(202)


@contextmanager
def chat_servers() -> Iterator[ChatServers]:
    """All of them at one free port."""
    state = ChatServers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind, key = self.headers.get("Content-Type", ""), self.headers.get("Idempotency-Key", "")
            answer = state.judge(self.path, kind, key, raw)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body.encode())), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # some tests give up waiting
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port_that_refuses() -> int:
    """A port at which nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])
