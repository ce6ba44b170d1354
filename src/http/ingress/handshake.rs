//! The request that asks for a websocket, and what of it concerns others than the socket.
//!
//! A browser cannot set headers: it says its key as a subprotocol, `openai-insecure-api-key.KEY`
//! (openai-node 6.49 `src/realtime/websocket.ts`, read 2026-11). That becomes a credential like any other
//! and is not passed on, nor are those that name an organisation of the account.

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::IngressError;
use crate::upstream::exchange::{Handshake, VERSION};

/// A key as a subprotocol.
const KEY_PREFIX: &str = "openai-insecure-api-key.";
/// What OpenAI's servers speak, and their beta.
const SPOKEN: [&str; 2] = ["realtime", "openai-beta.realtime-v1"];

/// The caller's headers that go on.
const PASSED: [HeaderName; 2] = [
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("openai-safety-identifier"),
];

/// Reads the head of a request (RFC 6455 §4.2.1) and puts its key where others have it.
///
/// # Errors
/// [`IngressError`] if it asks for none, or not in this way.
pub fn handshake(request: &mut Request) -> Result<Handshake, IngressError> {
    let headers = request.headers();
    let asks = has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket");
    let is_plain = request.version() == Version::HTTP_11 && request.method() == Method::GET;
    if !asks || !is_plain || headers.get("sec-websocket-version") != Some(&VERSION) {
        return Err(IngressError::NotWebsocket);
    }
    let nonce = headers.get("sec-websocket-key");
    let nonce = nonce.ok_or(IngressError::Handshake("`sec-websocket-key` is missing"))?;
    let accept = HeaderValue::from_str(&derive_accept_key(nonce.as_bytes()));
    let accept = accept.map_err(|_| IngressError::Handshake("`sec-websocket-key` is wrong"))?;
    let query = query(request.uri().query().unwrap_or_default())?;
    let mut passed = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = headers.get(&name) {
            passed.insert(name, value.clone());
        }
    }
    let offered: Vec<String> = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL)
        .map(str::to_owned)
        .collect();
    for key in offered.iter().filter_map(|it| it.strip_prefix(KEY_PREFIX)) {
        let key = HeaderValue::from_str(key);
        let key = key.map_err(|_| IngressError::Handshake("the key is not text"))?;
        request.headers_mut().append("x-api-key", key);
    }
    let protocols = SPOKEN.into_iter();
    Ok(Handshake {
        connection: hyper::upgrade::on(request),
        accept,
        protocols: protocols
            .filter(|it| offered.iter().any(|offered| offered == it))
            .collect(),
        headers: passed,
        query,
    })
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|it| it.to_str().ok());
    values.flat_map(|it| it.split(',')).map(str::trim)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|it| it.eq_ignore_ascii_case(token))
}

/// What the address says of the session; what else it says is not passed on.
fn query(query: &str) -> Result<Bytes, IngressError> {
    let mut fields = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let told = match &*name {
            "model" | "intent" => fields.insert(name.into_owned(), value.into_owned().into()),
            // Of an object of the account, which another key may have made.
            "call_id" => return Err(IngressError::Handshake("sessions of calls are not served")),
            _ => None,
        };
        if told.is_some() {
            return Err(IngressError::Handshake(
                "`model` or `intent` is there twice",
            ));
        }
    }
    Ok(serde_json::Value::Object(fields).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn asking(uri: &str, more: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri.parse().unwrap_or_default();
        for (name, value) in [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(more)
        {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        request
    }

    #[test]
    fn a_key_among_the_subprotocols_is_a_credential_and_goes_no_further() -> Result<(), IngressError>
    {
        let offered = "realtime, openai-insecure-api-key.tw-1, openai-organization.org-1";
        let mut request = asking(
            "/v1/realtime?model=a%2Fb&x=1",
            &[("sec-websocket-protocol", offered), ("openai-beta", "b")],
        );
        let handshake = handshake(&mut request)?;
        assert_eq!(
            request.headers().get("x-api-key"),
            Some(&"tw-1".parse().unwrap_or(VERSION))
        );
        assert_eq!(handshake.protocols, ["realtime"]);
        assert_eq!(handshake.headers.len(), 1);
        assert_eq!(handshake.query, r#"{"model":"a/b"}"#);
        // RFC 6455 §1.3 has this example.
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        Ok(())
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_is_of_a_call_is_refused() {
        for uri in [
            "/?model=a&model=b",
            "/?model=a&mode%6c=b",
            "/?call_id=rtc_1",
        ] {
            let refused = handshake(&mut asking(uri, &[]));
            assert!(matches!(refused, Err(IngressError::Handshake(_))), "{uri}");
        }
        let mut plain = Request::new(Body::empty());
        assert!(matches!(
            handshake(&mut plain),
            Err(IngressError::NotWebsocket)
        ));
    }
}
