//! What is done to the text of an answer on its way: it ends at a text that the provider does not know of, and a code fence
//! comes off.

/// Ends a text where one of these begins.
pub struct Cut {
    stops: Vec<String>,
    held: String,
    /// It has ended.
    pub done: bool,
}

impl Cut {
    /// At one of these.
    pub fn at(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, held: String::new(), done: false }
    }

    /// What of it can be said by now: not what may be the beginning of an end.
    pub fn take(&mut self, text: &str) -> String {
        if self.done {
            return String::new();
        }
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.done = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let may_begin = |rest: &str| self.stops.iter().any(|stop| stop.starts_with(rest));
        let letters = self.held.char_indices().map(|(at, _)| at);
        let at = letters.into_iter().find(|at| may_begin(&self.held[*at..])).unwrap_or(self.held.len());
        let rest = self.held.split_off(at);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back, and was no end.
    pub fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Takes a code fence off.
#[derive(Default)]
pub struct Fence {
    begun: bool,
    fenced: bool,
    held: String,
}

impl Fence {
    const MARK: &str = "```";

    /// What of it can be said by now.
    pub fn take(&mut self, text: &str) -> String {
        self.held.push_str(text);
        if !self.begun {
            let start = self.held.trim_start();
            if Self::MARK.starts_with(start) {
                return String::new();
            }
            if start.starts_with(Self::MARK) {
                let Some((_, rest)) = start.split_once('\n') else { return String::new() };
                self.fenced = true;
                self.held = rest.to_owned();
            }
            self.begun = true;
        }
        if !self.fenced {
            return std::mem::take(&mut self.held);
        }
        // What may be the end of the fence waits.
        let said = self.held.trim_end_matches(|letter: char| letter.is_whitespace() || letter == '`').len();
        let rest = self.held.split_off(said);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back of the text.
    pub fn end(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        if self.fenced { held.trim().trim_end_matches(Self::MARK).trim_end().to_owned() } else { held }
    }
}
