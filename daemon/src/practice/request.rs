//! What a tool does: one streamed request to the forwarder, its events shown as they arrive.

use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Stop;

/// Sends the request, shows each event with the time it took, and returns the text of the answer.
pub(super) async fn stream(
    address: &str,
    stop: &Stop,
    key: &str,
    show: impl Fn(String),
) -> Result<String, String> {
    let begun = Instant::now();
    let tcp = TcpStream::connect(address).await.map_err(text)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(text)?;
    tokio::spawn(connection);
    let request = Request::post(stop.path)
        .header(HOST, address)
        .header(CONTENT_TYPE, "application/json")
        .header("x-api-key", key)
        .body(Full::new(Bytes::from_static(stop.body.as_bytes())))
        .map_err(text)?;
    let mut response = sender.send_request(request).await.map_err(text)?;
    let status = response.status();
    let mut pending = String::new();
    let mut answer = String::new();
    while let Some(frame) = response.frame().await {
        let Ok(data) = frame.map_err(text)?.into_data() else { continue };
        pending.push_str(&String::from_utf8_lossy(&data));
        while let Some(end) = pending.find("\n\n") {
            let event: String = pending.drain(..end + 2).collect();
            let Some((name, piece)) = read_event(&event, stop.text) else { continue };
            show(format!("  {:>5} ms  {name:<28} {piece}", begun.elapsed().as_millis()));
            answer.push_str(&piece);
        }
    }
    if status.is_success() { Ok(answer) } else { Err(format!("{status}: {pending}")) }
}

/// The name of a server-sent event, and the piece of text in it.
fn read_event(event: &str, text: &str) -> Option<(String, String)> {
    let data = event.lines().find_map(|line| line.strip_prefix("data:"))?.trim();
    let name = event.lines().find_map(|line| line.strip_prefix("event:")).map(str::trim);
    let Ok(value) = serde_json::from_str::<Value>(data) else {
        return Some((data.to_owned(), String::new()));
    };
    let name = name.or_else(|| value["object"].as_str()).unwrap_or("data").to_owned();
    let done = name.ends_with(".done");
    let piece = value.pointer(text).and_then(Value::as_str).filter(|_| !done).unwrap_or_default().to_owned();
    Some((name, piece))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
