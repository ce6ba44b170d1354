"""A tiny scripted provider: the upstream model's name says how it behaves, see turns.py.

Speaks OpenAI's dialect and, by the path that is asked, those of vendors.py, on loopback
with the standard library only. Prints its base URL on the first line and serves until
it is killed.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import embedders
import media
import sessions
import turns
from turns import INPUT, MESSAGES, OUTPUT, WORDS, Past, Wrong
from vendors import IDS, Anthropic, Bedrock, Cohere, Gemini, Invoke, Ollama, Responses, compact, halves

USAGE = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
# The word at which a stream is cut or breaks.
LATE = WORDS[3].encode()


class OpenAI:
    key_header, key = "authorization", "Bearer sk-upstream"
    stream_type = "text/event-stream"

    def __init__(self, path, request):
        self.model, self.is_stream = request["model"], bool(request.get("stream"))
        self.with_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        self.is_chat = path.endswith("/chat/completions")
        self.head = {"id": "cmpl-1", "created": 1, "model": self.model}

    def past(self, request):
        past = Past([tool["function"]["name"] for tool in request.get("tools", [])], [], [])
        for message in request.get("messages", []):
            for call in message.get("tool_calls", []):
                function = call["function"]
                past.calls.append((call["id"], (function["name"], json.loads(function["arguments"]))))
            if message["role"] == "tool":
                past.results.append((message["tool_call_id"], message["content"]))
            past.thoughts += message.get("reasoning_content") or ""
        return past

    def kind(self, suffix=""):
        return {"object": f"chat.completion{suffix}" if self.is_chat else "text_completion"}

    def reason(self, turn):
        return "tool_calls" if turn.calls else "stop"

    def call(self, name, arguments):
        return {"id": f"call_{next(IDS)}", "type": "function", "function": {"name": name, "arguments": arguments}}

    def whole(self, turn):
        text = "".join(turn.words)
        choice = {"index": 0, "finish_reason": self.reason(turn), "logprobs": None}
        if self.is_chat:
            message = {"role": "assistant", "content": text or None, "refusal": None}
            calls = [self.call(name, compact(arguments)) for name, arguments in turn.calls]
            message |= {"tool_calls": calls} if calls else {}
            message |= {"reasoning_content": "".join(turn.thought)} if turn.thought else {}
            choice["message"] = message
        else:
            choice["text"] = text
        return {**self.head, **self.kind(), "choices": [choice], "usage": USAGE}

    def deltas(self, turn):
        yield from ({"reasoning_content": text} for text in turn.thought)
        yield from ({"content": word} for word in turn.words)
        for index, (name, arguments) in enumerate(turn.calls):
            yield {"tool_calls": [{"index": index, **self.call(name, "")}]}
            # Some servers say nothing where there are no arguments.
            text = compact(arguments) if arguments else ""
            for part in filter(None, halves(text)):
                yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}

    def chunk(self, delta, finish=None):
        choice = {"index": 0, "finish_reason": finish, "logprobs": None}
        choice |= {"delta": delta} if self.is_chat else {"text": delta.get("content", "")}
        return {**self.head, **self.kind(".chunk"), "choices": [choice]}

    def frames(self, turn):
        yield from (self.frame(self.chunk(delta)) for delta in self.deltas(turn))
        yield self.frame(self.chunk({}, self.reason(turn)))
        if self.with_usage:
            yield self.frame({**self.head, **self.kind(".chunk"), "choices": [], "usage": USAGE})
        yield b"data: [DONE]\n\n"

    def frame(self, value):
        return f"data: {compact(value)}\n\n".encode()

    def broken(self):
        return self.frame({"error": {"message": "it broke", "type": "server_error", "code": "boom"}})

    def error(self, status, message):
        return {}, {"error": {"message": message, "type": "scripted", "param": None, "code": f"s{status}"}}


# Where tokens are counted, and the field of the answer.
COUNTS = {"/count_tokens": "input_tokens", "/tokenize": "count", ":countTokens": "totalTokens"}


def dialect(path, request):
    """The vendor whose address this is."""
    endings = {
        "/messages": Anthropic,
        "/count_tokens": Anthropic,
        "/api/chat": Ollama,
        "/converse": Bedrock,
        "/converse-stream": Bedrock,
        "/responses": Responses,
        "/api/embed": Ollama,
        "/invoke": Bedrock,
        "/v2/embed": Cohere,
        "/v2/rerank": Cohere,
        ":batchEmbedContents": Gemini,
    }
    if "claude" in path and path.endswith(("/invoke", "/invoke-with-response-stream")):
        return Invoke(path, request)
    for ending, vendor in endings.items():
        if path.endswith(ending):
            return vendor(path, request)
    return (Gemini if "enerateContent" in path or "countTokens" in path else OpenAI)(path, request)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    say = staticmethod(turns.turn)

    def log_message(self, *_):
        pass

    def answer(self, status, value, headers={}):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if sessions.answer(self) or media.answer(self):
            return None
        if "/responses/" in self.path:
            return self.kept(lambda name, part: Responses.kept[name][1] if part else Responses.kept[name][0])
        return self.answer(200, {"object": "list", "data": [{"id": "plain", "object": "model", "created": 1, "owned_by": "us"}]})

    def do_DELETE(self):
        if media.answer(self):
            return

        def delete(name, _):
            del Responses.kept[name]
            return {"id": name, "object": "response", "deleted": True}

        self.kept(delete)

    def kept(self, ask):
        """Answers about a response that was kept."""
        name, _, part = self.path.partition("?")[0].partition("/responses/")[2].partition("/")
        if self.headers.get(Responses.key_header) != Responses.key:
            return self.answer(401, {"error": {"message": MESSAGES[401], "type": "scripted", "param": None, "code": None}})
        if name not in Responses.kept:
            return self.answer(404, {"error": {"message": "no", "type": "scripted", "param": None, "code": None}})
        found = ask(name, part)
        if isinstance(found, list):
            items = [{"id": f"item_{at}", "status": "completed", **item} for at, item in enumerate(found)]
            found = {"object": "list", "data": items, "has_more": False, "first_id": None, "last_id": None}
        return self.answer(200, found)

    def do_POST(self):
        if media.answer(self):
            return None
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        vendor = dialect(self.path, request)

        def fail(status, message):
            headers, body = vendor.error(status, message)
            self.answer(status, body, headers)

        if self.headers.get(vendor.key_header) != vendor.key:
            return fail(401, MESSAGES[401])
        if vendor.model.startswith("status-"):
            status = int(vendor.model.removeprefix("status-"))
            return fail(status, MESSAGES.get(status, "no"))
        if self.path.endswith("/embeddings"):
            return self.embeddings(request)
        for ending, field in COUNTS.items():
            if self.path.endswith(ending):
                return self.answer(200, {field: INPUT})
        embed = next((answer for ending, answer in embedders.ANSWERS.items() if self.path.endswith(ending)), None)
        try:
            if embed:
                return self.answer(200, embed(unquote(self.path), request))
            turn = self.say(vendor.model, request, vendor.past(request))
        except (Wrong, KeyError, TypeError, ValueError) as error:
            return fail(400, f"{type(error).__name__}: {error}")
        if vendor.is_stream:
            return self.stream(vendor, turn)
        return self.answer(200, vendor.whole(turn))

    def embeddings(self, request):
        rows = [{"object": "embedding", "index": i, "embedding": [0.5, -0.25]} for i, _ in enumerate(request["input"])]
        usage = {"prompt_tokens": 4, "total_tokens": 4}
        self.answer(200, {"object": "list", "model": request["model"], "data": rows, "usage": usage})

    def stream(self, vendor, turn):
        self.send_response(200)
        self.send_header("content-type", vendor.stream_type)
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for frame in vendor.frames(turn):
            is_late = LATE in frame
            if is_late and vendor.model == "cut":
                self.wfile.write(frame[: len(frame) // 2])
                return
            if is_late and vendor.model == "broken":
                self.wfile.write(vendor.broken())
                return
            self.wfile.write(frame)
            self.wfile.flush()


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    serve(Handler)
