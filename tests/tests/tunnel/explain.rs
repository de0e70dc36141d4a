//! `aigwctl explain` says what then happens: each request is explained, made, and compared.

use aigw_gateway::Setup;
use aigw_tests::inside::Greeting;
use aigw_tests::machine;
use aigw_tests::raw::{self, Answer, Raw};
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{absolute, closed_port, scene_with, web};

fn explain(scene: &Scene, words: &[&str]) -> Value {
    scene.machine.ask(&[&["explain"], words].concat())
}

/// What it says: an outcome, or the kind of failure.
fn said(told: &Value) -> String {
    told["refusal"]["code"]
        .as_str()
        .unwrap_or_else(|| told["outcome"].as_str().expect("an outcome"))
        .to_owned()
}

/// What is seen of a request that was made: a failure of ours, or that it got an answer.
fn seen(answer: &Answer) -> String {
    answer.error().map_or_else(|| format!("{}", answer.status), str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn tunnels_and_plain_requests_end_as_it_is_said() {
    let origin = web().await;
    let at = origin.address();
    for settings in ["", "[tunnel]\nblock_private = true\n", "[tunnel]\nports = [443]\n"] {
        let scene = scene_with(settings).await;
        let own = scene.daemon.port;
        let gateway = scene.gateway.address();
        for target in [
            at.to_string(),
            format!("localhost:{}", at.port()),
            format!("127.1:{}", at.port()),
            gateway.to_string(),
            format!("127.0.0.1:{own}"),
            format!("localhost:{own}"),
            format!("[::ffff:127.0.0.1]:{own}"),
            "169.254.169.254:443".to_owned(),
            "2852039166:443".to_owned(),
            "no-such-host.invalid:443".to_owned(),
            "localhost".to_owned(),
        ] {
            let told = explain(&scene, &[&target]);
            let opened = Raw::connect(scene.address()).tunnel(&target, Some(&scene.key), &[]);
            let expected = if opened.status == 200 { "tunnel".to_owned() } else { seen(&opened) };
            assert_eq!(said(&told), expected, "{settings:?} {target} {told}");
            if told["refusal"].is_object() {
                let text = opened.text();
                let same = text.contains(told["refusal"]["text"].as_str().unwrap());
                assert!(same, "{told} {text}");
                assert_eq!(told["outcome"], "refused");
            }
        }
        for url in [
            format!("http://{at}/page"),
            format!("http://localhost:{}/page", at.port()),
            format!("http://127.0.0.1:{own}/openai/v1/models"),
            format!("http://127.0.0.1:{own}/nonsense"),
            format!("http://127.1:{own}/openai/v1/models"),
            "http://api.anthropic.com/v1/messages".to_owned(),
            "http://api.openai.com./v1/models".to_owned(),
            "http://169.254.169.254/latest".to_owned(),
            format!("http://ada@{at}/page"),
            "http://no-such-host.invalid/".to_owned(),
        ] {
            let told = explain(&scene, &[&url, "--method", "GET"]);
            let request = absolute("GET", &url, &scene.key, &[], "").replacen("host: ada@", "host: ", 1);
            let answer = raw::exchange(scene.address(), request);
            let reached = (origin.requests().len(), scene.gateway.provider_requests().len());
            match said(&told).as_str() {
                "plain" => assert_eq!(reached, (1, 0), "{settings:?} {url} {}", answer.text()),
                "gateway" => assert_eq!(reached, (0, 1), "{settings:?} {url} {}", answer.text()),
                failure => {
                    assert_eq!(failure, seen(&answer), "{settings:?} {url} {told}");
                    assert_eq!(reached, (0, 0), "{settings:?} {url}");
                }
            }
            origin.forget_requests();
            scene.gateway.forget_requests();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_nobody() {
    let scene = scene_with("").await;
    let (listener, address) = crate::listener();
    for target in [address.to_string(), format!("http://{address}/")] {
        explain(&scene, &[&target]);
    }
    explain(&scene, &["https://api.anthropic.com/v1/messages"]);
    crate::untouched(&listener);
    assert!(scene.gateway.provider_requests().is_empty());
    // Whether somebody is there is not asked either.
    assert_eq!(said(&explain(&scene, &[&closed_port().to_string()])), "tunnel");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_pages_tunnel_is_refused_in_both() {
    let scene = scene_with("").await;
    let origin = web().await;
    let target = origin.address().to_string();
    let page = "origin: https://page.test";
    let told = explain(&scene, &[&target, "--header", page]);
    let refused = Raw::connect(scene.address()).tunnel(&target, Some(&scene.key), &[page]);
    assert_eq!((said(&told), seen(&refused)), ("web-page-refused".to_owned(), "web-page-refused".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_on_an_intercepted_host_go_where_it_says() {
    // What is not for the gateway is refused here, so that nothing has to leave this machine.
    let scene = scene_with("[intercept]\nunmatched = \"refuse\"\n").await;
    for (method, path, header, outcome) in [
        ("POST", "/v1/messages", None, "gateway"),
        ("POST", "/v1/messages?beta=true", None, "gateway"),
        ("GET", "/v1/models", None, "gateway"),
        ("POST", "/api/event_logging/batch", None, "path-refused"),
        ("GET", "/v1/oauth/token", None, "path-refused"),
        ("POST", "/v1/messages", Some("origin: https://page.test"), "path-refused"),
        ("POST", "/v1/messages", Some("sec-fetch-site: cross-site"), "path-refused"),
    ] {
        let url = format!("https://api.anthropic.com{path}");
        let mut words = vec![url.as_str(), "--method", method];
        words.extend(header.iter().flat_map(|header| ["--header", header]));
        let told = explain(&scene, &words);
        assert_eq!(said(&told), outcome, "{words:?} {told}");
        scene.gateway.forget_requests();
        let roots = scene.machine.root_pem();
        let raw = scene.tunnel("api.anthropic.com:443").unwrap();
        let inside = Greeting::new(&roots, "api.anthropic.com").over(raw).await.unwrap();
        let lines: Vec<_> = header.into_iter().collect();
        let answer = inside.http().await.ask(method, path, &lines, "{}").await;
        match outcome {
            "gateway" => {
                assert_eq!(answer.error(), None, "{words:?} {}", answer.text());
                let target = scene.only_request().target;
                let steps = told["steps"].to_string();
                let path = target.split('?').next().unwrap();
                assert!(steps.contains(path), "{steps} {target}");
            }
            failure => {
                assert_eq!(seen(&answer), failure, "{words:?} {}", answer.text());
                assert!(scene.gateway.requests().is_empty());
            }
        }
    }
    // The default says that they go to the host itself.
    let scene = scene_with("").await;
    let told = explain(&scene, &["https://api.anthropic.com/api/event_logging/batch"]);
    assert_eq!(said(&told), "host", "{told}");
    assert!(told["steps"].to_string().contains("own credential"), "{told}");
    let told = explain(&scene, &["api.anthropic.com:443"]);
    assert_eq!(said(&told), "gateway", "{told}");
    // Another port is another thing.
    let scene = scene_with("[tunnel]\nports = [443]\n").await;
    let told = explain(&scene, &["https://api.anthropic.com:8443/v1/messages"]);
    assert_eq!(said(&told), "target-refused", "{told}");
    assert_eq!(scene.tunnel("api.anthropic.com:8443").unwrap_err().error(), Some("target-refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_that_is_not_quite_right_is_mended_in_both() {
    let scene = scene_with("").await;
    let own = format!("http://{}", scene.address());
    for path in ["/openai/v1/v1/models", "/anthropic/v1/v1/messages", "/v1/models", "/v1/messages"] {
        let method = if path.ends_with("models") { "GET" } else { "POST" };
        let told = explain(&scene, &[&format!("{own}{path}"), "--method", method]);
        scene.gateway.forget_requests();
        let answer = if method == "GET" { scene.get(path, &[]) } else { scene.post(path, &[], "{}") };
        let reached = scene.gateway.provider_requests();
        match said(&told).as_str() {
            "gateway" => {
                assert_eq!(reached.len(), 1, "{path} {told} {}", answer.text());
                assert!(told["steps"].to_string().contains(&reached[0].path), "{told} {}", reached[0].path);
            }
            failure => assert_eq!((failure, reached.len()), (seen(&answer).as_str(), 0), "{path}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_both_say_so() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    let machine = machine!();
    machine.configure(&format!("[gateway.default]\nurl = \"{}\"\n", gateway.url()));
    let daemon = machine.start();
    let key = machine.key("env");
    let url = format!("http://{}/openai/v1/models", daemon.address);
    let told = machine.ask(&["explain", &url, "--method", "GET"]);
    let answer = raw::exchange(&daemon.address, raw::get(&daemon.address, "/openai/v1/models", &key, &[]));
    assert_eq!(
        (said(&told), seen(&answer)),
        ("not-logged-in".to_owned(), "not-logged-in".to_owned()),
        "{told}"
    );
    let told = machine.ask(&["explain", "https://api.anthropic.com/v1/messages"]);
    let raw = raw::tunnel(&daemon.address, "api.anthropic.com:443", Some(&key)).unwrap();
    let inside = Greeting::new(&machine.root_pem(), "api.anthropic.com").over(raw).await.unwrap();
    let answer = inside.http().await.ask("POST", "/v1/messages", &[], "{}").await;
    assert_eq!(
        (said(&told), seen(&answer)),
        ("not-logged-in".to_owned(), "not-logged-in".to_owned()),
        "{told}"
    );
}
