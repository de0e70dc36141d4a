//! What the successor is told and given. Read by other versions, too: fields are added with a default, and none changes.

use std::collections::BTreeMap;

use aigw_shared::fault::Failure;
use aigw_shared::ipc::payload::Build;
use serde::{Deserialize, Serialize};

use crate::credentials::Held;
use crate::keys::LentKey;
use crate::os::handover::Handle;

/// What is in memory only.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    /// Logins that are in no file, by gateway.
    #[serde(default)]
    pub logins: BTreeMap<String, Held>,
    /// The URL that a token from the environment is for.
    #[serde(default)]
    pub given_for: Option<String>,
    /// So many keys were lent.
    #[serde(default)]
    pub lent: u64,
}

/// A conversation that rests.
pub struct Talk {
    /// Its connection.
    pub connection: Handle,
    /// The rest of it.
    pub words: TalkWords,
}

/// What is known of a conversation.
#[derive(Serialize, Deserialize)]
pub struct TalkWords {
    /// Newest and oldest version that the other side speaks.
    pub theirs: (u16, u16),
    /// What was read of it and not yet understood.
    pub unread: Vec<u8>,
    /// A key that was lent to it.
    pub key: Option<LentKey>,
}

/// The first message. The handles are in the order of the fields: the lock, the control socket, then as many as the numbers say.
#[derive(Serialize, Deserialize)]
pub struct Estate {
    /// What is in memory only.
    pub memory: Memory,
    /// A service manager keeps the sockets.
    pub kept: bool,
    /// Listeners for tools.
    pub tcp: usize,
    /// Conversations.
    pub talks: Vec<TalkWords>,
    /// Links to earlier daemons which still finish what they had begun.
    pub elders: usize,
}

/// The messages after it.
#[derive(Serialize, Deserialize)]
pub enum Word {
    /// The successor could serve now.
    Ready(Build),
    /// It cannot.
    Failed(Failure),
    /// To the successor: serve.
    Serve,
    /// It does.
    Serves,
}
