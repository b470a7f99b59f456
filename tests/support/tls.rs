//! A certificate authority of our own, and a server that speaks TLS in front of one that does not.
//!
//! Include with `#[path = "../support/tls.rs"] mod tls;`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// An authority that nobody trusts who was not told to.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// What a server shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate {
    /// The only name that it is for.
    pub(crate) name: &'static str,
    /// Whether it is valid today.
    pub(crate) expired: bool,
    /// Who vouches for it.
    pub(crate) chain: Chain,
}

/// Who vouches for a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chain {
    /// Nobody but itself.
    SelfSigned,
    /// The authority.
    Whole,
    /// One whom the authority vouches for, and whose own certificate is not sent along.
    WithoutIntermediate,
}

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// Its certificate as a file in `folder`.
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        std::fs::write(&path, &self.certificate).expect("a file");
        path
    }

    /// What a server with such a certificate needs.
    fn server_config(&self, shown: Certificate) -> ServerConfig {
        let mut params = CertificateParams::new([shown.name.to_owned()]).expect("a name");
        (params.not_before, params.not_after) = if shown.expired {
            (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1))
        } else {
            (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1))
        };
        let key = KeyPair::generate().expect("a key");
        let certificate = match shown.chain {
            Chain::SelfSigned => params.self_signed(&key),
            Chain::Whole => params.signed_by(&key, &self.issuer),
            Chain::WithoutIntermediate => params.signed_by(&key, &intermediate()),
        };
        let certificate = certificate.expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder().with_no_client_auth();
        let chain = vec![certificate.der().clone()];
        config.with_single_cert(chain, key).expect("a server")
    }

    /// TLS in front of whoever listens at `behind`, at `https://localhost:<the port returned>`.
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    pub(crate) async fn front(&self, behind: String, shown: Certificate) -> Front {
        let acceptor = TlsAcceptor::from(Arc::new(self.server_config(shown)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // A client that does not like the certificate goes away.
                    if let Ok(mut client) = acceptor.accept(connection).await
                        && let Ok(mut server) = TcpStream::connect(behind).await
                    {
                        drop(copy_bidirectional(&mut client, &mut server).await);
                    }
                });
            }
        });
        Front { port, task }
    }
}

/// An authority between the one that is trusted and a server. Its own certificate is never seen, so nobody signs it.
fn intermediate() -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = "Test authority, intermediate";
    params.distinguished_name.push(DnType::CommonName, name);
    Issuer::new(params, KeyPair::generate().expect("a key"))
}

/// The running front. It stops when dropped.
pub(crate) struct Front {
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    /// Its address, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}
