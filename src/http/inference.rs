//! One handler for all operations: read, serve, answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::clock;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress;
use crate::pipeline::deliver::{Reply, ReplyBody};
use crate::pipeline::serve;

/// Answers one call of `operation`.
pub async fn answer(
    operation: Operation,
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Response {
    let client_id = request
        .headers()
        .get("x-request-id")
        .filter(|id| ingress::is_sane_id(id))
        .cloned();
    let max_body_bytes = gateway.snapshot().max_body_bytes;
    let served = match ingress::read(operation, request, max_body_bytes).await {
        Ok(ingress) => serve(&gateway, ingress).await.map_err(Problem::from),
        Err(refused) => Err(Problem::from(refused)),
    };
    match served {
        Ok(reply) => respond(reply),
        Err(problem) => {
            gateway.refused(operation, &problem);
            let id = client_id.unwrap_or_else(|| headers::request_id(clock::unix_ms()));
            error::respond(&problem, &id)
        }
    }
}

fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::empty());
    headers::describe(response.headers_mut(), &reply);
    let content_type = match reply.body {
        ReplyBody::Whole(bytes) => {
            *response.body_mut() = Body::from(bytes);
            reply
                .head
                .content_type
                .unwrap_or(HeaderValue::from_static("application/json"))
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
            HeaderValue::from_static("text/event-stream")
        }
    };
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
