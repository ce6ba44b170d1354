//! One handler for all operations: read, serve, answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use tollward_store::RequestId;
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::http::{once, realtime};
use crate::pipeline::deliver::{Reply, ReplyBody};
use crate::pipeline::{Opened, ServeError, open, serve};
use crate::telemetry::access::Refusal;

/// Answers one call of `operation`.
pub async fn answer(
    operation: Operation,
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Response {
    serve_one(&gateway, Ingress::new(operation, request)).await
}

/// Answers one call whose head was read.
pub async fn serve_one(gateway: &Arc<Gateway>, ingress: Ingress) -> Response {
    let head = Head::of(&ingress);
    match open(gateway, ingress).await {
        // Boxed: few calls have a memory.
        Ok(opened) if once::may_know(&opened) => {
            Box::pin(once::answer(gateway, &head, opened)).await
        }
        Ok(opened) => answered(gateway, &head, opened).await.response,
        Err(error) => failed(gateway, &head, error).response,
    }
}

/// Answers a call that was let in.
pub async fn answered(gateway: &Arc<Gateway>, head: &Head, opened: Box<Opened>) -> Answered {
    match serve(gateway, opened).await {
        Ok(reply) => Answered {
            response: respond(head.operation, reply),
            refusal: None,
        },
        Err(error) => failed(gateway, head, error),
    }
}

/// An answer.
pub struct Answered {
    /// What the client gets.
    pub response: Response,
    /// The code of a refusal, if the request never became a call.
    pub refusal: Option<Arc<str>>,
}

/// What an error's answer says of its request.
#[derive(Clone)]
pub struct Head {
    operation: Operation,
    request: RequestId,
    at_ms: i64,
    client_request_id: Option<HeaderValue>,
}

impl Head {
    /// Of a request that was not served yet.
    pub fn of(ingress: &Ingress) -> Self {
        Self {
            operation: ingress.operation,
            request: ingress.request,
            at_ms: ingress.at_ms,
            client_request_id: ingress.client_request_id.clone(),
        }
    }
}

/// The answer to a call that was refused or failed; a refusal is counted and logged here.
pub fn failed(gateway: &Gateway, head: &Head, error: ServeError) -> Answered {
    let is_refusal = error.is_refusal();
    let problem = Problem::from(error);
    if is_refusal {
        gateway.refused(&Refusal {
            request: head.request,
            at_ms: head.at_ms,
            operation: head.operation,
            status: problem.status,
            code: problem.code(),
        });
    }
    let id = head.client_request_id.clone();
    let response = error::respond_in(
        head.operation.dialect().unwrap_or(Dialect::OpenAiChat),
        &problem,
        &id.unwrap_or_else(|| headers::own_id(head.request)),
    );
    Answered {
        response,
        refusal: is_refusal.then(|| problem.code().into()),
    }
}

/// The answer to a call that was served.
pub fn respond(operation: Operation, reply: Reply) -> Response {
    let mut response = Response::new(Body::empty());
    headers::describe(response.headers_mut(), &reply);
    if operation.dialect() == Some(Dialect::Anthropic) {
        headers::name_for_anthropic(response.headers_mut());
    }
    let (body, is_stream) = match reply.body {
        ReplyBody::Session(session) => return realtime::switched(response, *session),
        ReplyBody::Whole(bytes) => (Body::from(bytes), false),
        ReplyBody::Stream(metered) => (Body::new(*metered), true),
    };
    *response.body_mut() = body;
    let headers = response.headers_mut();
    let content_type = if operation.is_only_relayed() {
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        let declared = reply.head.content_type.filter(is_harmless);
        declared.unwrap_or(HeaderValue::from_static("application/octet-stream"))
    } else if is_stream {
        let dialect = operation.dialect().unwrap_or(Dialect::OpenAiChat);
        HeaderValue::from_static(dialect.stream_type())
    } else {
        // It was read as JSON. An upstream's own word, such as text/html, could make a browser run it.
        HeaderValue::from_static("application/json")
    };
    headers.insert(header::CONTENT_TYPE, content_type);
    if is_stream {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Nginx and its like would hold the stream back otherwise.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

/// Kinds of content that a browser does not run, of which a vendor's own word is taken.
const HARMLESS: [&str; 10] = [
    "application/json",
    "application/jsonl",
    "application/octet-stream",
    "application/pdf",
    "application/x-ndjson",
    "application/x-subrip",
    "application/zip",
    "text/event-stream",
    "text/plain",
    "text/vtt",
];

/// Whether a content type may be repeated: text/html, say, could make a browser run what a vendor wrote.
fn is_harmless(content_type: &HeaderValue) -> bool {
    let declared = content_type.to_str().unwrap_or_default();
    let kind = declared.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let is_picture = kind.starts_with("image/") && !kind.contains("svg");
    HARMLESS.contains(&kind.as_str())
        || is_picture
        || kind.starts_with("audio/")
        || kind.starts_with("video/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_that_a_browser_would_run_is_not_repeated() {
        let is_repeated = |it: &'static str| is_harmless(&HeaderValue::from_static(it));
        for kind in [
            "audio/mpeg",
            "image/png",
            "text/vtt; charset=utf-8",
            "Application/JSON",
        ] {
            assert!(is_repeated(kind), "{kind}");
        }
        for kind in [
            "text/html",
            "image/svg+xml",
            "application/xml",
            "text/javascript",
            "",
        ] {
            assert!(!is_repeated(kind), "{kind}");
        }
    }
}
