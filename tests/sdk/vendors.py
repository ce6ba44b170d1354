"""The scripted upstream as Anthropic, Gemini, Bedrock, Ollama, Cohere and OpenAI's Responses.

Each class writes a turn as its vendor does, whole or in frames, and reads what a
request says of the past as strictly as the vendor would.
"""

import itertools
import json
import struct
from base64 import b64encode
from urllib.parse import unquote
from zlib import crc32

from turns import INPUT, OUTPUT, Past, Wrong


# Agents lose a call whose id they have seen before.
IDS = itertools.count()


def compact(value):
    return json.dumps(value, ensure_ascii=False)


def halves(text):
    return [text[: len(text) // 2], text[len(text) // 2 :]]


class Anthropic:
    key_header, key = "x-api-key", "sk-anthropic"
    stream_type = "text/event-stream; charset=utf-8"
    types = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}

    def __init__(self, path, request):
        self.model, self.is_stream = request["model"], request.get("stream", False)

    def past(self, request):
        past = Past([tool["name"] for tool in request.get("tools", [])], [], [])
        for message in request["messages"]:
            blocks = message["content"]
            blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
            for block in blocks:
                if block["type"] == "tool_use":
                    past.calls.append((block["id"], (block["name"], block["input"])))
                elif block["type"] == "tool_result":
                    content = block["content"]
                    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
                    past.results.append((block["tool_use_id"], text))
                elif block["type"] == "thinking":
                    if block["signature"] != "sig-claude":
                        raise Wrong("Invalid `signature` in `thinking` block")
                    past.thoughts += block["thinking"]
        turns = [message["role"] for message in request["messages"]]
        if any(turn == after for turn, after in zip(turns, turns[1:])):
            raise Wrong(f"roles must alternate: {turns}")
        return past

    def blocks(self, turn):
        if turn.thought:
            yield {"type": "thinking", "thinking": "".join(turn.thought), "signature": "sig-claude"}
        if turn.words:
            yield {"type": "text", "text": "".join(turn.words)}
        for name, arguments in turn.calls:
            yield {"type": "tool_use", "id": f"toolu_{next(IDS)}", "name": name, "input": arguments}

    def message(self, turn, content, reason):
        usage = {"input_tokens": INPUT, "output_tokens": OUTPUT if reason else 1}
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model}
        return {**head, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}

    def reason(self, turn):
        return "tool_use" if turn.calls else "end_turn"

    def whole(self, turn):
        return self.message(turn, list(self.blocks(turn)), self.reason(turn))

    def events(self, turn):
        yield {"type": "message_start", "message": self.message(turn, [], None)}
        yield {"type": "ping"}
        for index, block in enumerate(self.blocks(turn)):
            kind = block["type"]
            if kind == "thinking":
                start = {"type": kind, "thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": text} for text in turn.thought]
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            elif kind == "text":
                start = {"type": kind, "text": ""}
                deltas = [{"type": "text_delta", "text": word} for word in turn.words]
            else:
                start = {**block, "input": {}}
                # A call without arguments has no fragment at all.
                text = compact(block["input"]) if block["input"] else ""
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in halves(text) if part]
            yield {"type": "content_block_start", "index": index, "content_block": start}
            for delta in deltas:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        delta = {"stop_reason": self.reason(turn), "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT}}
        yield {"type": "message_stop"}

    def frame(self, event):
        return f"event: {event['type']}\ndata: {compact(event)}\n\n".encode()

    def frames(self, turn):
        return map(self.frame, self.events(turn))

    def broken(self):
        return self.frame(self.error(529, "it broke")[1])

    def error(self, status, message):
        kind = self.types.get(status, "api_error")
        return {"request-id": "req_1"}, {"type": "error", "error": {"type": kind, "message": message}}


class Gemini:
    key_header, key = "x-goog-api-key", "sk-gemini"
    stream_type = "text/event-stream"
    states = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}

    def __init__(self, path, request):
        name, _, method = path.rsplit("/", 1)[1].partition(":")
        self.model, self.is_stream = unquote(name), method == "streamGenerateContent?alt=sse"

    def past(self, request):
        tools = [tool["name"] for group in request.get("tools", []) for tool in group["functionDeclarations"]]
        past = Past(tools, [], [])
        for content in request["contents"]:
            for part in content["parts"]:
                if "functionCall" in part:
                    call = part["functionCall"]
                    # The first of parallel calls carries the proof of the thought that led to them.
                    if not past.calls and part.get("thoughtSignature") != "c2lnLWdlbWluaQ==":
                        raise Wrong("Function call is missing a thought_signature")
                    past.calls.append((call["name"], (call["name"], call.get("args", {}))))
                elif "functionResponse" in part:
                    response = part["functionResponse"]
                    past.results.append((response["name"], "".join(map(str, response["response"].values()))))
                elif part.get("thought"):
                    past.thoughts += part["text"]
        return past

    def parts(self, turn):
        yield from ({"text": text, "thought": True} for text in turn.thought)
        yield from ({"text": word} for word in turn.words)
        for position, (name, arguments) in enumerate(turn.calls):
            call = {"name": name, "args": arguments}
            yield {"functionCall": call, **({} if position else {"thoughtSignature": "c2lnLWdlbWluaQ=="})}

    def answer(self, parts, is_last):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        # Calls end with STOP like everything else.
        candidate |= {"finishReason": "STOP"} if is_last else {}
        usage = {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": self.model, "responseId": "r1"}

    def whole(self, turn):
        return self.answer(list(self.parts(turn)), True)

    def frames(self, turn):
        parts = list(self.parts(turn))
        for position, part in enumerate(parts, 1):
            yield f"data: {compact(self.answer([part], position == len(parts)))}\r\n\r\n".encode()

    def broken(self):
        return f"data: {compact(self.error(503, 'it broke')[1])}\r\n\r\n".encode()

    def error(self, status, message):
        return {}, {"error": {"code": status, "message": message, "status": self.states.get(status, "UNAVAILABLE")}}


class Bedrock:
    key_header, key = "authorization", "Bearer sk-bedrock"
    stream_type = "application/vnd.amazon.eventstream"
    names = {400: "ValidationException", 401: "AccessDeniedException", 429: "ThrottlingException"}

    def __init__(self, path, request):
        _, model, operation = path.rsplit("/", 2)
        self.model, self.is_stream = unquote(model), operation == "converse-stream"

    def past(self, request):
        tools = request.get("toolConfig", {}).get("tools", [])
        past = Past([tool["toolSpec"]["name"] for tool in tools], [], [])
        for message in request["messages"]:
            for block in message["content"]:
                if "toolUse" in block:
                    use = block["toolUse"]
                    past.calls.append((use["toolUseId"], (use["name"], use["input"])))
                elif "toolResult" in block:
                    result = block["toolResult"]
                    past.results.append((result["toolUseId"], "".join(part["text"] for part in result["content"])))
                elif "reasoningContent" in block:
                    past.thoughts += block["reasoningContent"]["reasoningText"]["text"]
        if past.calls and not tools:
            raise Wrong("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        return past

    def usage(self):
        return {"inputTokens": INPUT, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT}

    def reason(self, turn):
        return "tool_use" if turn.calls else "end_turn"

    def whole(self, turn):
        content = []
        if turn.thought:
            thought = {"text": "".join(turn.thought), "signature": "sig-bedrock"}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if turn.words:
            content.append({"text": "".join(turn.words)})
        for name, arguments in turn.calls:
            content.append({"toolUse": {"toolUseId": f"tooluse_{next(IDS)}", "name": name, "input": arguments}})
        output = {"message": {"role": "assistant", "content": content}}
        return {"output": output, "stopReason": self.reason(turn), "usage": self.usage(), "metrics": {"latencyMs": 1}}

    def blocks(self, turn):
        """Each block as its start, if it has one, and its deltas."""
        if turn.thought:
            deltas = [{"reasoningContent": {"text": text}} for text in turn.thought]
            yield None, [*deltas, {"reasoningContent": {"signature": "sig-bedrock"}}]
        if turn.words:
            yield None, [{"text": word} for word in turn.words]
        for name, arguments in turn.calls:
            text = compact(arguments) if arguments else ""
            start = {"toolUse": {"toolUseId": f"tooluse_{next(IDS)}", "name": name}}
            yield start, [{"toolUse": {"input": part}} for part in halves(text) if part]

    def frames(self, turn):
        yield self.frame("event", "messageStart", {"role": "assistant", "p": "abc"})
        for index, (start, deltas) in enumerate(self.blocks(turn)):
            place = {"contentBlockIndex": index, "p": "abcdef"}
            if start:
                yield self.frame("event", "contentBlockStart", {**place, "start": start})
            for delta in deltas:
                yield self.frame("event", "contentBlockDelta", {**place, "delta": delta})
            yield self.frame("event", "contentBlockStop", place)
        yield self.frame("event", "messageStop", {"stopReason": self.reason(turn)})
        yield self.frame("event", "metadata", {"usage": self.usage(), "metrics": {"latencyMs": 1}})

    def frame(self, kind, name, value):
        named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
        headers = b""
        for key, text in named.items():
            headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        payload = compact(value).encode()
        prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
        frame = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
        return frame + struct.pack(">I", crc32(frame))

    def broken(self):
        return self.frame("exception", "modelStreamErrorException", {"message": "it broke"})

    def error(self, status, message):
        name = self.names.get(status, "InternalServerException")
        return {"x-amzn-errortype": f"{name}:http://internal.amazon.com/"}, {"message": message}


class Invoke(Anthropic):
    """Anthropic's API as Bedrock has it: the model in the path, events in frames."""

    key_header, key = Bedrock.key_header, Bedrock.key
    stream_type, names = Bedrock.stream_type, Bedrock.names
    error = Bedrock.error

    def __init__(self, path, request):
        _, model, operation = path.rsplit("/", 2)
        self.model, self.is_stream = unquote(model), operation == "invoke-with-response-stream"

    def past(self, request):
        if request.get("anthropic_version") != "bedrock-2023-05-31" or {"model", "stream"} & set(request):
            raise Wrong("malformed input request")
        return super().past(request)

    def frame(self, event):
        piece = b64encode(compact(event).encode()).decode()
        return Bedrock.frame(self, "event", "chunk", {"bytes": piece, "p": "abc"})

    def broken(self):
        return Bedrock.frame(self, "exception", "modelStreamErrorException", {"message": "it broke"})


class Ollama:
    key_header, key = "authorization", "Bearer sk-ollama"
    stream_type = "application/x-ndjson"

    def __init__(self, path, request):
        self.model, self.is_stream = request["model"], request.get("stream", True)

    def past(self, request):
        past = Past([tool["function"]["name"] for tool in request.get("tools", [])], [], [])
        for message in request["messages"]:
            for call in message.get("tool_calls", []):
                function = call["function"]
                if not isinstance(function["arguments"], dict):
                    raise Wrong("json: cannot unmarshal string into Go struct field of type api.ToolCallFunctionArguments")
                past.calls.append((function["name"], (function["name"], function["arguments"])))
            if message["role"] == "tool":
                past.results.append((message["tool_name"], message["content"]))
            past.thoughts += message.get("thinking", "")
        return past

    def line(self, message, reason=None):
        head = {"model": self.model, "created_at": "2026-01-01T00:00:00.5Z", "message": {"role": "assistant", **message}}
        if reason is None:
            return {**head, "done": False}
        spent = {"total_duration": 9, "load_duration": 1, "prompt_eval_duration": 3, "eval_duration": 4}
        return {**head, "done": True, "done_reason": reason, **spent, "prompt_eval_count": INPUT, "eval_count": OUTPUT}

    def calls(self, turn):
        functions = ({"index": index, "name": name, "arguments": it} for index, (name, it) in enumerate(turn.calls))
        return {"tool_calls": [{"function": function} for function in functions]} if turn.calls else {}

    def whole(self, turn):
        thinking = {"thinking": "".join(turn.thought)} if turn.thought else {}
        return self.line({"content": "".join(turn.words), **thinking, **self.calls(turn)}, "stop")

    def frames(self, turn):
        lines = [self.line({"content": "", "thinking": text}) for text in turn.thought]
        lines += [self.line({"content": word}) for word in turn.words]
        lines += [self.line({"content": "", **self.calls(turn)})] if turn.calls else []
        for line in [*lines, self.line({"content": ""}, "stop")]:
            yield f"{compact(line)}\n".encode()

    def broken(self):
        return f"{compact(self.error(500, 'it broke')[1])}\n".encode()

    def error(self, status, message):
        return {}, {"error": message}


class Cohere:
    """Its own API; its chats are OpenAI's."""

    key_header, key = "authorization", "Bearer sk-cohere"

    def __init__(self, path, request):
        self.model = request["model"]

    def error(self, status, message):
        return {}, {"id": "1", "message": message}


class Responses:
    """Keeps what it answers, for everybody who names it: whose it is, the vendor does not know."""

    key_header, key = "authorization", "Bearer sk-openai"
    stream_type = "text/event-stream"
    numbers = itertools.count()
    # By id: the response, the items of its input, and all items of the conversation.
    kept = {}

    def __init__(self, path, request):
        # A name that ends so is there only through Responses.
        self.model, self.is_stream = request["model"].removesuffix("-pro"), request.get("stream", False)
        self.id = f"resp_{next(self.numbers):x}abc"
        self.is_kept, self.previous = request.get("store", True), request.get("previous_response_id")
        self.request = request

    def conversation(self):
        given = self.request["input"]
        self.own = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else given
        if self.previous and self.previous not in self.kept:
            raise Wrong(f"Previous response with id '{self.previous}' not found.")
        return [*(self.kept[self.previous][2] if self.previous else []), *self.own]

    def past(self, request):
        past = Past([tool["name"] for tool in request.get("tools", [])], [], [])
        for item in self.conversation():
            if item["type"] == "function_call":
                past.calls.append((item["call_id"], (item["name"], json.loads(item["arguments"]))))
            elif item["type"] == "function_call_output":
                past.results.append((item["call_id"], item["output"]))
            elif item["type"] == "reasoning":
                if item.get("encrypted_content") != "gAAAsea":
                    raise Wrong(f"Item with id '{item.get('id')}' not found.")
                past.thoughts += "".join(part["text"] for part in item["summary"])
        return past

    def output(self, turn):
        tail = self.id.removeprefix("resp_")
        if turn.thought:
            summary = [{"type": "summary_text", "text": "".join(turn.thought)}]
            yield {"type": "reasoning", "id": f"rs_{tail}", "summary": summary, "encrypted_content": "gAAAsea"}
        if turn.words:
            part = {"type": "output_text", "text": "".join(turn.words), "annotations": [], "logprobs": []}
            head = {"type": "message", "id": f"msg_{tail}", "role": "assistant", "status": "completed"}
            yield {**head, "content": [part]}
        for position, (name, arguments) in enumerate(turn.calls):
            ids = {"id": f"fc_{tail}{position}", "call_id": f"call_{tail}{position}"}
            yield {"type": "function_call", **ids, "name": name, "arguments": compact(arguments), "status": "completed"}

    def response(self, output, status="completed"):
        usage = {
            "input_tokens": INPUT,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": INPUT + OUTPUT,
        }
        echoed = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": self.request.get("tools", [])}
        head = {"id": self.id, "object": "response", "created_at": 1, "status": status, "model": self.model}
        more = {"error": None, "incomplete_details": None, "previous_response_id": self.previous, "metadata": {}}
        return {**head, **more, **echoed, "output": output, "usage": usage if status == "completed" else None}

    def keep(self, response):
        if self.is_kept:
            whole = [*self.conversation(), *response["output"]]
            self.kept[self.id] = response, self.own, whole
        return response

    def whole(self, turn):
        return self.keep(self.response(list(self.output(turn))))

    def events(self, turn):
        yield {"type": "response.created", "response": self.response([], "in_progress")}
        output = list(self.output(turn))
        for index, item in enumerate(output):
            place = {"output_index": index, "item_id": item["id"]}
            if item["type"] == "reasoning":
                place |= {"summary_index": 0}
                yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "summary": []}}
                part = {"type": "summary_text", "text": ""}
                yield {"type": "response.reasoning_summary_part.added", **place, "part": part}
                for text in turn.thought:
                    yield {"type": "response.reasoning_summary_text.delta", **place, "delta": text}
                yield {"type": "response.reasoning_summary_text.done", **place, "text": "".join(turn.thought)}
                yield {"type": "response.reasoning_summary_part.done", **place, "part": item["summary"][0]}
            elif item["type"] == "message":
                place |= {"content_index": 0}
                yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "content": []}}
                part = {**item["content"][0], "text": ""}
                yield {"type": "response.content_part.added", **place, "part": part}
                for word in turn.words:
                    yield {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
                text = {"text": "".join(turn.words), "logprobs": []}
                yield {"type": "response.output_text.done", **place, **text}
                yield {"type": "response.content_part.done", **place, "part": item["content"][0]}
            else:
                yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "arguments": ""}}
                for part in halves(item["arguments"]):
                    yield {"type": "response.function_call_arguments.delta", **place, "delta": part}
                done = {"name": item["name"], "arguments": item["arguments"]}
                yield {"type": "response.function_call_arguments.done", **place, **done}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        yield {"type": "response.completed", "response": self.keep(self.response(output))}

    def frames(self, turn):
        for number, event in enumerate(self.events(turn)):
            yield self.frame({**event, "sequence_number": number})

    def frame(self, event):
        return f"event: {event['type']}\ndata: {compact(event)}\n\n".encode()

    def broken(self):
        return self.frame({"type": "error", "code": "boom", "message": "it broke", "param": None, "sequence_number": 9})

    def error(self, status, message):
        return {}, {"error": {"message": message, "type": "scripted", "param": None, "code": f"s{status}"}}
