//! One handler for all operations: read, serve, answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::pipeline::deliver::{Reply, ReplyBody};
use crate::pipeline::serve;
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
    let operation = ingress.operation;
    let (request, at_ms) = (ingress.request, ingress.at_ms);
    let client_request_id = ingress.client_request_id.clone();
    match serve(gateway, ingress).await {
        Ok(reply) => respond(operation, reply),
        Err(error) => {
            let is_refusal = error.is_refusal();
            let problem = Problem::from(error);
            if is_refusal {
                gateway.refused(&Refusal {
                    request,
                    at_ms,
                    operation,
                    status: problem.status,
                    code: problem.code(),
                });
            }
            error::respond_in(
                operation.dialect().unwrap_or(Dialect::OpenAiChat),
                &problem,
                &client_request_id.unwrap_or_else(|| headers::own_id(request)),
            )
        }
    }
}

fn respond(operation: Operation, reply: Reply) -> Response {
    let mut response = Response::new(Body::empty());
    headers::describe(response.headers_mut(), &reply);
    if operation.dialect() == Some(Dialect::Anthropic) {
        headers::name_for_anthropic(response.headers_mut());
    }
    let content_type = match reply.body {
        ReplyBody::Whole(bytes) => {
            *response.body_mut() = Body::from(bytes);
            // It was read as JSON. An upstream's own word, such as text/html, could make a browser run it.
            HeaderValue::from_static("application/json")
        }
        ReplyBody::Stream(metered) => {
            *response.body_mut() = Body::new(*metered);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            // Nginx and its like would hold the stream back otherwise.
            response
                .headers_mut()
                .insert("x-accel-buffering", HeaderValue::from_static("no"));
            let dialect = operation.dialect().unwrap_or(Dialect::OpenAiChat);
            HeaderValue::from_static(dialect.stream_type())
        }
    };
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
