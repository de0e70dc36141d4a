//! `aigwctl`'s side of the conversation.

use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::codec;
use super::frame::{Frames, frames};
use super::hello::{Hello, LEN};
use super::message::{Request, Response};
use crate::fault::{Fault, Kind};
use crate::os::socket::{self, Stream};

/// A greeting takes no longer.
const GREETING: Duration = Duration::from_secs(2);
/// No answer takes longer; a login asks the deployment a few things first.
const ANSWER: Duration = Duration::from_secs(120);

/// A connection to the daemon.
pub struct Client {
    frames: Frames<Stream>,
    theirs: Hello,
}

impl Client {
    /// Connects to the daemon's socket and greets it.
    ///
    /// # Errors
    /// `DaemonNotRunning` when nothing listens; `Impossible` when the socket is somebody else's; `Internal` when what
    /// listens is no daemon of ours.
    pub async fn connect(socket: &Path) -> Result<Self, Fault> {
        let mut stream = socket::connect(socket).await.map_err(|error| {
            Fault::new(
                Kind::DaemonNotRunning,
                format!("aigwd is not running (nothing at {}: {error})", socket.display()),
            )
        })?;
        // A squatter must not be told a token.
        if !socket::is_ours(&stream, socket) {
            return Err(Fault::new(
                Kind::OtherUser,
                format!("the socket {} belongs to another user", socket.display()),
            ));
        }
        let broken = |error| Fault::new(Kind::DaemonNotRunning, format!("aigwd hung up: {error}"));
        stream.write_all(&Hello::OURS.encode()).await.map_err(broken)?;
        let mut bytes = [0; LEN];
        match timeout(GREETING, stream.read_exact(&mut bytes)).await {
            Ok(read) => read.map_err(broken)?,
            Err(_) => return Err(Fault::new(Kind::DaemonNotRunning, "aigwd does not answer")),
        };
        let theirs = Hello::decode(bytes)
            .ok_or_else(|| Fault::new(Kind::Internal, "what listens on the control socket is not aigwd"))?;
        Ok(Self { frames: frames(stream), theirs })
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// The daemon's own failure comes back as a [`Refused`](CallError::Refused), everything else as a fault of ours.
    pub async fn call(&mut self, request: Request) -> Result<Response, CallError> {
        self.call_within(request, ANSWER).await
    }

    /// The same, where the answer depends on a person who may take this long.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_with_person(
        &mut self,
        request: Request,
        patience: Duration,
    ) -> Result<Response, CallError> {
        self.call_within(request, patience.saturating_add(ANSWER)).await
    }

    async fn call_within(&mut self, request: Request, patience: Duration) -> Result<Response, CallError> {
        if !request.is_frozen() && Hello::OURS.common(self.theirs).is_none() {
            return Err(version_mismatch(Hello::OURS, self.theirs).into());
        }
        let bytes = codec::encode(&request).map_err(|error| Fault::new(Kind::Internal, error.to_string()))?;
        let lost =
            |error: std::io::Error| Fault::new(Kind::DaemonNotRunning, format!("aigwd hung up: {error}"));
        self.frames.send(bytes.as_slice()).await.map_err(lost)?;
        let frame = timeout(patience, self.frames.next())
            .await
            .map_err(|_| Fault::new(Kind::Internal, "aigwd does not answer"))?
            .ok_or_else(|| lost(std::io::ErrorKind::UnexpectedEof.into()))?
            .map_err(lost)?;
        match codec::decode(&frame) {
            Ok(Response::Failed(failure)) => Err(CallError::Refused(failure)),
            Ok(response) => Ok(response),
            Err(error) => Err(Fault::new(
                Kind::VersionMismatch,
                format!("aigwd answered in words unknown here: {error}"),
            )
            .into()),
        }
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// Something between us.
    Fault(Fault),
    /// The daemon says no.
    Refused(crate::fault::Failure),
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<CallError> for crate::fault::Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Fault(fault) => fault.into(),
            CallError::Refused(failure) => failure,
        }
    }
}

/// Names the older side. Said by either of them.
pub fn version_mismatch(aigwctl: Hello, aigwd: Hello) -> Fault {
    let older = if aigwd.newest < aigwctl.oldest {
        "aigwd is older than aigwctl"
    } else {
        "aigwctl is older than aigwd"
    };
    Fault::new(
        Kind::VersionMismatch,
        format!(
            "{older}: aigwd speaks control versions {} to {}, aigwctl {} to {}",
            aigwd.oldest, aigwd.newest, aigwctl.oldest, aigwctl.newest
        ),
    )
}
