//! Bytes of a vendor that speaks `OpenAI`'s Responses.

use serde_json::{Value, json};

/// The items of an answer: a thought and a message, whose ids end in `name`.
fn items(name: &str, text: &str) -> Value {
    json!([
        {"type": "reasoning", "id": format!("rs_{name}"), "summary": [], "encrypted_content": null},
        {"type": "message", "id": format!("msg_{name}"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]},
    ])
}

fn envelope(name: &str, status: &str, output: &Value) -> Value {
    json!({
        "id": format!("resp_{name}"), "object": "response", "created_at": 1, "status": status, "error": null,
        "incomplete_details": null, "model": "upstream-name", "output": output, "parallel_tool_calls": true,
        "tool_choice": "auto", "tools": [], "some_day": 1.50,
    })
}

fn counted(mut response: Value) -> Value {
    response["usage"] = json!({
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15,
    });
    response
}

/// An answer `resp_NAME` with 10 input and 5 output tokens.
pub(crate) fn answer(name: &str, text: &str) -> Value {
    counted(envelope(name, "completed", &items(name, text)))
}

/// An answer that calls a tool after a thought in cipher.
pub(crate) fn tool_call(tool: &str, arguments: &Value) -> Value {
    let output = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAthought"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_7", "name": tool,
            "arguments": arguments.to_string(), "status": "completed"},
    ]);
    counted(envelope("1", "completed", &output))
}

/// The events of a stream of `resp_NAME`, among them one that nobody knows.
pub(crate) fn stream(name: &str, words: &[&str]) -> Vec<String> {
    let output = items(name, &words.concat());
    let mut events = vec![
        json!({"type": "response.created", "response": envelope(name, "in_progress", &json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": output[0]}),
        json!({"type": "response.some_day", "what": "nobody knows"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": output[0]}),
        json!({"type": "response.output_item.added", "output_index": 1,
            "item": {"type": "message", "id": format!("msg_{name}"), "role": "assistant", "content": []}}),
    ];
    events.extend(words.iter().map(|word| {
        json!({"type": "response.output_text.delta", "item_id": format!("msg_{name}"), "output_index": 1,
            "content_index": 0, "delta": word, "logprobs": []})
    }));
    events.push(json!({"type": "response.output_item.done", "output_index": 1, "item": output[1]}));
    events.push(json!({"type": "response.completed",
        "response": counted(envelope(name, "completed", &output))}));
    let numbered = events.iter_mut().enumerate();
    numbered
        .map(|(number, event)| {
            event["sequence_number"] = json!(number);
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect()
}
