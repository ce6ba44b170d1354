"""A tiny scripted provider: the upstream model's name says how it behaves.

Speaks the OpenAI shape on loopback with the standard library only. Prints its
base URL on the first line and serves until it is killed.

    plain            a whole or streamed answer, usage included
    status-NNN       that HTTP status with an OpenAI error object
    cut              a stream that ends in the middle of an event
    broken           a stream that carries an error object after some content
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-upstream"
WORDS = ["Rivers ", "carry ", "water, ", "silt ", "and ", "배."]
USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}
MESSAGES = {400: "unsupported value", 401: "bad provider key", 429: "slow down", 500: "it broke"}


def completion(model, operation):
    text = "".join(WORDS)
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if operation == "chat":
        choice["message"] = {"role": "assistant", "content": text, "refusal": None}
    else:
        choice["text"] = text
    kind = "chat.completion" if operation == "chat" else "text_completion"
    return {"id": "cmpl-1", "object": kind, "created": 1, "model": model, "choices": [choice], "usage": USAGE}


def chunks(model, operation, with_usage):
    kind = "chat.completion.chunk" if operation == "chat" else "text_completion"
    head = {"id": "cmpl-1", "object": kind, "created": 1, "model": model}

    def chunk(text, finish=None):
        choice = {"index": 0, "finish_reason": finish, "logprobs": None}
        if operation == "chat":
            choice["delta"] = {"content": text} if text else {}
        else:
            choice["text"] = text
        return {**head, "choices": [choice]}

    yield from (chunk(word) for word in WORDS)
    yield chunk("", "stop")
    if with_usage:
        yield {**head, "choices": [], "usage": USAGE}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status):
        message = MESSAGES.get(status, "no")
        self.answer(status, {"error": {"message": message, "type": "scripted", "param": None, "code": f"s{status}"}})

    def do_GET(self):
        self.answer(200, {"object": "list", "data": [{"id": "plain", "object": "model", "created": 1, "owned_by": "us"}]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = request["model"]
        if self.headers.get("authorization") != f"Bearer {KEY}":
            return self.error(401)
        if model.startswith("status-"):
            return self.error(int(model.removeprefix("status-")))
        if self.path.endswith("/embeddings"):
            rows = [{"object": "embedding", "index": i, "embedding": [0.5, -0.25]} for i, _ in enumerate(request["input"])]
            usage = {"prompt_tokens": 4, "total_tokens": 4}
            return self.answer(200, {"object": "list", "model": model, "data": rows, "usage": usage})
        operation = "chat" if self.path.endswith("/chat/completions") else "completions"
        if request.get("stream"):
            return self.stream(model, operation, bool((request.get("stream_options") or {}).get("include_usage")))
        return self.answer(200, completion(model, operation))

    def stream(self, model, operation, with_usage):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for position, chunk in enumerate(chunks(model, operation, with_usage)):
            event = f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
            if model == "cut" and position == 3:
                self.wfile.write(event[: len(event) // 2])
                return
            if model == "broken" and position == 3:
                self.wfile.write(b'data: {"error":{"message":"it broke","type":"server_error","code":"boom"}}\n\n')
                return
            self.wfile.write(event)
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
