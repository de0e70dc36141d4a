//! Times, lengths and columns as people read them, and times as scripts read them.

use std::io::{self, Write};

use anstyle::Style;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time: RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self(OffsetDateTime::now_utc().unix_timestamp())
    }

    fn date(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.0).ok()
    }

    /// `2026-12-01 10:00 UTC`
    pub fn words(self) -> String {
        let Some(date) = self.date() else { return "never".to_owned() };
        let (year, month, day) = date.to_calendar_date();
        format!("{year:04}-{:02}-{day:02} {:02}:{:02} UTC", u8::from(month), date.hour(), date.minute())
    }

    /// `in 7 days`, or `3 hours ago`
    pub fn seen_from(self, now: Self) -> String {
        let length = length(self.0.abs_diff(now.0));
        if self.0 >= now.0 { format!("in {length}") } else { format!("{length} ago") }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.date().and_then(|date| date.format(&Rfc3339).ok()).serialize(to)
    }
}

/// `45 seconds`, `3 hours`: the largest unit that fits, rounded to the nearest.
pub fn length(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let (name, size) = UNITS.into_iter().find(|(_, size)| seconds >= *size).unwrap_or(("second", 1));
    let count = (seconds + size / 2) / size;
    count_of(count, name)
}

/// `1 request`, `2 requests`
pub fn count_of(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `18 MiB`
pub fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} bytes"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}

/// The text with control characters other than line ends made visible: some of it comes from the gateway, and a
/// terminal obeys such characters.
pub fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// A label and what belongs to it, in two columns.
pub fn line(to: &mut dyn Write, style: Style, label: &str, text: &str) -> io::Result<()> {
    writeln!(to, "{style}{label:<9}{style:#} {}", tame(text))
}

/// Rows in aligned columns; the first may be a head in a style of its own.
pub fn columns(to: &mut dyn Write, head: Option<(Style, &[&str])>, rows: &[Vec<String>]) -> io::Result<()> {
    let head_row = head.map(|(_, cells)| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    let count = rows.iter().chain(&head_row).map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().chain(&head_row).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let padded = |row: &[String]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        cells.join("   ").trim_end().to_owned()
    };
    if let (Some((style, _)), Some(row)) = (head, &head_row) {
        writeln!(to, "{style}{}{style:#}", padded(row))?;
    }
    rows.iter().try_for_each(|row| writeln!(to, "{}", tame(&padded(row))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_utc_in_words_and_rfc_3339_in_json() {
        let moment = Moment(1_796_119_200);
        assert_eq!(moment.words(), "2026-12-01 10:00 UTC");
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-12-01T10:00:00Z\"");
        assert_eq!(serde_json::to_string(&Moment(i64::MAX)).unwrap(), "null");
        assert_eq!(moment.seen_from(Moment(1_796_119_200 - 7 * 86_400)), "in 7 days");
        assert_eq!(moment.seen_from(Moment(1_796_119_200 + 3600)), "1 hour ago");
    }

    #[test]
    fn lengths_use_the_largest_unit() {
        for (seconds, words) in
            [(0, "0 seconds"), (1, "1 second"), (59, "59 seconds"), (90, "2 minutes"), (7200, "2 hours")]
        {
            assert_eq!(length(seconds), words);
        }
        assert_eq!(length(u64::MAX / 2), format!("{} days", (u64::MAX / 2 + 43_200) / 86_400));
    }

    #[test]
    fn a_terminal_is_given_no_orders() {
        assert_eq!(tame("a\u{1b}[2Jb\nc\r"), "a\u{fffd}[2Jb\nc\u{fffd}");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut text = Vec::new();
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["größe".to_owned(), String::new()]];
        columns(&mut text, Some((Style::new(), &["K", "VALUE"])), &rows).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "K       VALUE\na       b\ngröße\n");
    }
}
