"""A model provider on 127.0.0.1, for the loops of docs/models.md: its API by path, its model by rote.

The model calls one tool, whatever was asked, and then says what the tool answered. Every request is held to the types
of the provider's SDK, by `models_judges`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.genai import types as gemini
from models_answers import anthropic_message, gemini_response, llama_response, openai_completion, openai_response
from models_judges import judge, judge_messages

Tree = dict[str, Any]


class Provider:
    """What was asked, and what to call."""

    def __init__(self, form: str, tool: str, arguments: Tree) -> None:
        self.form, self.tool, self.arguments = form, tool, arguments
        self.requests: list[Tree] = []
        self.wrong: list[str] = []
        self.url = ""

    def answer(self, request: Tree) -> Tree:
        self.requests.append(request)
        judge(self.form, TOOLS.get(self.form, lambda tools: tools)(request["tools"]))
        results = RESULTS[self.form](request)
        judge_messages(self.form, results)
        if not results:
            return dump(CALLING[self.form](("crm__nobody", {}), (self.tool, self.arguments)))
        return FINAL[self.form](f"It said: {json.dumps(results[-1], ensure_ascii=False)}")


def dump(answer: Any) -> Tree:
    tree: Tree = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    return tree


# The SDK of Gemini spells members in both ways, as its API takes both.
TOOLS: dict[str, Callable[[Any], Any]] = {"gemini": lambda tools: [dump(gemini.Tool.model_validate(t)) for t in tools]}
CALLING: dict[str, Callable[..., Any]] = {
    "anthropic": anthropic_message,
    "openai": openai_completion,
    "openai-responses": openai_response,
    "gemini": gemini_response,
    "llama": llama_response,
}
RESULTS: dict[str, Callable[[Tree], list[Tree]]] = {
    "anthropic": lambda request: [one for one in request["messages"][1:] if one["role"] == "user"],
    "openai": lambda request: [one for one in request["messages"] if one["role"] == "tool"],
    "openai-responses": lambda request: [one for one in request["input"] if one.get("type") == "function_call_output"],
    "gemini": lambda request: [one for one in request["contents"][1:] if one["role"] == "user"],
    "llama": lambda request: [one for one in request["messages"] if one["role"] == "tool"],
}


def _anthropic(text: str) -> Tree:
    message = dump(anthropic_message())
    return {**message, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}


def _openai(text: str) -> Tree:
    completion = dump(openai_completion())
    completion["choices"][0]["message"] = {"role": "assistant", "content": text}
    return completion


def _responses(text: str) -> Tree:
    said = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [said]}
    return {**dump(openai_response()), "output": [message]}


def _gemini(text: str) -> Tree:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}


def _llama(text: str) -> Tree:
    return {"completion_message": {"role": "assistant", "content": text, "stop_reason": "stop"}}


FINAL: dict[str, Callable[[str], Tree]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "openai-responses": _responses,
    "gemini": _gemini,
    "llama": _llama,
}


@contextmanager
def providing(form: str, tool: str, arguments: Tree) -> Iterator[Provider]:
    provider = Provider(form, tool, arguments)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, answer = 200, provider.answer(request)
            except Exception as error:  # noqa: BLE001 - whatever a judge raises is told to the test
                provider.wrong.append(f"{error!r} for {json.dumps(request)[:2000]}")
                status, answer = 400, {"error": {"message": str(error)[:500]}}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        provider.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join(10)
