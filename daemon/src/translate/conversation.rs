//! A request as every model API means it, in no one's words. Readers put it into order: turns alternate, calls have ids,
//! and each call of a past turn has its result.

use serde_json::{Map, Value};

/// A request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// Instructions, one text each.
    pub system: Vec<String>,
    /// Whoever spoke; no two in a row are of the same role.
    pub turns: Vec<Turn>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it has to.
    pub choice: Choice,
    /// How words are picked.
    pub sampling: Sampling,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// The most tokens of the answer.
    pub max_output: Option<u64>,
    /// Whether to think first.
    pub thinking: Thinking,
    /// What the answer has to be.
    pub format: Format,
}

impl Ask {
    /// About how many tokens it has: four letters each, and a sheet of a book for what is no text.
    pub fn estimate(&self) -> u64 {
        const LETTERS: usize = 4;
        const SHEET: usize = 1000 * LETTERS;
        let tool = |tool: &Tool| tool.name.len() + tool.description.len() + tool.schema.to_string().len();
        let part = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Media(_) => SHEET,
            Part::Thoughts(_) => 0,
            Part::Call(call) => call.name.len() + Value::from(call.arguments.clone()).to_string().len(),
            Part::Result(result) => result.text.len() + result.media.len() * SHEET,
        };
        let system = self.system.iter().map(String::len);
        let parts = self.turns.iter().flat_map(|turn| &turn.parts).map(part);
        let letters: usize = system.chain(parts).chain(self.tools.iter().map(tool)).sum();
        letters.div_ceil(LETTERS) as u64
    }
}

/// All that one side said in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who.
    pub role: Role,
    /// What. In a user's turn results come first.
    pub parts: Vec<Part>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client.
    User,
    /// The model.
    Model,
}

/// A piece of a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Never empty.
    Text(String),
    /// An image or a document.
    Media(Media),
    /// What the model thought before what follows.
    Thoughts(Vec<Thought>),
    /// The model calls a tool.
    Call(Call),
    /// What came of a call.
    Result(CallResult),
}

/// An image or a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its MIME type, in lower case; `*` if an address does not say.
    pub mime: String,
    /// Where its bytes are.
    pub source: Source,
}

impl Media {
    /// Whether it is a PDF. All else that gets here is an image.
    pub fn is_document(&self) -> bool {
        self.mime == "application/pdf"
    }
}

/// Where bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Here, in standard base64.
    Inline(String),
    /// At an https address.
    Url(String),
}

/// A piece of reasoning, as its provider wants it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thought {
    /// Text with a signature (Anthropic).
    Signed {
        /// What was thought.
        text: String,
        /// The provider's seal.
        signature: String,
    },
    /// Hidden text (Anthropic).
    Redacted {
        /// As it came.
        data: String,
    },
    /// An item with its content encrypted (OpenAI).
    Sealed {
        /// What may be shown of it, in paragraphs.
        summary: Vec<String>,
        /// As it came.
        content: String,
    },
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Of `[A-Za-z0-9_-]`, 64 at most.
    pub id: String,
    /// Of the same letters.
    pub name: String,
    /// The arguments.
    pub arguments: Map<String, Value>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallResult {
    /// Whose.
    pub id: String,
    /// What it says.
    pub text: String,
    /// What it shows.
    pub media: Vec<Media>,
    /// It failed.
    pub is_error: bool,
}

/// A tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Of `[A-Za-z0-9_-]`, 64 at most.
    pub name: String,
    /// For the model.
    pub description: String,
    /// JSON Schema of an object.
    pub schema: Value,
}

/// Whether tools are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// As the model likes.
    #[default]
    Auto,
    /// Never.
    None,
    /// One at least.
    Any,
    /// This one.
    Only(String),
}

/// How words are picked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// From 0 to 2.
    pub temperature: Option<f64>,
    /// From 0 to 1.
    pub top_p: Option<f64>,
    /// A count of words.
    pub top_k: Option<u64>,
}

/// Whether the model thinks before it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// Nobody said.
    #[default]
    Unsaid,
    /// It does not.
    Off,
    /// It does.
    On(Depth),
}

/// How long it thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// As it likes.
    Auto,
    /// So many tokens.
    Tokens(u64),
    /// By a word.
    Level(Level),
}

/// Words for a depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// More.
    Medium,
    /// Much.
    High,
}

impl Depth {
    /// As a number of tokens. The levels' numbers are a choice of ours: no provider tells them.
    pub fn tokens(self) -> u64 {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Level(Level::Minimal) => 1024,
            Self::Level(Level::Low) => 2048,
            Self::Auto | Self::Level(Level::Medium) => 8192,
            Self::Level(Level::High) => 16_384,
        }
    }

    /// As a word; `None` leaves it to the model.
    pub fn level(self) -> Option<Level> {
        match self {
            Self::Auto => None,
            Self::Level(level) => Some(level),
            Self::Tokens(..=1024) => Some(Level::Low),
            Self::Tokens(..=8192) => Some(Level::Medium),
            Self::Tokens(_) => Some(Level::High),
        }
    }
}

/// What an answer has to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// Text.
    #[default]
    Text,
    /// Any JSON.
    Json,
    /// JSON of this JSON Schema, which is of an object.
    Schema(Value),
}
