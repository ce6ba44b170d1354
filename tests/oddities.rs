//! Answers that are odd and can be used: they pass byte for byte, and are booked.

use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::Script;
use crate::support::upstream::Upstream;

fn choices(count: u32) -> Value {
    let choice = |index| json!({"index": index, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"});
    (0..count).map(choice).collect()
}

type Change = fn(&mut Value);

async fn assert_passes(name: &str, request: &Value, answer: &Value) {
    let upstream = Upstream::new(Script::json("200 OK", answer)).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let response = gateway.chat(request).await;
    assert_eq!(
        (response.status, response.text()),
        (200, answer.to_string()),
        "{name}"
    );
    let row = gateway.home.row().await;
    let facts = (&row["outcome"], &row["tokens"]["output"], &row["estimated"]);
    let booked = (&json!("complete"), &json!(5), &json!(false));
    assert_eq!(facts, booked, "{name}");
    assert_eq!(upstream.calls(), 1, "{name}");
}

// U-53, U-56, U-57, U-58
#[tokio::test]
async fn a_whole_answer_that_is_odd_passes_as_it_is_and_is_booked_by_its_usage() {
    let three = {
        let mut request = openai::chat();
        request["n"] = json!(3);
        request
    };
    for count in [1, 5] {
        let mut answer = openai::answer("");
        answer["choices"] = choices(count);
        assert_passes("another number of choices", &three, &answer).await;
    }
    let changes: [(&str, Change); 6] = [
        ("no id", |it| drop(it.as_object_mut().unwrap().remove("id"))),
        ("milliseconds", |it| {
            it["created"] = json!(1_795_521_600_123_u64);
        }),
        ("no time", |it| it["created"] = json!(0)),
        ("another model", |it| it["model"] = json!("gpt-other")),
        ("a refusal", |it| {
            it["choices"][0]["message"] =
                json!({"role": "assistant", "content": null, "refusal": "no"});
        }),
        ("a new reason", |it| {
            it["choices"][0]["finish_reason"] = json!("eos_token");
        }),
    ];
    for (name, change) in changes {
        let mut answer = openai::answer("hi");
        change(&mut answer);
        assert_passes(name, &openai::chat(), &answer).await;
    }
}

// U-50, U-51, U-52, U-54, U-57
#[tokio::test]
async fn a_stream_that_is_odd_passes_as_it_is_and_is_booked_by_its_usage() {
    let delta = |delta: Value| json!({"choices": [{"index": 0, "delta": delta}]});
    let call = |fields: Value| delta(json!({"tool_calls": [fields]}));
    let f = |arguments: Value| json!({"name": "f", "arguments": arguments});
    let ends =
        |reason: &str| json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
    let streams = [
        vec![
            call(json!({"id": "x", "function": f(json!("{\"a\":\"\\u00"))})),
            call(json!({"function": {"arguments": "e9\"}"}})),
        ],
        vec![
            call(json!({"index": 0, "id": "x", "function": f(json!(""))})),
            call(json!({"index": 5, "id": "x", "function": f(json!({"a": 1}))})),
        ],
        vec![call(json!({"index": "0", "function": f(Value::Null)}))],
        vec![
            json!({"choices": [], "prompt_filter_results": []}),
            delta(json!({"content": null})),
            delta(json!({"content": "hi"})),
            json!({"choices": null}),
        ],
    ];
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let mut count = 0;
    for mut events in streams {
        for reason in ["stop", "eos_token"] {
            events.push(ends(reason));
            let stream: String = events.iter().map(openai::event).collect();
            events.pop();
            let whole = format!("{stream}{}{DONE}", openai::usage_only(10, 5));
            upstream.then(Script::stream_of([&whole]));
            let response = gateway.chat(&openai::stream_chat()).await;
            assert_eq!(response.text(), format!("{stream}{DONE}"));
            count += 1;
        }
    }
    for row in gateway.home.rows(count).await {
        let facts = (&row["outcome"], &row["tokens"]["output"], &row["estimated"]);
        assert_eq!(facts, (&json!("complete"), &json!(5), &json!(false)));
    }
}

// U-47
#[tokio::test]
async fn a_count_of_nothing_is_not_believed_where_there_was_something() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let input = openai::ESTIMATED as u64;
    let cases = [
        ((0, 5), (input, 5), true),
        ((10, 0), (10, 3), true),
        ((0, 0), (input, 3), true),
        ((10, 5), (10, 5), false),
    ];
    for (told, booked, is_estimated) in cases {
        let mut answer = openai::answer("123456789");
        answer["usage"] = openai::usage(told.0, told.1);
        upstream.then(Script::json("200 OK", &answer));
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(response.text(), answer.to_string());
        let row = &gateway.home.recent(1).await[0];
        let tokens = &row["tokens"];
        let facts = (&tokens["input"], &tokens["output"], &row["estimated"]);
        assert_eq!(
            facts,
            (&json!(booked.0), &json!(booked.1), &json!(is_estimated)),
            "{told:?}"
        );
        assert_ne!(row["cost"], "0");
    }
}
