//! A certificate authority of the tests' own, and TLS in front of a scripted upstream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The name of every test upstream.
pub(crate) const HOST: &str = "127.0.0.1";

/// Who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and its key.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// The authority's certificate, as `upstream.ca_file` takes it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate that holds for `host`.
    pub(crate) fn issue(&self, host: &str) -> Identity {
        self.sign(&params(host))
    }

    /// A certificate that held for `host` until 2020.
    pub(crate) fn issue_expired(&self, host: &str) -> Identity {
        let mut params = params(host);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        }
    }
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).expect("a host name")
}

impl Identity {
    /// Accepts TLS connections that speak `protocol`, by its ALPN name.
    pub(crate) fn acceptor(&self, protocol: &str) -> TlsAcceptor {
        let chain = vec![self.certificate.clone()];
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, self.key.clone_key())
            .expect("a key that fits its certificate");
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Takes TLS off and hands HTTP/1.1 to a plain upstream behind it; it stops when dropped.
pub(crate) struct Front {
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    pub(crate) async fn before(upstream: SocketAddr, identity: &Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let connections = Arc::new(AtomicUsize::new(0));
        let acceptor = identity.acceptor("http/1.1");
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut relays = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                relays.spawn(relay(acceptor.clone(), socket, upstream));
            }
        });
        Self {
            addr,
            connections,
            task,
        }
    }

    /// How many connections were accepted so far, with or without a handshake.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn relay(acceptor: TlsAcceptor, socket: TcpStream, upstream: SocketAddr) {
    socket.set_nodelay(true).expect("a TCP socket");
    let Ok(mut outside) = acceptor.accept(socket).await else {
        return;
    };
    let mut inside = TcpStream::connect(upstream)
        .await
        .expect("the upstream listens");
    inside.set_nodelay(true).expect("a TCP socket");
    // Either side may leave as it likes.
    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
}
