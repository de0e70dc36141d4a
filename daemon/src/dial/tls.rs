//! Whom we believe: the system's roots and the files of the settings, and never less than a full check of the
//! certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aigw_shared::config;
use aigw_shared::files;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, crypto::CryptoProvider};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::DialError;

/// A CA file longer than this is none.
const MAX_PEM: u64 = 4 * 1024 * 1024;

/// Which application protocols are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// HTTP/2 or HTTP/1.1, as the server likes.
    Any,
    /// HTTP/1.1 only: the way of WebSocket, and of proxies.
    Http1,
}

/// What a server's certificate is checked against, and what we show it. Read at the first need: the system's store
/// takes a moment.
#[derive(Default)]
pub struct Trust {
    ca_file: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
    /// Raised when what was read may be out of date.
    edition: AtomicU64,
    any: Read,
    http1: Read,
}

/// What was read, and the edition that it is of.
type Read = Mutex<Option<(u64, Arc<ClientConfig>)>>;

impl Trust {
    /// What a gateway's certificate is held against.
    pub fn of_gateway(gateway: &config::Gateway) -> Self {
        let client = gateway.client_cert.clone().zip(gateway.client_key.clone());
        Self { ca_file: gateway.ca_file.clone(), client, ..Self::default() }
    }

    /// The system's roots, and those of a file.
    pub fn with_roots(ca_file: Option<&Path>) -> Self {
        Self { ca_file: ca_file.map(Path::to_owned), ..Self::default() }
    }

    /// Reads certificates, keys and the system's store again for the next connection.
    pub fn read_files_again(&self) {
        self.edition.fetch_add(1, Ordering::Relaxed);
    }

    /// TLS over this stream with the host of this name; `host` is how it is told of.
    ///
    /// # Errors
    /// When its certificate does not hold, or it does not speak TLS.
    pub async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        self: &Arc<Self>,
        offer: Offer,
        name: &str,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, DialError> {
        let config = self.config(offer).await?;
        let server = ServerName::try_from(name.to_owned()).map_err(|_| DialError::Name(host.to_owned()))?;
        let greeted = TlsConnector::from(config).connect(server, stream).await;
        let greeted = greeted.map_err(|error| untrusted(host, &error));
        if matches!(greeted, Err(DialError::Certificate { .. } | DialError::Tls { .. })) {
            // Somebody may put the right certificate there.
            self.read_files_again();
        }
        greeted
    }

    async fn config(self: &Arc<Self>, offer: Offer) -> Result<Arc<ClientConfig>, DialError> {
        let edition = self.edition.load(Ordering::Relaxed);
        let mut read = match offer {
            Offer::Any => self.any.lock().await,
            Offer::Http1 => self.http1.lock().await,
        };
        if let Some((of, config)) = &*read
            && *of == edition
        {
            return Ok(config.clone());
        }
        let trust = self.clone();
        let config = tokio::task::spawn_blocking(move || trust.build(offer))
            .await
            .map_err(|error| DialError::File(error.to_string()))??;
        *read = Some((edition, config.clone()));
        Ok(config)
    }

    fn build(&self, offer: Offer) -> Result<Arc<ClientConfig>, DialError> {
        let provider = crypto();
        let extra = match &self.ca_file {
            Some(file) => certificates(file)?,
            None => Vec::new(),
        };
        let trouble =
            |error: rustls::Error| DialError::File(format!("the trust store cannot be used: {error}"));
        let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(trouble)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(trouble)?
            // The whole chain, the name and the dates; the platform's verifier is as strict as the default one.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = certificates(cert)?;
                let key = PrivateKeyDer::from_pem_slice(&read(key)?)
                    .map_err(|error| DialError::File(format!("{}: {error}", key.display())))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| DialError::File(format!("{}: {error}", cert.display())))?
            }
        };
        config.alpn_protocols = match offer {
            Offer::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Offer::Http1 => vec![b"http/1.1".to_vec()],
        };
        Ok(Arc::new(config))
    }
}

/// The one cryptography provider: TLS 1.2 and 1.3 with forward secrecy and AEAD only.
pub fn crypto() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, DialError> {
    let bad = |what: String| DialError::File(format!("{}: {what}", file.display()));
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(error.to_string()))?;
    if certificates.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(certificates) }
}

fn read(file: &Path) -> Result<Vec<u8>, DialError> {
    match files::read_limited(file, MAX_PEM) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(DialError::File(format!("{} does not exist", file.display()))),
        Err(fault) => Err(DialError::File(fault.what)),
    }
}

fn untrusted(host: &str, error: &io::Error) -> DialError {
    let host = host.to_owned();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => {
            DialError::Certificate { host, what: certificate_words(reason) }
        }
        Some(inner) => DialError::Tls { host, what: inner.to_string() },
        // The other side hung up: it may be starting.
        None => DialError::Connect { host, what: error.to_string() },
    }
}

/// What is wrong with a certificate, in words that say what to do.
fn certificate_words(reason: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match reason {
        E::Expired | E::ExpiredContext { .. } => {
            "it has expired, or this machine's clock is wrong".to_owned()
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "it is not valid yet, or this machine's clock is wrong".to_owned()
        }
        E::UnknownIssuer => "its issuer is not trusted here".to_owned(),
        E::BadSignature => "it was not signed by the authority that is trusted here".to_owned(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "it is not for servers".to_owned(),
        E::Revoked => "it was revoked".to_owned(),
        E::NotValidForName | E::NotValidForNameContext { .. } => "it is for another name".to_owned(),
        // The platform's verifier says so of a certificate that is for another use.
        E::Other(other) => other.0.to_string(),
        other => other.to_string(),
    }
}
