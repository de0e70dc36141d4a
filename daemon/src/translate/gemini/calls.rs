//! Names and ids of calls, in letters that every provider takes. The same text always becomes the same, so that a call
//! and its result agree, and so does one request with the next.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Both providers take so many letters.
const LONGEST: usize = 64;
/// What is left of a text that has to be changed.
const KEPT: usize = 40;

/// The names of one request, there and back.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// The name that is sent for one of the client's.
    pub fn safe(&mut self, name: &str) -> String {
        let safe = safe(name);
        if safe != name {
            self.0.insert(safe.clone(), name.to_owned());
        }
        safe
    }

    /// The client's name for one that was sent.
    pub fn client(&self, safe: &str) -> String {
        self.0.get(safe).map_or(safe, String::as_str).to_owned()
    }
}

/// A text of letters, digits, `_` and `-`, not too long.
pub fn safe(text: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !text.is_empty() && text.len() <= LONGEST && text.chars().all(fits) {
        return text.to_owned();
    }
    let kept: String =
        text.chars().take(KEPT).map(|letter| if fits(letter) { letter } else { '_' }).collect();
    format!("{kept}_{}", digest(text))
}

/// An id for a call that came without: told by its place, so that it is the same in the next request.
pub fn made_up(turn: usize, part: usize, name: &str) -> String {
    format!("call_{}", digest(&format!("{turn} {part} {name}")))
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
