//! A thief with the key of a real daemon's CA: what can be made of it, and a server for each that shows it to whoever
//! comes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::desk::Desk;
use crate::proxy::names;

/// Whose key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issuer {
    /// The daemon's intermediate, below its root.
    Ours,
    /// The same without name constraints, path length and purposes.
    Twin,
}

/// What is shown to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Theft {
    /// What the daemon itself signs.
    Good,
    /// Another host.
    Name,
    /// An address instead of a name.
    Address,
    /// A permitted name, signed by a CA that the intermediate signed. Its subject is another, since a path length does
    /// not count CAs that signed themselves by name.
    SubCa,
    /// Another host as the subject's common name, and only a registered id as alternative name.
    CommonName,
}

impl Theft {
    pub const ALL: [Self; 5] = [Self::Good, Self::Name, Self::Address, Self::SubCa, Self::CommonName];

    /// Whom the client means to reach.
    pub fn host(self) -> &'static str {
        match self {
            Self::Good | Self::SubCa => "api.anthropic.com",
            Self::Name | Self::CommonName => "www.bank.test",
            Self::Address => "127.0.0.1",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::CommonName => "/CN=www.bank.test",
            _ => "/O=somebody",
        }
    }

    fn alternative_name(self) -> &'static str {
        match self {
            Self::Good | Self::SubCa => "DNS:api.anthropic.com",
            Self::Name => "DNS:www.bank.test",
            Self::Address => "IP:127.0.0.1",
            Self::CommonName => "RID:1.2.3.4",
        }
    }
}

/// The thief, with a workshop and a tool's home for the victims.
pub struct Thief {
    /// Where the victims run.
    pub desk: Desk,
    folder: PathBuf,
    servers: HashMap<(Issuer, Theft), Server>,
    _daemon: (Machine, Running),
}

struct Server {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Thief {
    /// Steals, makes and serves.
    pub async fn at_work() -> Self {
        names::serve();
        let machine = machine!();
        let daemon = machine.start();
        let status = machine.ask(&["ca", "status"]);
        let desk = Desk::logged_in().await;
        let folder = desk.tools_home().join("thief");
        std::fs::create_dir(&folder).expect("a folder");
        let mut thief = Self { desk, folder, servers: HashMap::new(), _daemon: (machine, daemon) };
        for (field, file) in [
            ("root_cert", "ours-root.pem"),
            ("intermediate_cert", "ours.pem"),
            ("intermediate_key", "ours.key"),
        ] {
            std::fs::copy(status[field].as_str().expect("a path"), thief.file(file)).expect("readable");
        }
        thief.make_twin();
        for issuer in [Issuer::Ours, Issuer::Twin] {
            for theft in Theft::ALL {
                let chain = thief.chain(issuer, theft);
                let server = Server::start(&chain, &thief.file("leaf.key")).await.expect("a server");
                thief.servers.insert((issuer, theft), server);
            }
        }
        thief
    }

    /// A file in the workshop.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the victim trusts: the root of this CA.
    pub fn root(&self, issuer: Issuer) -> PathBuf {
        self.file(&format!("{}-root.pem", issuer.word()))
    }

    /// Where it is shown.
    pub fn port(&self, issuer: Issuer, theft: Theft) -> u16 {
        self.servers[&(issuer, theft)].port
    }

    /// How many clients have asked something there, and thus believe it.
    pub fn visits(&self, issuer: Issuer, theft: Theft) -> usize {
        self.servers[&(issuer, theft)].visits.load(Ordering::SeqCst)
    }

    /// Makes a leaf with these extensions, and returns its file.
    pub fn leaf(&self, issuer: Issuer, name: &str, subject: &str, extensions: &str) -> PathBuf {
        let all = format!("basicConstraints=critical,CA:FALSE\n{extensions}");
        self.sign(name, subject, issuer.word(), &all)
    }

    fn make_twin(&self) {
        // The last line is what NSS wants to see where programs are signed.
        let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
                  nsCertType=sslCA,emailCA,objCA\n";
        self.sign("twin-root", "/CN=twin root", "twin-root", ca);
        self.sign("twin", "/CN=twin intermediate", "twin-root", ca);
    }

    /// The file with leaf and all between it and the root.
    fn chain(&self, issuer: Issuer, theft: Theft) -> PathBuf {
        let word = issuer.word();
        let name = format!("{word}-{theft:?}");
        let signer = if theft == Theft::SubCa {
            let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n\
                      extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n";
            self.sign(&format!("{word}-sub"), "/CN=stolen sub CA", word, ca);
            format!("{word}-sub")
        } else {
            word.to_owned()
        };
        let extensions = format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n\
             authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nsubjectAltName={}\n",
            theft.alternative_name()
        );
        let leaf = self.sign(&name, theft.subject(), &signer, &extensions);
        let above = if signer == word { vec![word.to_owned()] } else { vec![signer, word.to_owned()] };
        let mut chain = std::fs::read_to_string(leaf).expect("a certificate");
        for name in above {
            chain += &std::fs::read_to_string(self.file(&format!("{name}.pem"))).expect("a certificate");
        }
        std::fs::copy(self.file(&format!("{name}.key")), self.file("leaf.key")).expect("a key");
        let file = self.file(&format!("{name}-chain.pem"));
        std::fs::write(&file, chain).expect("a file");
        file
    }

    /// A certificate for a new key, signed by one that is there (or by itself).
    fn sign(&self, name: &str, subject: &str, signer: &str, extensions: &str) -> PathBuf {
        let file = |name: &str, kind: &str| self.file(&format!("{name}.{kind}")).display().to_string();
        let (key, request, pem) = (file(name, "key"), file(name, "csr"), file(name, "pem"));
        std::fs::write(file(name, "ext"), extensions).expect("a file");
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
        openssl(&["req", "-new", "-key", &key, "-subj", subject, "-out", &request]);
        let days = ["-days", "3", "-extfile", &file(name, "ext")].map(str::to_owned);
        let by = if name == signer {
            vec!["-signkey".to_owned(), key]
        } else {
            ["-CA", &file(signer, "pem"), "-CAkey", &file(signer, "key"), "-CAcreateserial"]
                .map(str::to_owned)
                .to_vec()
        };
        let mut words = vec!["x509", "-req", "-in", &request, "-out", &pem];
        words.extend(days.iter().chain(&by).map(String::as_str));
        openssl(&words);
        pem.into()
    }
}

impl Issuer {
    /// As it stands in file names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Twin => "twin",
        }
    }
}

fn openssl(words: &[&str]) {
    let done = Command::new("openssl").args(words).output().expect("openssl");
    assert!(done.status.success(), "{words:?}: {done:?}");
}

impl Server {
    async fn start(chain: &Path, key: &Path) -> io::Result<Self> {
        let chain: Vec<_> =
            CertificateDer::pem_file_iter(chain).expect("PEM").map(|pem| pem.expect("PEM")).collect();
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a chain");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = Self { port: listener.local_addr()?.port(), visits: Arc::default() };
        let visits = server.visits.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, visits) = (acceptor.clone(), visits.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut asked = [0; 4096];
                    // A client that does not believe may end the handshake before it says so.
                    if stream.read(&mut asked).await? > 0 {
                        visits.fetch_add(1, Ordering::SeqCst);
                        // Which no client takes for a reason to come again.
                        let answer =
                            b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                        stream.write_all(answer).await?;
                        stream.shutdown().await?;
                    }
                    io::Result::Ok(())
                });
            }
        });
        Ok(server)
    }
}
