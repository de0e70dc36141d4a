//! `sessions`: what the user has done with a gateway lately. Prompts are shown only when asked for.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{SessionRow, SessionsQuery};
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, LABEL, Output};
use crate::wording::{Moment, columns, tame};

/// A prompt is cut to this many characters in the table.
const PROMPT: usize = 60;

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<Session>,
    #[serde(skip)]
    prompts: bool,
}

#[derive(Serialize)]
struct Session {
    id: String,
    client: String,
    models: Vec<String>,
    providers: Vec<String>,
    started_at: Option<Moment>,
    last_active_at: Option<Moment>,
    input_tokens: u64,
    output_tokens: u64,
    /// Null unless it was asked for.
    prompt: Option<String>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            client: row.client,
            models: row.models,
            providers: row.providers,
            started_at: row.started_at.map(Moment),
            last_active_at: row.last_active_at.map(Moment),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            prompt: row.prompt,
        }
    }
}

pub(super) async fn run(
    limit: u32,
    prompts: bool,
    gateway: Option<String>,
    output: &Output,
) -> Result<(), Failure> {
    match daemon::ask(Request::Sessions(SessionsQuery { gateway, limit, prompts })).await? {
        Response::Sessions(rows) => {
            output.show(&Sessions { sessions: rows.into_iter().map(Session::from).collect(), prompts })
        }
        _ => Err(daemon::unexpected()),
    }
}

impl Answer for Sessions {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.sessions.is_empty() {
            return writeln!(to, "There are none yet.");
        }
        let mut head = vec!["STARTED", "CLIENT", "MODELS", "IN", "OUT"];
        head.extend(self.prompts.then_some("PROMPT"));
        let rows: Vec<_> = self.sessions.iter().map(|session| session.row(self.prompts)).collect();
        columns(to, Some((LABEL, &head)), &rows)
    }
}

impl Session {
    fn row(&self, prompts: bool) -> Vec<String> {
        let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let mut row = vec![
            self.started_at.map_or("-".to_owned(), Moment::words),
            or_none(self.client.clone()),
            or_none(self.models.join(", ")),
            self.input_tokens.to_string(),
            self.output_tokens.to_string(),
        ];
        if prompts {
            let prompt = tame(self.prompt.as_deref().unwrap_or_default()).replace('\n', " ");
            row.push(prompt.chars().take(PROMPT).collect());
        }
        row
    }
}
