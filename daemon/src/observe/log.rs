//! Logs: into the journal under systemd, into files of our own where nobody listens to standard error, else to that. Text for
//! people, JSON for programs. No body, header value, query or key goes in, at any level; hyper and rustls, which would print
//! some of them, are capped. The level may change at any time.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use aigw_shared::config::{Log, LogFormat, LogLevel, LogTo};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use super::rotated::Rotated;
use crate::os::journal;

/// Crates that log what they parse.
const CAPPED: [&str; 7] =
    ["hyper", "hyper_util", "h2", "rustls", "rustls_platform_verifier", "tokio_util", "mio"];

/// What is let through; set once logging has begun.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts logging to where the settings say; `file` is the log's own.
pub fn start(settings: &Log, file: &Path) {
    let journal = settings.to == LogTo::Auto && journal::has_stderr();
    let terminal = settings.to != LogTo::File && io::stderr().is_terminal();
    let writer = match settings.to {
        LogTo::File => BoxMakeWriter::new(Mutex::new(Rotated::new(file, settings.file_size))),
        _ if journal => BoxMakeWriter::new(Journal),
        _ => BoxMakeWriter::new(io::stderr),
    };
    let json = match settings.format {
        LogFormat::Auto => !terminal && !journal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // What cannot be written is dropped: telling of it on standard error would panic where that leads to the same full disk.
    let layer = fmt::layer().with_writer(writer).with_ansi(terminal).log_internal_errors(false);
    let layer = match json {
        true => layer.json().boxed(),
        // The journal knows the time.
        false if journal => layer.with_target(false).without_time().with_level(false).boxed(),
        false => layer.with_target(false).boxed(),
    };
    let (filter, handle) = reload::Layer::new(filter(settings.level));
    // A second start in one process (tests) keeps the first.
    if tracing_subscriber::registry().with(filter).with(layer).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
}

/// Logs from this level on.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = FILTER.get() {
        // It fails only when the subscriber is gone, and nothing is logged any more.
        let _ = handle.reload(filter(level));
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let cap = match level {
        LogLevel::Off | LogLevel::Error => level,
        _ => LogLevel::Warn,
    };
    let capped = CAPPED.map(|name| format!("{name}={}", cap.word()));
    EnvFilter::new(format!("{},{}", level.word(), capped.join(",")))
}

/// Standard error, with the priority of each line in front (sd-daemon(3)).
struct Journal;

/// A writer for one event.
struct Event {
    prefix: &'static str,
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event { prefix: "<6>" }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Event {
        let prefix = match *of.level() {
            Level::ERROR => "<3>",
            Level::WARN => "<4>",
            Level::INFO => "<6>",
            Level::DEBUG | Level::TRACE => "<7>",
        };
        Event { prefix }
    }
}

impl Write for Event {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut lines = Vec::with_capacity(text.len() + self.prefix.len());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            lines.extend_from_slice(self.prefix.as_bytes());
            lines.extend_from_slice(line.trim_ascii_start());
        }
        io::stderr().write_all(&lines)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_lets_little_through_lets_no_library_through_either() {
        let said = |level| filter(level).to_string();
        assert!(said(LogLevel::Trace).contains("hyper=warn") && said(LogLevel::Trace).contains("trace"));
        assert!(said(LogLevel::Error).contains("hyper=error"));
        assert!(!said(LogLevel::Off).contains("warn"), "{}", said(LogLevel::Off));
    }
}
