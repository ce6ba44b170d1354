//! Names that resolve, and whether they may be connected to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;

use tollward_wire::segments::Segments;

use super::*;

// U-04, S-07: the built-in address of a vendor cannot be set, so no test of the whole binary gets here.
#[tokio::test]
async fn a_public_vendor_whose_name_resolves_to_this_machine_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = Client::new(Duration::from_secs(1), Trust::load(None).unwrap());
    for scheme in ["http", "https"] {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            let mut request = Request::new(RequestBody::from(Segments::default()));
            *request.uri_mut() = format!("{scheme}://{host}:{port}/v1").parse().unwrap();
            let error = client.send(HostScope::Public, request).await.unwrap_err();
            assert_eq!(
                (error.fault, error.was_sent),
                (Fault::ForbiddenAddress, false),
                "{scheme}://{host}: {error}"
            );
        }
    }
    let connected = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(
        connected,
        Err(io::ErrorKind::WouldBlock),
        "no connection was made"
    );
}
