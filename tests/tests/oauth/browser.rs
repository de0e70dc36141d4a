//! A browser as far as a login needs one: it opens a page, presses a button, and goes where it is sent.

use aigw_tests::raw::{self, Answer};

/// Host with port, and the rest, of an `http` URL.
pub(crate) fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("no http URL: {url}"));
    let (host, _) = rest.split_once('/').unwrap_or_else(|| panic!("no path: {url}"));
    (host, &rest[host.len()..])
}

/// Opens a page.
pub(crate) fn open(url: &str) -> Answer {
    let (host, target) = parts(url);
    send(host, &format!("GET {target}"), host, &[], "")
}

/// Presses one of the deployment's buttons: where it sends the browser.
pub(crate) fn press(page: &str, button: &str) -> String {
    let (host, target) = parts(page);
    let form = ["content-type: application/x-www-form-urlencoded"];
    let answer = send(host, &format!("POST {target}"), host, &form, &format!("decision={button}"));
    assert_eq!(answer.status, 302, "{}", answer.text());
    answer.field("location").unwrap().to_owned()
}

/// One exchange at this address, whatever `Host` says.
pub(crate) fn send(address: &str, line: &str, host: &str, more: &[&str], body: &str) -> Answer {
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    let length = body.len();
    raw::exchange(
        address,
        format!("{line} HTTP/1.1\r\nhost: {host}\r\n{more}content-length: {length}\r\n\r\n{body}"),
    )
}
