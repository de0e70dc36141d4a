//! The corporate proxy in its moods.

use std::time::{Duration, Instant};

use aigw_gateway::{Corporate, CorporateManner, CorporateSetup, Fate, Origin, OriginSetup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::PATIENCE;
use crate::client::{exchange, tls_over, tunnel};

const TARGET: &str = "site.example.test:443";

/// A proxy, and an origin that it takes for `site.example.test`.
async fn started(setup: CorporateSetup) -> (Corporate, Origin) {
    let names = vec!["site.example.test".to_owned()];
    let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap();
    let corporate = Corporate::start(setup).await.unwrap();
    corporate.change(|manner| manner.detours.push(("site.example.test".to_owned(), origin.address())));
    (corporate, origin)
}

async fn dialled(corporate: &Corporate) -> TcpStream {
    TcpStream::connect(corporate.address()).await.unwrap()
}

#[tokio::test]
async fn tunnels_for_everybody() {
    let (corporate, origin) = started(CorporateSetup::default()).await;
    let (head, stream) = tunnel(dialled(&corporate).await, TARGET, None).await;
    assert_eq!(head, "HTTP/1.1 200 Connection established\r\n\r\n");
    let stream = tls_over(stream, origin.ca_pem(), "site.example.test", &[]).await.unwrap();
    assert_eq!(exchange(stream, "GET /", &[("host", "h")], "").await.status, 200);
    let connect = corporate.connects().remove(0);
    assert_eq!((connect.target.as_str(), connect.login, connect.fate), (TARGET, None, Fate::Tunnelled));
    assert_eq!(connect.headers, [("Host".to_owned(), TARGET.to_owned())]);
    let (head, _) = tunnel(dialled(&corporate).await, "[::1]:1", None).await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
}

#[tokio::test]
async fn https_with_a_login_on_the_connection_that_was_refused() {
    let manner = CorporateManner { login: Some(("ada".into(), "a:b".into())), ..CorporateManner::default() };
    let (corporate, _origin) =
        started(CorporateSetup { tls: true, manner, ..CorporateSetup::default() }).await;
    assert!(corporate.url().starts_with("https://127.0.0.1:"));
    let stream = tls_over(dialled(&corporate).await, corporate.ca_pem(), "localhost", &[]).await.unwrap();
    let (head, mut stream) = tunnel(stream, TARGET, Some("ada:wrong")).await;
    assert!(head.starts_with("HTTP/1.1 407 "), "{head}");
    assert!(head.contains("Proxy-Authenticate: Basic realm=\"corporate\"\r\n"), "{head}");
    let mut body = [0; 35];
    stream.read_exact(&mut body).await.unwrap();
    let (head, _) = tunnel(stream, TARGET, Some("ada:a:b")).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let logins: Vec<_> = corporate.connects().into_iter().filter_map(|connect| connect.login).collect();
    assert_eq!(logins, [("ada".into(), "wrong".into()), ("ada".into(), "a:b".into())]);
}

#[tokio::test]
async fn refusals_and_other_trouble() {
    let (corporate, _origin) = started(CorporateSetup::default()).await;
    corporate.change(|manner| manner.challenges = vec!["Negotiate".to_owned(), "NTLM".to_owned()]);
    let (head, _) = tunnel(dialled(&corporate).await, TARGET, Some("ada:x")).await;
    assert!(head.contains("Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n"), "{head}");
    corporate.change(|manner| manner.refuse = Some(503));
    let (head, _) = tunnel(dialled(&corporate).await, TARGET, None).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let delay = Duration::from_millis(50);
    corporate.change(|manner| (manner.hang_up, manner.delay) = (true, delay));
    let begun = Instant::now();
    assert_eq!(tunnel(dialled(&corporate).await, TARGET, None).await.0, "");
    assert!(begun.elapsed() >= delay);
    let enough = |seen: &[aigw_gateway::Connect]| seen.len() == 3 && seen[2].fate == Fate::Closed;
    assert!(corporate.wait_until(enough, PATIENCE).await);
}

#[tokio::test]
async fn bytes_may_follow_the_answer_at_once() {
    let (corporate, _origin) = started(CorporateSetup::default()).await;
    corporate.change(|manner| manner.ahead = b"early".to_vec());
    let (_, mut stream) = tunnel(dialled(&corporate).await, TARGET, None).await;
    let mut early = [0; 5];
    stream.read_exact(&mut early).await.unwrap();
    assert_eq!(&early, b"early");
}

#[tokio::test]
async fn plain_requests_are_forwarded_without_the_login() {
    let origin = Origin::start(OriginSetup { tls: false, ..OriginSetup::default() }).await.unwrap();
    let corporate = Corporate::start(CorporateSetup::default()).await.unwrap();
    let mut stream = dialled(&corporate).await;
    let head = format!(
        "POST http://{}/path?q HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic YTpi\r\nContent-Length: 4\r\n\r\nbody",
        origin.address()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = origin.requests().remove(0);
    assert_eq!((seen.target.as_str(), seen.body_text().as_str()), ("/path?q", "body"));
    assert_eq!(seen.header("proxy-authorization"), None);
    assert_eq!(corporate.connects()[0].login, Some(("a".to_owned(), "b".to_owned())));
}
