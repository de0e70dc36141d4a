//! Failures in Google's shape (<https://cloud.google.com/apis/design/errors>). Its clients repeat every 5xx, up to ten
//! times: whatever will not pass by itself must not be one.

use serde_json::{Value, json};

/// What Google calls a status.
const NAMES: &[(u16, &str)] = &[
    (400, "INVALID_ARGUMENT"),
    (403, "PERMISSION_DENIED"),
    (404, "NOT_FOUND"),
    (405, "UNIMPLEMENTED"),
    (407, "UNAUTHENTICATED"),
    (409, "ABORTED"),
    (421, "FAILED_PRECONDITION"),
    (429, "RESOURCE_EXHAUSTED"),
    (500, "INTERNAL"),
    (503, "UNAVAILABLE"),
    (504, "DEADLINE_EXCEEDED"),
];

/// What a provider's status becomes. A refused key is never 401: clients would ask the user for one.
const FROM_PROVIDER: &[(u16, u16)] = &[
    (401, 403),
    (402, 403),
    (403, 403),
    (404, 404),
    (408, 503),
    (409, 409),
    (429, 429),
    (500, 500),
    (504, 504),
];

/// Words by which providers say that a request is too long.
const TOO_LONG: [&str; 4] =
    ["prompt is too long", "context_length_exceeded", "context window", "maximum context length"];

/// A failure as a client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The HTTP status, and `error.code`.
    pub status: u16,
    /// The object with `error` in it.
    pub body: Value,
}

/// A failure with this status. `name` is `FAILED_PRECONDITION` where it is not the status's own.
pub fn shown(status: u16, name: Option<&str>, message: &str, retry_after: Option<u64>) -> Shown {
    let known = NAMES.iter().find(|(known, _)| *known == status);
    let name = name.or(known.map(|(_, name)| *name)).unwrap_or(match status {
        400..=499 => "FAILED_PRECONDITION",
        _ => "UNAVAILABLE",
    });
    let mut error = json!({ "code": status, "message": message, "status": name });
    if let Some(seconds) = retry_after {
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{seconds}s"),
        }]);
    }
    Shown { status, body: json!({ "error": error }) }
}

/// What will not pass by itself.
pub fn precondition(message: &str) -> Shown {
    shown(400, Some("FAILED_PRECONDITION"), message, None)
}

/// A provider's failure.
pub fn of_provider(status: u16, message: &str, retry_after: Option<u64>) -> Shown {
    let to = FROM_PROVIDER.iter().find(|(from, _)| *from == status).map_or_else(
        || match status {
            400..=499 => 400,
            _ => 503,
        },
        |(_, to)| *to,
    );
    let message = match message {
        "" => format!("the provider answered {status}"),
        text if to == 400 && TOO_LONG.iter().any(|words| text.contains(words)) => {
            format!(
                "{text} (the request exceeds the model's window: compress the conversation, or begin a new one)"
            )
        }
        text => text.to_owned(),
    };
    shown(to, None, &message, retry_after)
}
