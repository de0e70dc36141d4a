//! A provider's refusal, in Google's shape.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::response;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::super::body::Answer;
use crate::translate::Origin;
use crate::translate::gemini::error::{self, Shown};

/// A refusal is not longer.
const LONGEST: usize = 64 * 1024;
/// Nor does it take longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is shown of one that is no JSON.
const SHOWN: usize = 500;
/// Names of the exchange, for whoever looks for it in the gateway's or the provider's records.
const IDS: [HeaderName; 2] = [HeaderName::from_static("request-id"), HeaderName::from_static("x-request-id")];

/// What a refusal says.
pub async fn of(head: &response::Parts, body: Answer, asked: &str, origin: &Origin) -> Shown {
    said(head, &read(body).await, asked, origin)
}

/// A short body; nothing if it is not.
pub async fn read(body: Answer) -> Bytes {
    let read = timeout(PATIENCE, Limited::new(body, LONGEST).collect()).await;
    read.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default()
}

/// The same of a body that was read.
pub fn said(head: &response::Parts, body: &[u8], asked: &str, origin: &Origin) -> Shown {
    let status = head.status.as_u16();
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let told = ["/error/message", "/message", "/detail", "/error"];
    let message = told.iter().find_map(|at| json.pointer(at)?.as_str()).map(str::to_owned);
    let mut message =
        message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().chars().take(SHOWN).collect());
    if status == 404 {
        let there = format!("{}/{}", origin.provider, origin.model);
        message = format!("{message} (asked for {asked}, for which {there} stands)");
    }
    let never = head.headers.get("x-should-retry").is_some_and(|word| word == "false");
    if never && head.status.is_server_error() {
        return error::precondition(&message);
    }
    error::of_provider(status, &message, retry_after(&head.headers))
}

/// The fields of an answer that name it.
pub fn ids(fields: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    IDS.into_iter().filter_map(|name| fields.get(&name).cloned().map(|value| (name, value)))
}

fn retry_after(fields: &HeaderMap) -> Option<u64> {
    fields.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}
