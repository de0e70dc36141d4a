//! The deployment's own proxy.

use aigw_gateway::{
    Behaviour, Credential, Fate, Origin, OriginSetup, Plane, Practice, ProxyBehaviour, ProxySetup, Reply,
    Setup,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, exchange, send, tls_over, tunnel};
use crate::{HOUR, PATIENCE};

const HOST: &str = "api.anthropic.com";
const TARGET: &str = "api.anthropic.com:443";

async fn proxied(proxy: ProxySetup) -> (Practice, String) {
    let gateway = Practice::start(Setup { proxy: Some(proxy), ..Setup::default() }).await.unwrap();
    let token = gateway.issue_token("ada", HOUR);
    (gateway, token)
}

async fn dialled(gateway: &Practice) -> TcpStream {
    TcpStream::connect(gateway.proxy_address().unwrap()).await.unwrap()
}

/// One request inside an opened CONNECT.
async fn inside(gateway: &Practice, token: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (answer, stream) = tunnel(dialled(gateway).await, TARGET, Some(&format!("coder:{token}"))).await;
    assert_eq!(answer, "HTTP/1.0 200 OK\r\n\r\n");
    let stream = tls_over(stream, gateway.proxy_ca_pem(), HOST, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    exchange(stream, line, &[&[("host", HOST)], headers].concat(), body).await
}

#[tokio::test]
async fn a_request_inside_becomes_one_to_the_gateway() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("accept-encoding", "gzip"), ("proxy-connection", "keep-alive")];
    let answer = inside(&gateway, &token, "POST /v1/messages?beta=true", &headers, "{}").await;
    assert_eq!(answer.status, 200);
    let seen = gateway.provider_requests().remove(0);
    assert_eq!(seen.target, "/api/v2/aibridge/anthropic/v1/messages?beta=true");
    assert_eq!(seen.upstream.as_ref().unwrap().credential, Credential::Centralized);
    assert_eq!(seen.header("host"), Some(gateway.address().to_string().as_str()));
    assert_eq!(seen.header("x-coder-ai-governance-request-id").unwrap().len(), 36);
    for gone in ["accept-encoding", "proxy-connection", "x-coder-ai-governance-token"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    let proxied = seen.proxied.unwrap();
    assert_eq!((proxied.host.as_str(), proxied.provider.as_str()), (HOST, "anthropic"));
    assert_eq!(proxied.line, "POST /v1/messages?beta=true");
    assert!(proxied.headers.contains(&("accept-encoding".to_owned(), "gzip".to_owned())));
    let connect = gateway.connects().remove(0);
    assert_eq!((connect.target.as_str(), connect.login), (TARGET, Some(("coder".to_owned(), token))));
    assert_eq!(connect.fate, Fate::Intercepted("anthropic".to_owned()));
}

#[tokio::test]
async fn a_bearer_of_the_clients_own_gets_the_governance_header() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    let own = [("authorization", "Bearer sk-ant-own")];
    assert_eq!(inside(&gateway, &token, "POST /v1/messages", &own, "{}").await.status, 200);
    let seen = gateway.provider_requests().remove(0);
    assert_eq!(seen.header("x-coder-ai-governance-token"), Some(token.as_str()));
    assert_eq!(seen.upstream.unwrap().credential, Credential::Byok);
    // An API key alone gets none, so it is read as a token.
    let answer = inside(&gateway, &token, "POST /v1/messages", &[("x-api-key", "sk-ant-own")], "{}").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "unauthorized\n"));
    // A header that is there stays.
    let theirs = [own[0], ("x-coder-ai-governance-token", "theirs")];
    assert_eq!(inside(&gateway, &token, "POST /v1/messages", &theirs, "{}").await.status, 403);
    assert_eq!(gateway.provider_requests()[2].header("x-coder-ai-governance-token"), Some("theirs"));
    // Nobody looked at the token before the gateway did.
    assert_eq!(inside(&gateway, "wrong", "POST /v1/messages", &own, "{}").await.status, 403);
}

#[tokio::test]
async fn a_login_must_be_there_and_well_formed() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    for login in [None, Some("coder:"), Some("coder")] {
        let (head, mut stream) = tunnel(dialled(&gateway).await, "API.Anthropic.COM:443", login).await;
        assert!(head.starts_with("HTTP/1.1 407 "), "{head}");
        assert!(head.contains("Proxy-Authenticate: Basic realm=\"Coder AI Bridge Proxy\"\r\n"), "{head}");
        assert!(head.contains("Proxy-Connection: close\r\n"), "{head}");
        let mut body = String::new();
        stream.read_to_string(&mut body).await.unwrap();
        assert_eq!(body, "Proxy Authentication Required");
    }
    let mut stream = dialled(&gateway).await;
    let bearer = format!("CONNECT {TARGET} HTTP/1.1\r\nProxy-Authorization: Bearer {token}\r\n\r\n");
    stream.write_all(bearer.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 407 "), "{answer}");
    let mut stream = dialled(&gateway).await;
    stream
        .write_all(b"GET http://api.anthropic.com/ HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n")
        .await
        .unwrap();
    answer.clear();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 407 ") && answer.ends_with("Proxy authentication required"),
        "{answer}"
    );
    assert!(gateway.connects().iter().all(|connect| connect.fate == Fate::Refused(407)));
}

#[tokio::test]
async fn other_ports_are_closed_without_a_word() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    let login = format!("coder:{token}");
    for target in ["api.anthropic.com:8443", "api.anthropic.com", "api.anthropic.com:0", "other.test:22"] {
        assert_eq!(tunnel(dialled(&gateway).await, target, Some(&login)).await.0, "", "{target}");
    }
    gateway.change(|b| b.proxy.ports.push(8443));
    let (head, _stream) = tunnel(dialled(&gateway).await, "api.anthropic.com:8443", Some(&login)).await;
    assert!(head.contains(" 200 "), "{head}");
}

#[tokio::test]
async fn other_hosts_are_tunnelled_without_a_login() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    let names = vec!["pypi.example.test".to_owned()];
    let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap();
    gateway.change(|b| {
        b.proxy.detours.push(("pypi.example.test".to_owned(), origin.address()));
    });
    let target = "pypi.example.test:443";
    let (head, stream) = tunnel(dialled(&gateway).await, target, None).await;
    assert_eq!(head, "HTTP/1.0 200 Connection established\r\n\r\n");
    let stream = tls_over(stream, origin.ca_pem(), "pypi.example.test", &["http/1.1"]).await.unwrap();
    let bearer = format!("Bearer {token}");
    let answer = exchange(stream, "GET /simple/", &[("host", "h"), ("authorization", &bearer)], "").await;
    assert_eq!(answer.json()["origin"], "pypi.example.test");
    assert_eq!(origin.requests()[0].headers.len(), 2);
    assert_eq!(gateway.requests().len(), 0);
    gateway.change(|b| b.proxy.block_private = true);
    let (head, _) = tunnel(dialled(&gateway).await, target, None).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    gateway.change(|b| b.proxy.block_private = false);
    origin.stop().await;
    let (head, _) = tunnel(dialled(&gateway).await, target, None).await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    let fates: Vec<_> = gateway.connects().into_iter().map(|connect| connect.fate).collect();
    assert_eq!(fates, [Fate::Tunnelled, Fate::Refused(403), Fate::Refused(502)]);
}

#[tokio::test]
async fn a_provider_that_goes_away_sends_an_open_tunnel_to_the_real_host() {
    let names = vec![HOST.to_owned()];
    let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap();
    let proxy = ProxySetup { trust: vec![origin.ca_pem().to_owned()], ..ProxySetup::default() };
    let (gateway, token) = proxied(proxy).await;
    gateway.change(|b| b.proxy.detours.push((HOST.to_owned(), origin.address())));
    let (_, stream) = tunnel(dialled(&gateway).await, TARGET, Some(&format!(":{token}"))).await;
    let stream = tls_over(stream, gateway.proxy_ca_pem(), HOST, &[]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let bearer = format!("Bearer {token}");
    let headers = [("host", HOST), ("authorization", bearer.as_str())];
    let mut ask = async || {
        let request = crate::client::request("POST /v1/messages", &headers, "{}");
        Answer::read(sender.send_request(request).await.unwrap()).await
    };
    assert!(ask().await.body.contains("\"message\""));
    gateway.change(|b| b.provider("anthropic").enabled = false);
    assert_eq!(ask().await.json()["origin"], HOST);
    assert_eq!(gateway.requests()[1].plane, Plane::Onward);
    gateway.change(|b| b.provider("anthropic").enabled = true);
    assert!(ask().await.body.contains("\"message\""));
    assert_eq!((gateway.provider_requests().len(), origin.requests().len()), (2, 1));
}

#[tokio::test]
async fn what_is_not_tls_inside_is_served_too() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    let (_, stream) = tunnel(dialled(&gateway).await, TARGET, Some(&format!("x:{token}"))).await;
    let headers = [("host", HOST), ("authorization", &format!("Bearer {token}"))];
    assert_eq!(exchange(stream, "GET /v1/models", &headers, "").await.status, 200);
    assert!(!gateway.requests()[0].tls);
}

#[tokio::test]
async fn the_leaf_is_for_the_connect_host_and_made_once() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    let mut leaves = Vec::new();
    for _ in 0..2 {
        let (_, stream) = tunnel(dialled(&gateway).await, TARGET, Some(&format!("x:{token}"))).await;
        let stream = tls_over(stream, gateway.proxy_ca_pem(), HOST, &[]).await.unwrap();
        leaves.push(stream.get_ref().1.peer_certificates().unwrap()[0].clone());
    }
    assert_eq!(leaves[0], leaves[1]);
    let (_, stream) = tunnel(dialled(&gateway).await, TARGET, Some(&format!("x:{token}"))).await;
    assert!(tls_over(stream, gateway.proxy_ca_pem(), "other.test", &[]).await.is_err());
}

#[tokio::test]
async fn the_certificate_is_given_to_who_is_logged_in() {
    let (gateway, token) = proxied(ProxySetup { tls: true, ..ProxySetup::default() }).await;
    let logged_in = [("coder-session-token", token.as_str())];
    for mount in ["aibridge", "ai-gateway"] {
        let line = format!("GET /api/v2/{mount}/proxy/ca-cert.pem");
        assert_eq!(send(&gateway, &line, &[], "").await.status, 401);
        let answer = send(&gateway, &line, &logged_in, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, gateway.proxy_ca_pem()));
        assert_eq!(answer.header("content-type"), "application/x-pem-file");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=ca-cert.pem");
    }
    // The listener has another certificate.
    let stream = tls_over(dialled(&gateway).await, gateway.ca_pem(), "localhost", &[]).await.unwrap();
    let (head, _) = tunnel(stream, TARGET, Some(&format!("x:{token}"))).await;
    assert_eq!(head, "HTTP/1.0 200 OK\r\n\r\n");
    assert!(gateway.proxy_url(&token).starts_with(&format!("https://coder:{token}@127.0.0.1:")));

    gateway.change(|b| b.proxy.off = true);
    let line = "GET /api/v2/aibridge/proxy/ca-cert.pem";
    assert_eq!(send(&gateway, line, &logged_in, "").await.status, 404);
    let stream = tls_over(dialled(&gateway).await, gateway.ca_pem(), "localhost", &[]).await.unwrap();
    assert_eq!(tunnel(stream, TARGET, Some(&format!("x:{token}"))).await.0, "");
}

#[tokio::test]
async fn without_a_proxy_there_is_no_certificate() {
    let (gateway, token) = crate::started().await;
    let headers = [("coder-session-token", token.as_str())];
    let line = "GET /api/v2/aibridge/proxy/ca-cert.pem";
    assert_eq!(send(&gateway, line, &headers, "").await.status, 404);
    assert_eq!((gateway.proxy_address(), gateway.proxy_url(&token).as_str()), (None, ""));
}

#[tokio::test]
async fn websockets_work_inside() {
    let proxy = ProxyBehaviour::default();
    let behaviour = Behaviour { websocket: aigw_gateway::WebSocket::Relay, proxy, ..Behaviour::default() };
    let setup = Setup { proxy: Some(ProxySetup::default()), behaviour, ..Setup::default() };
    let gateway = Practice::start(setup).await.unwrap();
    let token = gateway.issue_token("ada", HOUR);
    let (_, stream) =
        tunnel(dialled(&gateway).await, "api.openai.com:443", Some(&format!("x:{token}"))).await;
    let mut stream = tls_over(stream, gateway.proxy_ca_pem(), "api.openai.com", &[]).await.unwrap();
    let head = format!(
        "GET /v1/responses HTTP/1.1\r\nHost: api.openai.com\r\nAuthorization: Bearer {token}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 101");
    assert!(gateway.wait_until(|seen| seen[0].proxied.is_some(), PATIENCE).await);
}

#[tokio::test]
async fn scripted_answers_meet_requests_inside_too() {
    let (gateway, token) = proxied(ProxySetup::default()).await;
    gateway.answer_next(1, Reply::plain(418, "teapot"));
    assert_eq!(inside(&gateway, &token, "POST /v1/messages", &[], "{}").await.status, 418);
}
