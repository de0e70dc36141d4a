use std::io::{Read, Write};

use rustls::client::ClientConnection;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConnection};

use super::*;
use crate::dial::crypto;

const HOST: &str = "api.openai.com";

fn wanted() -> Vec<String> {
    vec![HOST.to_owned()]
}

fn ca() -> (tempfile::TempDir, Ca) {
    let home = tempfile::tempdir().unwrap();
    let ca = Ca::new(&home.path().join("ca"));
    (home, ca)
}

/// A client that trusts this root alone: the protocol it agreed on, or why it did not.
fn shake(server: Arc<ServerConfig>, root_pem: &str) -> Result<Option<Vec<u8>>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes()).unwrap()).unwrap();
    let mut client = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(HOST).unwrap()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    client.writer().write_all(b"hello").unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    server.read_tls(&mut bytes.as_slice()).unwrap();
    server.process_new_packets()?;
    let mut read = [0; 5];
    server.reader().read_exact(&mut read).unwrap();
    assert_eq!(&read, b"hello");
    Ok(client.alpn_protocol().map(<[u8]>::to_vec))
}

#[test]
fn the_first_host_that_is_served_makes_the_authority_and_its_root_is_enough() {
    let (home, ca) = ca();
    assert!(!home.path().join("ca").exists() && ca.findings(&wanted()).is_empty());
    let served = ca.serve(HOST, true, wanted).unwrap();
    let root = ca.status(&wanted()).unwrap().root_pem;
    assert_eq!(shake(served.clone(), &root).unwrap().unwrap(), b"h2");
    assert_eq!(shake(ca.serve(HOST, false, wanted).unwrap(), &root).unwrap().unwrap(), b"http/1.1");
    // The names of the first call are those it has.
    let other = ca.serve("ai.example.com", true, || vec!["ai.example.com".to_owned()]);
    assert_eq!(other.unwrap_err().kind, Kind::CaOutgrown);
    assert_eq!(ca.serve("10.0.0.1", true, wanted).unwrap_err().kind, Kind::CaOutgrown);
    assert!(Arc::ptr_eq(&ca.serve(HOST, true, wanted).unwrap(), &served));
}

#[test]
fn many_first_hosts_at_once_make_one_authority() {
    let (home, ca) = ca();
    std::thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(|| ca.serve(HOST, true, wanted).unwrap())));
    });
    assert_eq!(list::authorities(&home.path().join("ca")).len(), 1);
}

#[test]
fn the_old_one_signs_until_the_new_one_takes_over() {
    let (_home, ca) = ca();
    let old = ca.status(&wanted()).unwrap().root_pem;
    ca.rotate(&wanted()).unwrap();
    let new = ca.status(&wanted()).unwrap().next.unwrap().root_pem;
    let served = |root: &str| shake(ca.serve(HOST, true, wanted).unwrap(), root);
    assert!(served(&old).is_ok() && served(&new).is_err());
    ca.finish().unwrap();
    assert!(served(&old).is_err() && served(&new).is_ok());
}

#[test]
fn t1_nothing_is_served_while_others_may_read_the_key() {
    let (_home, ca) = ca();
    ca.serve(HOST, true, wanted).unwrap();
    let key = PathBuf::from(ca.status(&wanted()).unwrap().intermediate_key);
    let mode = |mode| std::process::Command::new("chmod").arg(mode).arg(&key).status();
    if mode("644").is_err() {
        // A system without modes.
        return;
    }
    assert_eq!(ca.serve(HOST, true, wanted).unwrap_err().kind, Kind::CaUnsafe);
    mode("600").unwrap();
    ca.serve(HOST, true, wanted).unwrap();
    mode("644").unwrap();
    ca.rotate(&wanted()).unwrap();
    let root = ca.status(&wanted()).unwrap().root_pem;
    assert!(shake(ca.serve(HOST, true, wanted).unwrap(), &root).is_ok());
}
