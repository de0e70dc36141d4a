//! What the browser shows at the end of a login: small, and complete in itself, so that it works without the network and
//! asks nobody for anything.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::Full;
use sha2::{Digest, Sha256};

/// The whole of an answer here.
pub type Body = Full<Bytes>;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:17px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}\
main{max-width:34rem;padding:2rem}\
h1{font-size:1.5rem;margin:0 0 .5rem}\
p{margin:.5rem 0;overflow-wrap:anywhere}\
.mark{font-size:2.5rem;line-height:1;margin-bottom:1rem}\
.good .mark{color:light-dark(#1a7f37,#3fb950)}\
.bad .mark{color:light-dark(#cf222e,#f85149)}";

/// Nothing but the style above is taken, and nobody may frame it.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    policy.try_into().unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// A page at the end.
#[derive(Debug)]
pub struct Page {
    good: bool,
    title: &'static str,
    lines: Vec<String>,
}

impl Page {
    /// It worked.
    pub fn good(title: &'static str, lines: Vec<String>) -> Self {
        Self { good: true, title, lines }
    }

    /// It did not.
    pub fn bad(title: &'static str, lines: Vec<String>) -> Self {
        Self { good: false, title, lines }
    }

    /// As the browser gets it.
    pub fn into_response(self) -> Response<Body> {
        let (class, mark) = if self.good { ("good", "\u{2713}") } else { ("bad", "\u{2715}") };
        let title = self.title;
        let lines: String = self.lines.iter().map(|line| format!("<p>{}</p>", escaped(line))).collect();
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} \u{b7} aigw</title>\
             <style>{STYLE}</style></head><body><main id=\"end\" class=\"{class}\">\
             <div class=\"mark\" aria-hidden=\"true\">{mark}</div><h1>{title}</h1>{lines}</main></body></html>\n"
        );
        let status = if self.good { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        answer(status, "text/html; charset=utf-8", html)
    }
}

/// An answer to what is no login's.
pub fn plain(status: StatusCode, text: &str) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        // The address of this page has the code in it.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ] {
        response.headers_mut().insert(name, value);
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_page_is_complete_and_quotes_nobody_as_html() {
        let page = Page::bad("No", vec!["said: <script src=//evil.test>\"&".to_owned()]).into_response();
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(page.headers()[REFERRER_POLICY], "no-referrer");
        let body = page.into_body().collect().await.unwrap().to_bytes();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains("<p>said: &lt;script src=//evil.test&gt;&quot;&amp;</p>"), "{body}");
        for outside in ["<script", "http:", "https:", "url(", "<link", "<img", "@import"] {
            assert!(!body.contains(outside), "{outside} in {body}");
        }
    }
}
