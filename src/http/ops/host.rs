//! By which name the admin API is asked: by none that somebody else can point at it.
//!
//! A web page may have its own name lead to this machine once it is loaded, and a browser then takes
//! the admin listener for the page's server. Addresses cannot be made to lead elsewhere, and
//! `localhost` is the browser's own; other names the operator lists (`server.admin_hosts`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header;
use http::uri::Authority;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::{IngressError, is_cross_site};

/// Lets requests through that name this listener, and are not sent for the page of another site.
pub async fn check(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let named = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request
            .headers()
            .get(header::HOST)
            .and_then(|it| it.to_str().ok()),
    };
    let snapshot = gateway.snapshot();
    let is_ours = named.is_some_and(|it| is_ours(it, &snapshot.admin_hosts));
    if is_ours && !is_cross_site(request.headers()) {
        return next.run(request).await;
    }
    let problem = Problem::from(IngressError::AdminHost);
    error::respond(&problem, &headers::fresh_id())
}

fn is_ours(named: &str, hosts: &[Box<str>]) -> bool {
    let Ok(authority) = named.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|it| host.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_the_own_name_and_listed_names_are_ours_and_no_others() {
        let hosts = ["gateway.internal".into()];
        for named in [
            "127.0.0.1:4001",
            "10.0.0.7",
            "[::1]:4001",
            "localhost:4001",
            "LOCALHOST",
            "Gateway.internal:4001",
        ] {
            assert!(is_ours(named, &hosts), "{named}");
        }
        for named in [
            "evil.example:4001",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
        ] {
            assert!(!is_ours(named, &hosts), "{named}");
        }
    }
}
