//! Chromium through the proxy (T14): people browse as ever, and no page of theirs gets at the gateway, neither through
//! the proxy nor by the forwarder's port.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aigw_gateway::{Manner, Origin, OriginSetup, Recorded, Reply};
use aigw_tests::browser::Browser;
use aigw_tests::eventually::eventually;
use aigw_tests::machine::told;
use serde_json::{Value, json};

use super::town::{Town, path};

const ATTEMPTING: &str = include_str!("attempts.html");
const MODELS: &str = "https://api.anthropic.com/v1/models";
const REAL_HOST: &str = "from the real host";
const LIMIT: Duration = Duration::from_secs(30);

/// What the page tries, as the real host sees it: by method and path. A browser asks first whether it may send JSON or a
/// page's own field, and is not told that it may.
const ATTEMPTS: [(&str, &str, &str); 14] = [
    ("fetch_get", "GET", "/v1/models"),
    ("fetch_json", "OPTIONS", "/v1/messages"),
    ("fetch_text", "POST", "/v1/messages"),
    ("fetch_credentials", "POST", "/v1/messages"),
    ("no_cors_get", "GET", "/v1/models"),
    ("no_cors_post", "POST", "/v1/messages"),
    ("beacon", "POST", "/v1/messages"),
    ("form", "POST", "/v1/messages"),
    ("socket", "GET", "/v1/responses"),
    ("events", "GET", "/v1/models"),
    ("image", "GET", "/v1/models"),
    ("frame", "GET", "/v1/models"),
    ("script", "GET", "/v1/models"),
    ("style", "GET", "/v1/models"),
];

/// A town with one more site, which is the only one that the browser's own store of certificates knows.
struct Street {
    town: Town,
    site: Origin,
}

impl Street {
    async fn open(settings: &str) -> Self {
        let town = Town::open_with(&format!("listen.keyless = true\n{settings}")).await;
        town.origin.otherwise(Manner::Reply(Reply::new(200).body(REAL_HOST)));
        let readable = Reply::new(200).body(REAL_HOST).header("access-control-allow-origin", "*");
        town.origin.at("/v1/models", Manner::Reply(readable));

        let names = vec!["site.test".to_owned()];
        let site = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.expect("a site");
        let page = |text: &'static str| {
            Manner::Reply(Reply::new(200).header("content-type", "text/html").body(text))
        };
        site.at("/", page("<h1>from the site</h1>"));
        site.at("/attempts", page(ATTEMPTING));

        let ca = town.machine.home().join("site-ca.pem");
        std::fs::write(&ca, site.ca_pem()).expect("a file");
        let folder = town.machine.home().join(".pki/nssdb");
        std::fs::create_dir_all(&folder).expect("a folder");
        let database = format!("sql:{}", path(&folder));
        certutil(&["-N", "-d", &database, "--empty-password"]);
        certutil(&["-A", "-d", &database, "-n", "site", "-t", "C,,", "-i", path(&ca)]);
        Self { town, site }
    }

    /// With this machine's CA among the browser's, as a person would put it there.
    async fn with_ca(settings: &str) -> Self {
        let street = Self::open(settings).await;
        street.install_ca();
        street
    }

    fn install_ca(&self) {
        let output = self.town.machine.ctl(&["ca", "install", "--store", "nss"]);
        assert!(output.status.success(), "{}", told(&output));
    }

    /// A browser that can find no host but by the proxy.
    fn browser(&self) -> Browser {
        let proxy = format!("--proxy-server=http://{}", self.town.address());
        let flags = [
            &proxy,
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            // It would ask the person whether a page may speak to this machine, and nobody is there.
            "--disable-features=LocalNetworkAccessChecks",
        ];
        Browser::start(self.town.machine.home(), &flags)
    }

    fn url(&self) -> String {
        format!("https://site.test:{}", self.site.port())
    }

    /// Opens the page, which makes its attempts by these URLs, and returns what it could read.
    fn attempts(&self, browser: &Browser, calls: &str, sockets: &str) -> Value {
        browser.open(&format!("{}/attempts#{calls},{sockets}", self.url())).expect("the page");
        browser.wait_for("#state", "done");
        let told = browser.text("#told").expect("what the page could read");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(told.as_object().expect("an object").len(), ATTEMPTS.len(), "{told}");
        told
    }

    /// A request from this very profile does reach the gateway when no other site is behind it.
    fn reaches_gateway(&self, browser: &Browser, url: &str) {
        self.town.gateway.forget_requests();
        browser.open(url).expect("what the gateway says");
        let seen = self.town.only_request();
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/anthropic/v1/models"));
        assert_eq!(seen.headers("authorization"), [format!("Bearer {}", self.town.token)]);
        assert_eq!((seen.header("origin"), seen.header("sec-fetch-site")), (None, Some("none")));
        self.town.gateway.forget_requests();
    }

    #[track_caller]
    fn gateway_saw_nothing(&self) {
        let seen = self.town.gateway.provider_requests();
        assert!(seen.is_empty(), "{seen:#?}");
        self.town.nothing_leaked(&[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_opens_an_ai_host_once_the_ca_is_installed() {
    let street = Street::open("").await;
    let browser = street.browser();
    let refused = browser.open(MODELS).expect_err("nobody vouches for it");
    assert!(refused.contains("ERR_CERT_AUTHORITY_INVALID"), "{refused}");
    street.gateway_saw_nothing();
    drop(browser);

    street.install_ca();
    let browser = street.browser();
    // From here on it remembers certificates.
    browser.devtools("Network.enable", &json!({}));
    street.reaches_gateway(&browser, MODELS);
    assert!(browser.text("body").is_some_and(|text| text.contains("claude")), "{:?}", browser.text("body"));
    let ours = root_of(&browser, "https://api.anthropic.com");
    assert_eq!(ours, base64_of(&street.town.machine.root_pem()));

    browser.open(&street.url()).expect("the page");
    assert_eq!(browser.text("h1").as_deref(), Some("from the site"));
    assert_eq!(root_of(&browser, &street.url()), base64_of(street.site.ca_pem()));
    street.gateway_saw_nothing();

    // By nothing but the proxy.
    street.town.daemon.signal("KILL");
    let refused = browser.open(&street.url()).expect_err("there is no other way");
    assert!(refused.contains("ERR_PROXY_CONNECTION_FAILED"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_gets_no_further_than_the_real_host() {
    let mut street = Street::with_ca("").await;
    let browser = street.browser();
    street.reaches_gateway(&browser, MODELS);

    let told = street.attempts(&browser, "https://api.anthropic.com", "wss://api.openai.com");
    let arrived = |seen: &[Recorded]| ATTEMPTS.iter().all(|(name, ..)| by(seen, name).is_some());
    let all = street.town.origin.wait_until(arrived, LIMIT).await;
    let seen = street.town.origin.requests();
    assert!(all, "{seen:#?}");
    for (name, method, at) in ATTEMPTS {
        let seen = by(&seen, name).expect("the attempt");
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            (method, format!("{at}?by={name}").as_str())
        );
        let origin = seen.header("origin").is_some_and(|origin| origin.starts_with("https://site.test"));
        assert!(origin || seen.header("sec-fetch-site") == Some("cross-site"), "{seen:#?}");
        // It is the real host that decides what a page may read.
        let readable = if name == "fetch_get" { json!(REAL_HOST) } else { Value::Null };
        assert_eq!(told[name], readable, "{name}: {told}");
    }
    street.gateway_saw_nothing();
    street.reaches_gateway(&browser, MODELS);

    // So does a program's call where the page's went.
    let words = ["--silent", "--show-error", "--data", "{}", "https://api.anthropic.com/v1/messages"];
    street.town.proxied(Path::new("curl"), &words, &[], LIMIT).well();
    assert_eq!(street.town.only_request().path, "/anthropic/v1/messages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_is_refused_where_only_ai_calls_pass() {
    let street = Street::with_ca("intercept.unmatched = \"refuse\"").await;
    let browser = street.browser();
    street.reaches_gateway(&browser, MODELS);
    let told = street.attempts(&browser, "https://api.anthropic.com", "wss://api.openai.com");
    for (name, ..) in ATTEMPTS {
        assert_eq!(told[name], Value::Null, "{name}: {told}");
        assert!(by(&street.town.origin.requests(), name).is_none(), "{name}");
    }
    street.gateway_saw_nothing();
}

/// Even one that had found out a local key and the port. It speaks to the tap, to see that it does speak.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_gets_nothing_from_the_forwarder() {
    let street = Street::with_ca("").await;
    let browser = street.browser();
    let forwarder = format!("{}/_k/{}", street.town.tap.address, street.town.key);
    street.reaches_gateway(&browser, &format!("http://{forwarder}/anthropic/v1/models"));
    let told = street.attempts(
        &browser,
        &format!("http://{forwarder}/anthropic"),
        &format!("ws://{forwarder}/openai"),
    );
    let sent = |name: &str| {
        let ending = format!("?by={name}");
        street.town.tap.sent().into_iter().find(|sent| sent.target.ends_with(&ending))
    };
    for (name, method, _) in ATTEMPTS {
        let sent = eventually(name, || sent(name));
        assert_eq!(sent.method, method, "{sent:?}");
        assert_eq!(told[name], Value::Null, "{name}: {told}");
    }
    street.gateway_saw_nothing();
    street.reaches_gateway(&browser, &format!("http://{forwarder}/anthropic/v1/models"));
}

/// What was seen of an attempt.
fn by(seen: &[Recorded], name: &str) -> Option<Recorded> {
    let ending = format!("?by={name}");
    seen.iter().find(|seen| seen.target.ends_with(&ending)).cloned()
}

/// The last certificate of the chain by which the browser trusts a site, in base64.
fn root_of(browser: &Browser, origin: &str) -> String {
    let chain = browser.devtools("Network.getCertificate", &json!({ "origin": origin }));
    let chain = chain["tableNames"].as_array().expect("a chain");
    chain.last().and_then(Value::as_str).expect("a certificate").to_owned()
}

fn base64_of(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

fn certutil(words: &[&str]) {
    let output = Command::new("certutil").args(words).output().expect("certutil");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
}
