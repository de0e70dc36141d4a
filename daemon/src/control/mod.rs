//! The control socket: who may speak on it, and in which form. What is said is in [`answer`].

mod answer;
mod byok;
mod ca;
mod explain;
mod gateways;
mod reach;
mod status;

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::client::version_mismatch;
use aigw_shared::ipc::codec;
use aigw_shared::ipc::frame::frames;
use aigw_shared::ipc::hello::{Hello, LEN};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::os::socket::{self, Listener, Stream};
use futures_util::{SinkExt, StreamExt};
use interprocess::local_socket::traits::tokio::Listener as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::app::App;
use answer::Belongings;

/// More conversations at once than any user has.
const MOST: usize = 32;
/// For the greeting.
const GREETING: Duration = Duration::from_secs(2);
/// From the greeting to the first request.
const FIRST: Duration = Duration::from_secs(10);
/// Between two requests.
const IDLE: Duration = Duration::from_secs(300);

/// Accepts conversations until the daemon ends: while streams finish it can still be asked, and who waits for its end
/// sees that it is there.
pub async fn serve(app: Arc<App>, listener: Listener) {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.ended.cancelled() => return,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Before a single byte of it is read.
        if !socket::peer_is_owner(&stream) {
            tracing::warn!("another user tried the control socket");
            continue;
        }
        let Ok(permit) = room.clone().try_acquire_owned() else {
            tracing::warn!("too many conversations on the control socket");
            continue;
        };
        let app = app.clone();
        // Not among the daemon's tasks: nobody's streams wait for an `aigwctl`.
        tokio::spawn(async move {
            tokio::select! {
                () = conversation(&app, stream, permit) => {}
                () = app.ended.cancelled() => {}
            }
        });
    }
}

async fn conversation(app: &Arc<App>, mut stream: Stream, permit: OwnedSemaphorePermit) {
    let mut bytes = [0; LEN];
    let greeted = timeout(GREETING, stream.read_exact(&mut bytes)).await;
    let (Ok(Ok(_)), Some(theirs)) = (greeted, Hello::decode(bytes)) else { return };
    if stream.write_all(&Hello::OURS.encode()).await.is_err() {
        return;
    }
    let common = Hello::OURS.common(theirs).is_some();
    let mut frames = frames(stream);
    let mut patience = FIRST;
    let mut own = Belongings::default();
    let mut place = Some(permit);
    while let Ok(Some(frame)) = timeout(patience, frames.next()).await {
        patience = IDLE;
        let response = match frame {
            Ok(frame) => match codec::decode::<Request>(&frame) {
                Ok(request) if common || request.is_frozen() => {
                    let waits = matches!(request, Request::FinishLogin);
                    tokio::select! {
                        response = answer::to(app, request, &mut own) => response,
                        // Whoever waited for a person has left: nobody is waited for any more.
                        _ = frames.next(), if waits => return,
                    }
                }
                Ok(_) => failed(&version_mismatch(theirs, Hello::OURS)),
                Err(_) if !common => failed(&version_mismatch(theirs, Hello::OURS)),
                Err(error) => failed(&Fault::new(Kind::BadRequest, error.to_string())),
            },
            // A length above the limit: nothing after it can be trusted to be a frame.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                let response = failed(&Fault::new(Kind::BadRequest, error.to_string()));
                let _ = send(&mut frames, &response).await;
                return;
            }
            // It left in the middle of one.
            Err(_) => return,
        };
        // Its command may run for days: it neither hurries nor takes anybody's place.
        if own.key.is_some() {
            patience = Duration::MAX;
            drop(place.take());
        }
        // One who does not read must not keep its place for ever.
        if !matches!(timeout(FIRST, send(&mut frames, &response)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn send(
    frames: &mut aigw_shared::ipc::frame::Frames<Stream>,
    response: &Response,
) -> std::io::Result<()> {
    let bytes = codec::encode(response).map_err(std::io::Error::other)?;
    frames.send(bytes.as_slice()).await
}

fn failed(fault: &Fault) -> Response {
    Response::Failed(Failure::from(fault))
}
