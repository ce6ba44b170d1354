"""Images, recordings, verdicts, files and batches of a scripted vendor.

A recording is heard as the number of its bytes, so that one which was not passed on whole shows.
"""

import email
import json

USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 5},
    "output_tokens": 7,
    "total_tokens": 12,
}
FILES = {}


def form(kind, body):
    """The fields of a form: texts, and files as lists of bytes."""
    parts = email.message_from_bytes(f"content-type: {kind}\r\n\r\n".encode() + body).get_payload()
    fields = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_filename() is None:
            fields[name] = content.decode()
        else:
            fields.setdefault(name, []).append(content)
    return fields


def respond(handler, content, kind="application/json", status=200):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def events(*values):
    return b"".join(f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode() for value in values)


def answer(handler):
    """Answers, if the path is one of these."""
    path = handler.path.partition("?")[0]
    endings = ("/images/", "/audio/", "/moderations", "/files", "/batches")
    if not any(f"/v1{ending}" in path for ending in endings):
        return False
    if handler.headers.get("authorization") != "Bearer sk-upstream":
        respond(handler, {"error": {"message": "wrong key", "type": "scripted"}}, status=401)
        return True
    body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
    kind = handler.headers.get("content-type") or ""
    request = form(kind, body) if kind.startswith("multipart/") else json.loads(body or b"{}")
    if "/files" in path or "/batches" in path:
        account(handler, path, request)
        return True
    assert request["model"] == "plain", request
    if "/images/" in path:
        picture(handler, path, request)
    elif path.endswith("/speech"):
        respond(handler, b"\xff\xfb" + b"sound" * 500_000, "audio/mpeg")
    elif "/audio/" in path:
        heard(handler, request)
    else:
        verdict = {"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}
        respond(handler, {"id": "modr-1", "model": "plain", "results": [verdict]})
    return True


def picture(handler, path, request):
    if path.endswith("/edits"):
        assert len(request["image[]"]) == 2, request.keys()
    if not request.get("stream"):
        return respond(handler, {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": USAGE})
    partial = {"type": "image_generation.partial_image", "b64_json": "AA", "partial_image_index": 0}
    completed = {"type": "image_generation.completed", "b64_json": "AAAA", "usage": USAGE}
    respond(handler, events(partial, completed), "text/event-stream")


def heard(handler, request):
    text = str(len(request["file"][0]))
    if request.get("stream") == "true":
        delta = {"type": "transcript.text.delta", "delta": text}
        done = {"type": "transcript.text.done", "text": text}
        return respond(handler, events(delta, done), "text/event-stream")
    if request.get("response_format") == "text":
        return respond(handler, text.encode(), "text/plain; charset=utf-8")
    duration = {"type": "duration", "seconds": 27}
    whole = {"text": text, "duration": 27, "language": "english", "task": "transcribe", "usage": duration}
    respond(handler, whole)


def account(handler, path, request):
    name = path.partition("/files")[2].strip("/").partition("/")[0]
    if "/batches" in path:
        batch = {"id": "batch_1", "object": "batch", "status": "validating", "created_at": 1, **request}
        return respond(handler, batch)
    if handler.command == "POST":
        FILES["file-1"] = request["file"][0]
        return respond(handler, described("file-1"))
    if name and name not in FILES:
        return respond(handler, {"error": {"message": "no such file", "type": "scripted"}}, status=404)
    if handler.command == "DELETE":
        del FILES[name]
        return respond(handler, {"id": name, "object": "file", "deleted": True})
    if path.endswith("/content"):
        return respond(handler, FILES[name], "application/octet-stream")
    respond(handler, {"object": "list", "data": [described(one) for one in FILES], "has_more": False})


def described(name):
    size = len(FILES[name])
    return {"id": name, "object": "file", "bytes": size, "created_at": 1, "filename": "a", "purpose": "batch", "status": "processed"}
