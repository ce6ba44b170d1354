//! Images, recordings and verdicts: forms that stream, answers of any kind, one row each.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, sum};
use crate::support::script::{Gate, Script, chunk};
use crate::support::upstream::{Upstream, dead_address};

const IMAGES: &str = "/v1/images/generations";
const EDITS: &str = "/v1/images/edits";
const SPEECH: &str = "/v1/audio/speech";
const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";
const FORM: &str = "multipart/form-data; boundary=bOund";
const MIB: usize = 1024 * 1024;

fn image() -> Value {
    json!({"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {
        "input_tokens": 50, "input_tokens_details": {"image_tokens": 0, "text_tokens": 50},
        "output_tokens": 1000, "total_tokens": 1050}})
}

fn transcript() -> Value {
    json!({"text": "hi", "usage": {"type": "duration", "seconds": 27}})
}

fn field(name: &str, value: &str) -> Vec<u8> {
    let head = format!("--bOund\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    [head.as_bytes(), value.as_bytes(), b"\r\n"].concat()
}

fn file(content: &[u8]) -> Vec<u8> {
    let head = "--bOund\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n";
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--bOund--\r\n".to_vec()].concat()
}

fn post_form(target: &str, body: impl Into<Bytes>) -> Request {
    Request::post(target, body)
        .without("content-type")
        .header("content-type", FORM)
}

fn renamed(body: &[u8]) -> Vec<u8> {
    let at = body.windows(8).position(|it| it == b"\r\n\r\nchat");
    let at = at.expect("a model in the form") + 4;
    [&body[..at], b"upstream-name", &body[at + 4..]].concat()
}

#[tokio::test]
async fn images_are_relayed_with_the_model_renamed_and_their_tokens_booked() {
    let upstream = Upstream::new(Script::json("200 OK", &image())).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let body = r#"{"prompt":"a cat", "model":"chat","n":1,"unknown_field":[1.50]}"#;
    let response = gateway.send(&Request::post(IMAGES, body)).await;
    assert_eq!((response.status, response.json()), (200, image()));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    let seen = upstream.only();
    assert_eq!(seen.path(), IMAGES);
    assert_eq!(
        String::from_utf8_lossy(&seen.body),
        body.replace("\"chat\"", "\"upstream-name\"")
    );
    let row = gateway.home.row().await;
    let tokens = (&row["tokens"]["input"], &row["tokens"]["output"]);
    assert_eq!(tokens, (&json!(50), &json!(1000)));
    assert_eq!(
        (&row["operation"], &row["cost"], &row["estimated"]),
        (
            &json!("image_generations"),
            &json!("0.00205"),
            &json!(false)
        )
    );
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_form_passes_byte_for_byte_but_for_the_model_wherever_that_stands() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let audio = file(&vec![0xff; 3 * MIB]);
    let model = field("model", "chat");
    let small = file(b"\r\n--b\0\xff");
    let forms = [
        form(&[
            model.clone(),
            small.clone(),
            field("response_format", "json"),
        ]),
        form(&[small, field("language", "en"), model.clone()]),
        form(&[model.clone(), audio.clone()]),
        form(&[audio, model]),
    ];
    for (index, body) in forms.into_iter().enumerate() {
        let response = gateway.send(&post_form(TRANSCRIPTIONS, body.clone())).await;
        assert_eq!((response.status, response.json()), (200, transcript()));
        let seen = upstream.request(index).await;
        assert_eq!(seen.path(), TRANSCRIPTIONS);
        assert_eq!(seen.head.get("content-type"), Some(FORM));
        let expected = renamed(&body);
        let length = expected.len().to_string();
        assert_eq!(seen.head.get("content-length"), Some(length.as_str()));
        assert!(seen.body == expected, "form {index} passes unchanged");
    }
    for row in gateway.home.rows(4).await {
        // Seconds have no price here: the cost is unknown, not nothing.
        let facts = (&row["outcome"], &row["cost"], &row["cost_source"]);
        assert_eq!(facts, (&json!("complete"), &Value::Null, &json!("unknown")));
    }
    gateway.assert_idle().await;
}

#[tokio::test]
async fn what_has_a_price_by_the_piece_is_charged() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let price = json!({
        "provider": "alpha", "model": "upstream-name",
        "per_second_input": "0.0001", "per_image": "0.04", "per_character": "0.000015",
    });
    let config = Config::one(&upstream).set("/pricing", json!({"overrides": [price]}));
    let gateway = Gateway::start(&config).await;
    let heard = form(&[field("model", "chat"), file(b"x")]);
    let response = gateway.send(&post_form(TRANSCRIPTIONS, heard)).await;
    assert_eq!(response.header("x-tollward-cost-usd"), Some("0.0027"));
    let pictures = json!({"created": 1, "data": [{"url": "https://x"}, {"url": "https://y"}]});
    upstream.always(Script::json("200 OK", &pictures));
    let drawn = r#"{"model":"chat","prompt":"a cat"}"#;
    gateway.send(&Request::post(IMAGES, drawn)).await;
    let audio = [("content-type", "audio/mpeg")];
    upstream.always(Script::answer("200 OK", &audio, "abc"));
    let spoken = r#"{"model":"chat","input":"h\u00e9llo","voice":"alloy"}"#;
    gateway.send(&Request::post(SPEECH, spoken)).await;
    let rows = gateway.home.rows(3).await;
    let facts: Vec<_> = rows
        .iter()
        .map(|row| json!([row["things"], row["cost"], row["estimated"]]))
        .collect();
    let things = |images: u64, input_ms: u64, characters: u64| json!({"images": images, "input_ms": input_ms, "characters": characters});
    // What was spoken only we have counted.
    let expected = [
        json!([things(0, 0, 5), "0.000075", true]),
        json!([things(2, 0, 0), "0.08", false]),
        json!([things(0, 27_000, 0), "0.0027", false]),
    ];
    assert_eq!(facts, expected);
}

#[tokio::test]
async fn a_form_without_a_length_is_passed_on_without_one() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let body = form(&[field("model", "chat"), file(&vec![7; 2 * MIB])]);
    let mut client = gateway.connect().await;
    let head = format!(
        "POST {TRANSCRIPTIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    client.write(head.as_bytes()).await;
    for piece in body.chunks(100_000) {
        client.write(&chunk(piece)).await;
    }
    client.write(b"0\r\n\r\n").await;
    assert_eq!(client.answer("POST").await.rest().await.status, 200);
    let seen = upstream.only();
    assert_eq!(seen.head.get("transfer-encoding"), Some("chunked"));
    assert!(seen.body == renamed(&body));
}

#[tokio::test]
async fn text_and_subtitles_keep_their_type_and_html_does_not() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let body = form(&[
        field("model", "chat"),
        file(b"x"),
        field("response_format", "srt"),
    ]);
    for (declared, told) in [
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("text/vtt", "text/vtt"),
        ("text/html", "application/octet-stream"),
    ] {
        upstream.then(Script::answer(
            "200 OK",
            &[("content-type", declared)],
            "1\n00:00 --> 00:01\nhi\n",
        ));
        let response = gateway.send(&post_form(TRANSCRIPTIONS, body.clone())).await;
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "1\n00:00 --> 00:01\nhi\n")
        );
        assert_eq!(response.header("content-type"), Some(told));
    }
}

#[tokio::test]
async fn speech_streams_as_bytes_and_one_that_breaks_off_does_not_look_whole() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let gate = Gate::closed();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n";
    let first = || Script::new().send(head).chunk(b"\xff\xfbfirst");
    upstream.then(first().gate(&gate).chunk(b"\0last").end());
    let body = r#"{"model":"chat","input":"h\u00e9llo","voice":"alloy"}"#;
    let mut client = gateway.connect().await;
    let mut answer = client.open(&Request::post(SPEECH, body)).await;
    assert_eq!(answer.head.get("content-type"), Some("audio/mpeg"));
    // The beginning is here while the rest is not spoken yet.
    let crate::support::http1::Piece::Data(begun) = answer.piece().await else {
        panic!("the first bytes");
    };
    assert_eq!(&begun[..], b"\xff\xfbfirst");
    gate.open();
    let rest = answer.rest().await;
    assert_eq!((&rest.body[..], rest.is_whole), (&b"\0last"[..], true));

    upstream.then(first().reset());
    let cut = gateway.send(&Request::post(SPEECH, body)).await;
    assert_eq!((cut.status, cut.is_whole), (200, false));
    let rows = gateway.home.rows(2).await;
    assert_eq!(
        (&rows[0]["outcome"], &rows[1]["outcome"]),
        (&json!("upstream_error"), &json!("complete"))
    );
    // Characters have no price here.
    assert_eq!(
        (&rows[1]["cost"], &rows[1]["cost_source"]),
        (&Value::Null, &json!("unknown"))
    );
    gateway.assert_idle().await;
}

#[tokio::test]
async fn events_pass_and_their_usage_is_booked() {
    let delta = "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"hi\"}\n\n";
    let done = "event: transcript.text.done\ndata: {\"type\":\"transcript.text.done\",\"text\":\"hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"output_tokens\":3,\"total_tokens\":17}}\n\n";
    let upstream = Upstream::new(Script::stream_of([delta, done])).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let body = form(&[file(b"x"), field("model", "chat"), field("stream", "true")]);
    let response = gateway.send(&post_form(TRANSCRIPTIONS, body.clone())).await;
    assert_eq!(response.text(), [delta, done].concat());
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    let row = gateway.home.row().await;
    assert_eq!(
        (
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["cost"]
        ),
        (&json!(14), &json!(3), &json!("0.00002"))
    );
    // One that ends without its last event gets an error event.
    upstream.always(Script::stream_of([delta]));
    let cut = gateway.send(&post_form(TRANSCRIPTIONS, body)).await;
    assert!(
        cut.text().starts_with(delta) && cut.text().contains("upstream_incomplete"),
        "{}",
        cut.text()
    );
}

// A picture may be the first event of its stream.
#[tokio::test]
async fn a_first_event_may_be_as_large_as_any_other() {
    let picture = "A".repeat(4 * MIB);
    let event = |kind: &str| {
        let it = json!({"type": format!("image_generation.{kind}"), "b64_json": picture});
        format!("data: {it}\n\n")
    };
    let events = [event("partial_image"), event("completed")];
    let upstream = Upstream::new(Script::stream_of(&events)).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let body = json!({"model": "chat", "prompt": "x", "stream": true}).to_string();
    let response = gateway
        .send(&Request::post("/v1/images/generations", body))
        .await;
    assert_eq!((response.status, upstream.calls()), (200, 1));
    assert!(response.text() == events.concat(), "both events pass");
}

#[tokio::test]
async fn a_small_form_is_tried_again_and_elsewhere() {
    let (first, second) = (Upstream::healthy().await, Upstream::healthy().await);
    first.always(Script::json("500 Internal Server Error", &json!({})));
    second.always(Script::json("200 OK", &transcript()));
    let gateway = Gateway::start(&Config::two(&first, &second)).await;
    let body = form(&[field("model", "chat"), file(b"x")]);
    let response = gateway.send(&post_form(TRANSCRIPTIONS, body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let seen = String::from_utf8_lossy(&second.only().body).into_owned();
    assert!(seen.contains("\r\n\r\nspare-name\r\n"), "{seen}");
}

#[tokio::test]
async fn an_upload_goes_elsewhere_only_until_it_has_begun() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let body = form(&[field("model", "chat"), file(&vec![7; 4 * MIB])]);
    // Nobody took a byte of it.
    let config = Config::two(&upstream, &upstream).provider("alpha", dead_address().await);
    let gateway = Gateway::start(&config).await;
    let response = gateway.send(&post_form(TRANSCRIPTIONS, body.clone())).await;
    assert_eq!(
        (response.status, upstream.calls()),
        (200, 1),
        "{}",
        response.text()
    );

    let (failing, spare) = (Upstream::healthy().await, Upstream::healthy().await);
    failing.always(Script::json("500 Internal Server Error", &json!({})));
    let gateway = Gateway::start(&Config::two(&failing, &spare)).await;
    let response = gateway.send(&post_form(TRANSCRIPTIONS, body)).await;
    response.error(502, "upstream_error");
    assert_eq!((failing.calls(), spare.calls()), (1, 0));
    gateway.assert_idle().await;
}

// HTTP/1 asks for no more of a body than the length that it was told.
#[tokio::test]
async fn an_upload_that_a_vendor_had_whole_may_be_billed_and_is_waited_for() {
    let answer = Script::json("200 OK", &transcript());
    let upstream = Upstream::new(Script::new().fin()).await;
    let config = Config::one(&upstream)
        .set("/timeouts/idle", json!("400ms"))
        .set("/retry", json!({"attempts": 0}));
    let gateway = Gateway::start(&config).await;
    let body = form(&[field("model", "chat"), file(&vec![7; 2 * MIB])]);
    let whole = body.len();
    let broken = gateway.send(&post_form(TRANSCRIPTIONS, body.clone())).await;
    assert_eq!(broken.status, 502, "{}", broken.text());
    assert_eq!(upstream.request(0).await.body.len(), renamed(&body).len());
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["cost_source"], &row["cost"]),
        (&json!("unmeasured"), &Value::Null)
    );

    // The vendor thinks for longer than a stream may be silent.
    upstream.always(Script::new().sleep(Duration::from_millis(900)).then(answer));
    for length in [whole, MIB] {
        let padding = length - form(&[field("model", "chat"), file(&[])]).len();
        let body = form(&[field("model", "chat"), file(&vec![7; padding])]);
        assert_eq!(body.len(), length);
        let waited = gateway.send(&post_form(TRANSCRIPTIONS, body)).await;
        assert_eq!(waited.status, 200, "{}", waited.text());
    }
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_form_that_hides_a_second_model_never_reaches_a_vendor_whole() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let (model, dear) = (field("model", "chat"), field("model", "dear"));
    let early = form(&[model.clone(), dear.clone()]);
    gateway
        .send(&post_form(TRANSCRIPTIONS, early))
        .await
        .error(400, "invalid_form");
    let late = form(&[model, file(&vec![7; 3 * MIB]), dear]);
    gateway
        .send(&post_form(TRANSCRIPTIONS, late))
        .await
        .error(400, "invalid_form");
    assert_eq!(upstream.calls(), 0, "no whole request was seen");
    let row = gateway.home.row().await;
    let facts = (&row["status"], &row["outcome"], &row["cost"]);
    assert_eq!(facts, (&json!(400), &json!("refused"), &json!("0")));
    let id = row["request"].as_str().unwrap();
    let line = crate::support::until("the line is written", async || {
        let text = gateway.stderr.text();
        let line = text
            .lines()
            .find(|it| it.contains("deployment.id") && it.contains(id));
        line.map(str::to_owned)
    })
    .await;
    assert!(line.contains(r#""fault":"invalid_form""#), "{line}");
    gateway.assert_idle().await;
}

#[tokio::test]
async fn what_is_no_form_too_long_or_names_its_model_too_late_is_refused() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .set("/server/max_body_bytes", json!(2 * MIB))
        .set("/server/max_upload_bytes", json!(4 * MIB));
    let gateway = Gateway::start(&config).await;
    let model = || field("model", "chat");
    let late = form(&[file(&vec![7; 3 * MIB]), model()]);
    let error = gateway
        .send(&post_form(TRANSCRIPTIONS, late))
        .await
        .error(413, "request_too_large");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("before the file"),
        "{error}"
    );
    let long = form(&[model(), file(&vec![7; 5 * MIB])]);
    gateway
        .send(&post_form(TRANSCRIPTIONS, long))
        .await
        .error(413, "request_too_large");
    let without = form(&[file(b"x")]);
    let error = gateway
        .send(&post_form(TRANSCRIPTIONS, without))
        .await
        .error(400, "invalid_value");
    assert_eq!(error["param"], "model");
    let unknown = form(&[field("model", "other"), file(b"x")]);
    gateway
        .send(&post_form(TRANSCRIPTIONS, unknown))
        .await
        .error(404, "model_not_found");
    let plain = Request::post(TRANSCRIPTIONS, "x").without("content-type");
    gateway
        .send(&plain.header("content-type", "text/plain"))
        .await
        .error(415, "unsupported_media_type");
    let body = form(&[model(), file(b"x")]);
    gateway
        .send(&post_form(IMAGES, body))
        .await
        .error(415, "unsupported_media_type");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn an_upload_that_stalls_is_told_whose_fault_it_was() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let body = form(&[field("model", "chat"), file(&vec![7; 2 * MIB])]);
    let mut client = gateway.connect().await;
    let head = format!(
        "POST {TRANSCRIPTIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write(head.as_bytes()).await;
    client.write(&body[..MIB + MIB / 2]).await;
    let stalled = client.answer("POST").await.rest().await;
    stalled.error(408, "request_timeout");
    // A client that leaves in the middle is not billed: nobody could answer half a form.
    let mut client = gateway.connect().await;
    client.write(head.as_bytes()).await;
    client.write(&body[..MIB + MIB / 2]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    client.abort();
    let rows = gateway.home.rows(2).await;
    assert_eq!(
        (&rows[0]["outcome"], &rows[0]["cost"]),
        (&json!("client_gone"), &json!("0"))
    );
    gateway.assert_idle().await;
}

#[tokio::test]
async fn moderations_need_no_model_and_what_a_vendor_lacks_is_not_served() {
    let verdict = json!({"id": "modr-1", "model": "m", "results": [{"flagged": false}]});
    let upstream = Upstream::new(Script::json("200 OK", &verdict)).await;
    let config = Config::one(&upstream)
        .model("omni-moderation-latest", &["alpha/judge"])
        .set(
            "/providers/mine",
            json!({"kind": "deepseek", "api_key": "k", "base_url": upstream.base_url()}),
        )
        .model("text", &["mine/text"]);
    let gateway = Gateway::start(&config).await;
    let response = gateway
        .send(&Request::post("/v1/moderations", r#"{"input":"hi"}"#))
        .await;
    assert_eq!((response.status, response.json()), (200, verdict));
    let seen: Value = serde_json::from_slice(&upstream.only().body).unwrap();
    assert_eq!(seen, json!({"input": "hi", "model": "judge"}));
    let body = r#"{"model":"text","input":"hi"}"#;
    gateway
        .send(&Request::post("/v1/moderations", body))
        .await
        .error(400, "unsupported_operation");
}

#[tokio::test]
async fn what_is_free_costs_nothing_and_what_nobody_measures_is_told_from_what_lacks_a_price() {
    let upstream = Upstream::new(Script::answer(
        "200 OK",
        &[("content-type", "text/plain")],
        "hi",
    ))
    .await;
    let openai = json!({"kind": "openai", "api_key": "sk-x", "base_url": upstream.base_url()});
    let config = Config::one(&upstream)
        .set("/providers/mine", openai)
        .model("judge", &["mine/omni-moderation-latest"])
        .model("ears", &["mine/whisper-1"])
        .model("painter", &["mine/dall-e-3"]);
    let gateway = Gateway::start(&config).await;
    let heard = form(&[
        field("model", "ears"),
        field("response_format", "text"),
        file(b"x"),
    ]);
    gateway.send(&post_form(TRANSCRIPTIONS, heard)).await;
    upstream.always(Script::json(
        "200 OK",
        &json!({"results": [{"flagged": false}]}),
    ));
    let judged = r#"{"model":"judge","input":"hi"}"#;
    gateway
        .send(&Request::post("/v1/moderations", judged))
        .await;
    upstream.always(Script::json(
        "200 OK",
        &json!({"data": [{"url": "https://x"}]}),
    ));
    let drawn = r#"{"model":"painter","prompt":"a cat"}"#;
    gateway.send(&Request::post(IMAGES, drawn)).await;
    let rows = gateway.home.rows(3).await;
    let sources: Vec<_> = rows.iter().map(|row| &row["cost_source"]).collect();
    assert_eq!(sources, ["unknown", "zero", "unmeasured"]);
    let page = gateway.metrics().await;
    let count = |model: &str, reason: &str| {
        let labels = [
            &*format!("model=\"{model}\""),
            &*format!("reason=\"{reason}\""),
        ];
        sum(&page, "tollward_unpriced_requests_total", &labels)
    };
    let counted =
        ["judge", "ears", "painter"].map(|it| (count(it, "no_price"), count(it, "unmeasured")));
    assert_eq!(counted, [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)], "{page}");
}

#[tokio::test]
async fn a_key_uses_the_models_that_it_may_in_a_form_too() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let config = Config::one(&upstream)
        .model("dear", &["alpha/dear-name"])
        .keyed();
    let home = crate::support::gateway::Home::new(&config);
    let key = home.create_key("some", &["--models", "chat"]).await;
    let gateway = home.serve().await;
    for (model, status) in [("chat", 200), ("dear", 404)] {
        let body = form(&[field("model", model), file(b"x")]);
        let response = gateway
            .send(&post_form(TRANSCRIPTIONS, body).key(&key))
            .await;
        assert_eq!(response.status, status, "{}", response.text());
    }
}

// The bar is 200 MB within 64 MB; here it is 64 MB, and what memory grows by.
#[tokio::test]
async fn a_large_upload_and_a_large_image_leave_memory_flat() {
    let upstream = Upstream::new(Script::json("200 OK", &transcript())).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let warm = form(&[field("model", "chat"), file(&vec![7; 2 * MIB])]);
    gateway.send(&post_form(TRANSCRIPTIONS, warm)).await;
    let before = gateway.peak_resident_bytes();
    let body = form(&[field("model", "chat"), file(&vec![7; 64 * MIB])]);
    let response = gateway.send(&post_form(TRANSCRIPTIONS, body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    // An answer of 30 MB of base64.
    let picture = json!({"created": 1, "data": [{"b64_json": "A".repeat(30 * MIB)}], "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}});
    upstream.always(Script::json("200 OK", &picture));
    let edit = form(&[field("model", "chat"), file(&vec![7; 10 * MIB])]);
    let response = gateway.send(&post_form(EDITS, edit)).await;
    assert_eq!((response.status, response.json() == picture), (200, true));
    let grown = gateway.peak_resident_bytes().saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "memory grew by {grown} bytes");
    let row = &gateway.home.rows(3).await[0];
    assert_eq!(
        (&row["operation"], &row["tokens"]["output"]),
        (&json!("image_edits"), &json!(2))
    );
}
