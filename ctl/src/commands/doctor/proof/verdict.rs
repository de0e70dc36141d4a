//! What a proof shows, and how sure that is. What cannot be known is said to be not seen.

use std::collections::BTreeSet;

use aigw_shared::ipc::payload::{GAP_MS, ProofRequest, ProofSeen, ProofTunnelCame as Came, WORDS};
use serde::Serialize;

use super::super::report::Line;
use super::Ran;
use crate::redact::Redactor;
use crate::tools::recipes::{Prints, Recipe};
use crate::tools::{Mode, Tool};
use crate::wording::count_of;

/// From the first word to the last, as they are sent.
const SPAN_MS: u64 = GAP_MS * (WORDS.len() as u64 - 1);
/// The last lines of what a program printed that are shown when something is wrong.
const LAST_LINES: usize = 15;

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in super::super) enum Known {
    Yes,
    No,
    NotSeen,
}

/// What one tool did in one mode.
#[derive(Serialize)]
pub(in super::super) struct Proved {
    tool: &'static str,
    #[serde(skip)]
    name: &'static str,
    version: Option<String>,
    mode: Mode,
    /// What it calls itself in its requests.
    user_agent: Option<String>,
    base_url: Known,
    proxy: Known,
    ca: Known,
    streamed: Known,
    websocket: Known,
    /// Whether it printed what it was answered.
    printed: bool,
    /// What it asked for, each once.
    paths: BTreeSet<String>,
    requests: usize,
    /// Others that it asked for through the proxy, and was refused.
    others: BTreeSet<String>,
    /// From the first printed word to the last; null where they were not printed one by one.
    span_ms: Option<u64>,
    took_ms: u64,
    /// Null when it had to be ended.
    exit: Option<i32>,
    /// Whether there were settings of the user's to copy.
    copied: bool,
    /// The end of what it printed, if something is wrong.
    output: Option<String>,
}

impl Proved {
    /// Judges one run.
    pub(super) fn of(
        tool: &Tool,
        recipe: &Recipe,
        version: Option<String>,
        ran: &Ran,
        seen: &ProofSeen,
        copied: bool,
    ) -> Self {
        let turns: Vec<_> = seen.requests.iter().filter(|request| request.asked.is_turn()).collect();
        let by_proxy = recipe.mode == Mode::Proxy;
        let here = turns.iter().any(|turn| turn.host.is_some() == by_proxy && turn.status < 300);
        let arrived = |arrived: bool| if arrived { Known::Yes } else { Known::No };
        let came = |came| seen.tunnels.iter().any(|tunnel| tunnel.came == came);
        let ca = match () {
            () if came(Came::Trusted) => Known::Yes,
            () if came(Came::Rejected) || came(Came::HungUp) => Known::No,
            () => Known::NotSeen,
        };
        let words = |word: &str| ran.out.when(word.trim());
        let printed = WORDS.iter().all(|word| words(word).is_some());
        let span_ms = words(WORDS[0]).zip(words(WORDS[WORDS.len() - 1])).map(|(first, last)| {
            u64::try_from(last.saturating_duration_since(first).as_millis()).unwrap_or(u64::MAX)
        });
        let span_ms = span_ms.filter(|_| recipe.prints == Prints::AsItComes);
        let streamed = match span_ms {
            Some(span) if turns.iter().any(|turn| turn.stream) => arrived(span >= SPAN_MS / 2),
            _ if !turns.is_empty() && turns.iter().all(|turn| !turn.stream) => Known::No,
            _ => Known::NotSeen,
        };
        let websocket = match turns.iter().any(|turn| turn.websocket) {
            true => Known::Yes,
            false if turns.is_empty() => Known::NotSeen,
            false => Known::No,
        };
        let mut proved = Self {
            tool: tool.id,
            name: tool.name,
            version,
            mode: recipe.mode,
            user_agent: turns.iter().find_map(|turn| turn.user_agent.clone()),
            base_url: if by_proxy { Known::NotSeen } else { arrived(here) },
            proxy: if by_proxy { arrived(here || !seen.tunnels.is_empty()) } else { Known::NotSeen },
            ca: if by_proxy { ca } else { Known::NotSeen },
            streamed,
            websocket,
            printed,
            paths: turns.iter().map(|turn| path(turn)).collect(),
            requests: turns.len(),
            others: others(seen),
            span_ms,
            took_ms: u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX),
            exit: ran.exit,
            copied,
            output: None,
        };
        if !(here && printed && ran.exit == Some(0)) {
            proved.output = Some(last_words(ran));
        }
        proved
    }

    /// In words, one line for each thing that was looked at.
    pub(in super::super) fn lines(&self) -> Vec<Line> {
        let version = self.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
        let who = format!("{}{version} {}", self.name, words(self.mode));
        let line = |text: &str| format!("{who}: {text}");
        let mut lines = Vec::new();
        let asked: Vec<_> = self.paths.iter().map(String::as_str).collect();
        let asked = format!("{} ({})", asked.join(", "), count_of(self.requests as u64, "request"));
        if self.mode == Mode::BaseUrl {
            lines.push(match self.base_url {
                Known::Yes => Line::ok("proof", line(&format!("it honours its base URL: {asked}"))),
                _ => Line::error("proof", line(&self.nothing_came("its base URL")), self.cure()),
            });
        } else {
            lines.extend(self.lines_of_proxy(&line, &asked));
        }
        if self.paths.is_empty() {
            return lines;
        }
        lines.push(match self.streamed {
            Known::Yes => Line::ok(
                "proof",
                line(&format!("streamed: its words came over {} ms", self.span_ms.unwrap_or_default())),
            ),
            Known::No if self.span_ms.is_some() => Line::warning(
                "proof",
                line(&format!("its words came all at once, though they were sent over {SPAN_MS} ms")),
                "look for a program on this machine that scans connections, and except 127.0.0.1 from it",
            ),
            Known::No => Line::ok("proof", line("it asks for its answer in one piece")),
            Known::NotSeen => Line::skipped(
                "proof",
                line("streaming was not seen: run like this, it prints its answer when all of it is there"),
            ),
        });
        lines.push(match self.websocket {
            Known::Yes => Line::ok("proof", line("it uses a WebSocket")),
            _ => Line::ok("proof", line("it uses HTTP, and tries no WebSocket")),
        });
        lines.extend(self.end(&line));
        lines
    }

    fn lines_of_proxy(&self, line: &impl Fn(&str) -> String, asked: &str) -> Vec<Line> {
        if self.proxy != Known::Yes {
            return vec![Line::error("proof", line(&self.nothing_came("the proxy")), self.cure())];
        }
        let mut lines = vec![Line::ok("proof", line("it honours the proxy"))];
        match self.ca {
            Known::Yes => lines.push(Line::ok("proof", line("it trusts this machine's CA"))),
            Known::No => {
                let text = "it does not trust this machine's CA, though its variables name it";
                lines.push(Line::error("proof", line(text), "aigwctl ca install"));
            }
            Known::NotSeen => {}
        }
        match (self.ca, self.paths.is_empty()) {
            (_, false) => lines.push(Line::ok("proof", line(&format!("what it asked for: {asked}")))),
            (Known::No, true) => {}
            (_, true) => {
                let text = self.nothing_came("the proxy for any AI call");
                lines.push(Line::error("proof", line(&text), self.cure()));
            }
        }
        lines
    }

    fn nothing_came(&self, by: &str) -> String {
        let how = match self.exit {
            None => format!("it was ended after {} s", self.took_ms / 1000),
            Some(exit) => format!("it ended with exit code {exit}"),
        };
        let others: Vec<_> = self.others.iter().map(String::as_str).collect();
        let others =
            if others.is_empty() { String::new() } else { format!("; it asked for {}", others.join(", ")) };
        format!("nothing came by {by}; {how}{others}{}", self.said())
    }

    fn said(&self) -> String {
        let output = self.output.as_deref().unwrap_or_default();
        if output.is_empty() { String::new() } else { format!(". It printed:\n{output}") }
    }

    fn cure(&self) -> String {
        match self.mode {
            Mode::BaseUrl => {
                format!("read what it printed; try `aigwctl doctor --tool {} --mode proxy`", self.tool)
            }
            Mode::Proxy => {
                "read what it printed; `aigwctl explain URL` says what becomes of a host".to_owned()
            }
        }
    }

    /// How it ended, if not as it should.
    fn end(&self, line: &impl Fn(&str) -> String) -> Option<Line> {
        let cure = "run it by hand with `aigwctl run`, and see what it says";
        match (self.exit, self.printed) {
            (Some(0), true) => None,
            (None, _) => {
                let text = format!("it was ended after {} s{}", self.took_ms / 1000, self.said());
                Some(Line::warning("proof", line(&text), cure))
            }
            (Some(0), false) => {
                let text = format!("it did not print what it was answered{}", self.said());
                Some(Line::warning("proof", line(&text), cure))
            }
            (Some(exit), _) => {
                let text = format!("it ended with exit code {exit}{}", self.said());
                Some(Line::error("proof", line(&text), cure))
            }
        }
    }
}

/// How it comes to us.
pub(super) fn words(mode: Mode) -> &'static str {
    match mode {
        Mode::BaseUrl => "by base URL",
        Mode::Proxy => "by proxy",
    }
}

fn path(turn: &ProofRequest) -> String {
    let host = turn.host.as_ref().map_or_else(String::new, |host| format!(" for {host}"));
    format!("{} {}{host}", turn.method, turn.path)
}

/// Hosts that it asked for, and that no proof leads to.
fn others(seen: &ProofSeen) -> BTreeSet<String> {
    let refused = seen.tunnels.iter().filter(|tunnel| tunnel.came == Came::Refused);
    refused.map(|tunnel| tunnel.host.clone()).collect()
}

/// The end of what it printed, with nothing in it that must not be seen.
fn last_words(ran: &Ran) -> String {
    let all = format!("{}\n{}", ran.out.text(), ran.err.text());
    let lines: Vec<_> = all.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    let cut: Vec<String> = last.iter().map(|line| line.chars().take(300).collect()).collect();
    Redactor::here().clean(&cut.join("\n"))
}
