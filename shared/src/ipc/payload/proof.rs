//! What came with a key that was lent for a proof.

use serde::{Deserialize, Serialize};

/// The words of every canned answer, each in a piece of its own.
pub const WORDS: [&str; 5] = ["aigw-one ", "aigw-two ", "aigw-three ", "aigw-four ", "aigw-five"];
/// From one piece to the next, in milliseconds.
pub const GAP_MS: u64 = 150;

/// All that came with the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofSeen {
    /// The requests, in the order in which they came.
    pub requests: Vec<ProofRequest>,
    /// The tunnels that were asked for.
    pub tunnels: Vec<ProofTunnel>,
}

/// One request. Points in time are milliseconds since the key was lent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRequest {
    /// The host that it was meant for, if it came through the proxy.
    pub host: Option<String>,
    /// Its method.
    pub method: String,
    /// Its path, without a query or a key.
    pub path: String,
    /// The program's own name for itself.
    pub user_agent: Option<String>,
    /// What it is.
    pub asked: ProofAsked,
    /// Whether it opened a WebSocket.
    pub websocket: bool,
    /// Whether it wants its answer piece by piece.
    pub stream: bool,
    /// What it was answered; 0 until then.
    pub status: u16,
    /// When it came.
    pub at_ms: u64,
    /// When each word went out.
    pub wrote_ms: Vec<u64>,
    /// Whether all of the answer was taken.
    pub whole: bool,
}

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofAsked {
    /// Anthropic Messages.
    Messages,
    /// How many tokens a message has.
    CountTokens,
    /// OpenAI Responses.
    Responses,
    /// OpenAI chat completions.
    Chat,
    /// The list of models, or one of them.
    Models,
    /// Anything else. It is refused.
    Other,
    /// An answer in Google's dialect.
    Gemini,
}

impl ProofAsked {
    /// Whether a model is to answer.
    pub fn is_turn(self) -> bool {
        matches!(self, Self::Messages | Self::Responses | Self::Chat | Self::Gemini)
    }
}

/// One tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofTunnel {
    /// `HOST:PORT`
    pub host: String,
    /// How far it came.
    pub came: ProofTunnelCame,
}

/// How far a tunnel came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofTunnelCame {
    /// It leads to somebody else, which a proof does not.
    Refused,
    /// It was opened to us, and nobody has said anything about our certificate.
    Opened,
    /// The tool took our certificate.
    Trusted,
    /// The tool said that it does not take it.
    Rejected,
    /// The tool hung up when it had seen it.
    HungUp,
}
