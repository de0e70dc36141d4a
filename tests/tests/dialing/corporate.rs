//! A company's proxy, played: it takes CONNECT only, may want a login, and leads every name to one address.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What it is like.
#[derive(Clone)]
pub struct Company {
    /// Speaks TLS itself.
    pub tls: bool,
    /// `USER:PASSWORD`, when it wants one.
    pub login: Option<&'static str>,
    /// The challenges it shows without it.
    pub challenges: Vec<&'static str>,
    /// Where every name leads.
    pub to: SocketAddr,
    /// What it answers instead of anything else.
    pub says: Option<String>,
}

/// It, running until the test ends.
pub struct Corporate {
    /// `http://127.0.0.1:PORT` or `https://localhost:PORT`.
    pub url: String,
    /// Its own certificate.
    pub pem: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Company {
    /// One that asks for nothing.
    pub fn leading_to(to: SocketAddr) -> Self {
        Self { tls: false, login: None, challenges: vec!["Basic realm=\"company\""], to, says: None }
    }

    /// Starts it.
    pub async fn start(self) -> Corporate {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let pem = certificate.pem();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
                )
                .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let url =
            if self.tls { format!("https://localhost:{port}") } else { format!("http://127.0.0.1:{port}") };
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (company, acceptor, seen) = (self.clone(), acceptor.clone(), seen.clone());
                tokio::spawn(async move {
                    if company.tls {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            company.serve(stream, &seen).await;
                        }
                    } else {
                        company.serve(stream, &seen).await;
                    }
                });
            }
        });
        Corporate { url, pem, heads }
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Mutex<Vec<String>>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        seen.lock().unwrap().push(head.clone());
        let shown =
            self.login.map(|login| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(login)));
        let answer = if let Some(words) = &self.says {
            words.clone()
        } else if shown.is_some_and(|shown| !head.contains(&shown)) {
            let fields: String = self
                .challenges
                .iter()
                .map(|challenge| format!("Proxy-Authenticate: {challenge}\r\n"))
                .collect();
            format!("HTTP/1.1 407 Who are you\r\n{fields}Content-Length: 4\r\n\r\nwho?")
        } else {
            // The length means nothing: there is no body after this.
            let _ =
                stream.write_all(b"HTTP/1.1 200 Connection established\r\nContent-Length: 77\r\n\r\n").await;
            let mut host = TcpStream::connect(self.to).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut host).await;
            return;
        };
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

impl Corporate {
    /// The requests that it was asked.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Its URL with a login in it.
    pub fn with_login(&self, login: &str) -> String {
        self.url.replace("://", &format!("://{login}@"))
    }
}
