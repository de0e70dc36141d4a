//! What stands in front of a deployment: a zero-trust gateway that wants header lines, TLS that wants a certificate.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;

use aigw_gateway::{Identity, Practice, Setup};

use crate::client::{exchange, send};
use crate::{HOUR, started};

#[tokio::test]
async fn nothing_passes_without_what_the_front_demands() {
    let (gateway, token) = started().await;
    let demanded = ("cf-access-token".to_owned(), "right".to_owned());
    gateway.change(|b| b.front_demands = vec![demanded]);
    let bearer = format!("Bearer {token}");
    for line in
        ["GET /api/v2/buildinfo", "GET /api/v2/users/me", "GET /api/v2/ai-gateway/openai/v1/models", "GET /x"]
    {
        let mut headers = vec![("authorization", bearer.as_str()), ("coder-session-token", token.as_str())];
        let answer = send(&gateway, line, &headers, "").await;
        assert_eq!((answer.status, answer.header("content-type")), (403, "text/html; charset=utf-8"));
        headers.push(("cf-access-token", "wrong"));
        assert_eq!(send(&gateway, line, &headers, "").await.status, 403, "{line}");
        headers.push(("cf-access-token", "right"));
        assert_ne!(send(&gateway, line, &headers, "").await.status, 403, "{line}");
    }
}

/// The status of build info over TLS, or why there is none.
async fn build_info(gateway: &Practice, identity: Option<&Identity>) -> std::io::Result<u16> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(gateway.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = vec![CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let stream = TcpStream::connect(gateway.address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    // With TLS 1.3 the refusal comes only now.
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(b"HEAD /api/v2/buildinfo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split(' ').nth(1).unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_client_certificate_can_be_demanded() {
    let setup = Setup { tls: true, client_certificates: true, ..Setup::default() };
    let gateway = Practice::start(setup).await.unwrap();
    let (good, strange) =
        (gateway.client_identity("laptop").unwrap(), gateway.strange_identity("laptop").unwrap());
    assert_eq!(build_info(&gateway, Some(&good)).await.unwrap(), 200);
    build_info(&gateway, None).await.unwrap_err();
    build_info(&gateway, Some(&strange)).await.unwrap_err();
    assert_eq!(gateway.requests().len(), 1);
    gateway.restart().await.unwrap();
    build_info(&gateway, None).await.unwrap_err();
}

#[tokio::test]
async fn the_deployment_knows_its_url() {
    let setup = Setup { path: "coder".to_owned(), ..Setup::default() };
    let gateway = Practice::start(setup).await.unwrap();
    gateway.issue_token("ada", HOUR);
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let info = exchange(stream, "GET /coder/api/v2/buildinfo", &[("host", "coder.test:1")], "").await;
    assert_eq!(info.json()["dashboard_url"], "http://coder.test:1/coder");
}
