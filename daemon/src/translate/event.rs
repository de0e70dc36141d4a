//! What happens in an answer, in no one's words.

use super::conversation::Thought;

/// One happening. The first is [`Began`](Event::Began) or [`Failed`](Event::Failed), the last
/// [`Ended`](Event::Ended) or `Failed`; a stream without such a last one was cut.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Began {
        /// The provider's name for this answer.
        id: String,
        /// The model that answers.
        model: String,
    },
    /// Thoughts that may be shown.
    Thinking(String),
    /// A thought is complete.
    Thought(Thought),
    /// Text of the answer.
    Text(String),
    /// A call begins. Several may be under way at once.
    CallBegan {
        /// Its number in this answer.
        at: usize,
        /// The provider's name for it.
        id: String,
        /// The tool.
        name: String,
    },
    /// A piece of its arguments, which are JSON.
    CallPiece {
        /// Whose.
        at: usize,
        /// The piece.
        json: String,
    },
    /// The call is complete.
    CallEnded {
        /// Which.
        at: usize,
    },
    /// The answer is complete.
    Ended {
        /// Why it ends here.
        stop: Stop,
        /// What it cost.
        usage: Usage,
    },
    /// The provider has failed.
    Failed(Failure),
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All is said, or a tool is called.
    Done,
    /// The answer has as many tokens as it may.
    Length,
    /// The provider will not say more.
    Refusal,
    /// Something else.
    Other,
}

/// Counts of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the request, those from a cache among them.
    pub input: u64,
    /// Those read from a cache.
    pub cached: u64,
    /// Of the answer, thoughts among them.
    pub output: u64,
    /// Those of thoughts, where they are told apart.
    pub reasoning: u64,
}

/// What a provider says of its failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As an HTTP status.
    pub status: u16,
    /// In its words.
    pub message: String,
}
