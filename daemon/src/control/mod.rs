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
use aigw_shared::ipc::frame::{Frames, frames};
use aigw_shared::ipc::hello::{Hello, LEN};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::os::socket::{self, Listener, Stream};
use futures_util::{SinkExt, StreamExt};
use interprocess::local_socket::traits::tokio::Listener as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::codec::Framed;

use crate::app::App;
use crate::handover::Present;
use crate::handover::estate::{Talk, TalkWords};
use crate::keys::Lent;
use answer::Belongings;
pub use answer::build;

/// More conversations at once than any user has.
const MOST: usize = 32;
/// For the greeting.
const GREETING: Duration = Duration::from_secs(2);
/// From the greeting to the first request.
const FIRST: Duration = Duration::from_secs(10);
/// Between two requests.
const IDLE: Duration = Duration::from_secs(300);

/// Accepts conversations until the daemon ends: while streams finish it can still be asked, and who waits for its end
/// sees that it is there. Those that the daemon before us had come first.
pub async fn serve(app: Arc<App>, mut listener: Listener, before: Vec<Talk>) {
    let room = Arc::new(Semaphore::new(MOST));
    for talk in before {
        resume(&app, talk, &room);
    }
    let mut succession = app.succession.watch();
    loop {
        let state = *succession.borrow_and_update();
        app.succession.closed(!state.accepts_talks());
        if state.has_left() {
            break;
        }
        let accepted = tokio::select! {
            accepted = listener.accept(), if state.accepts_talks() => accepted,
            _ = succession.changed() => continue,
            () = app.ended.cancelled() => break,
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
        converse(&app, move |app| async move { greet(&app, stream, permit).await });
    }
    if app.succession.has_left() {
        socket::leave_in_place(&mut listener);
    }
}

/// Not among the daemon's tasks: nobody's streams wait for an `aigwctl`.
fn converse<F: Future<Output = ()> + Send + 'static>(app: &Arc<App>, how: impl FnOnce(Arc<App>) -> F) {
    let (conversation, app, present) = (how(app.clone()), app.clone(), Present::new(app));
    tokio::spawn(async move {
        let _present = present;
        tokio::select! {
            () = conversation => {}
            () = app.ended.cancelled() => {}
        }
    });
}

/// Goes on with a conversation of the daemon before us.
fn resume(app: &Arc<App>, talk: Talk, room: &Arc<Semaphore>) {
    let words = talk.words;
    let stream = match socket::stream_of(talk.connection) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%error, "a conversation on the control socket is lost"),
    };
    let mut parts = frames(stream).into_parts();
    parts.read_buf = words.unread.as_slice().into();
    let frames = Framed::from_parts(parts);
    let theirs = Hello { newest: words.theirs.0, oldest: words.theirs.1 };
    let own = Belongings { key: words.key.and_then(|key| app.keys.take_over(key)), ..Belongings::default() };
    let place = room.clone().try_acquire_owned().ok();
    converse(app, move |app| async move { conversation(&app, frames, theirs, own, place).await });
}

async fn greet(app: &Arc<App>, mut stream: Stream, permit: OwnedSemaphorePermit) {
    let mut bytes = [0; LEN];
    let greeted = timeout(GREETING, stream.read_exact(&mut bytes)).await;
    let (Ok(Ok(_)), Some(theirs)) = (greeted, Hello::decode(bytes)) else { return };
    if stream.write_all(&Hello::OURS.encode()).await.is_err() {
        return;
    }
    conversation(app, frames(stream), theirs, Belongings::default(), Some(permit)).await;
}

async fn conversation(
    app: &Arc<App>,
    mut frames: Frames<Stream>,
    theirs: Hello,
    mut own: Belongings,
    mut place: Option<OwnedSemaphorePermit>,
) {
    let common = Hello::OURS.common(theirs).is_some();
    let mut patience = FIRST;
    loop {
        // Its command may run for days: it neither hurries nor takes anybody's place.
        if own.key.is_some() {
            patience = Duration::MAX;
            drop(place.take());
        }
        let frame = tokio::select! {
            frame = timeout(patience, frames.next()) => frame,
            () = app.succession.asked_to_rest() => {
                if app.succession.rest(talk(&frames, theirs, &own)).await {
                    // What came with its key may still come, on connections that are open.
                    drop(frames);
                    return app.ended.cancelled().await;
                }
                continue;
            }
        };
        let Ok(Some(frame)) = frame else { return };
        patience = IDLE;
        let mut hands_over = None;
        let response = match frame {
            Ok(frame) => match codec::decode::<Request>(&frame) {
                Ok(request) if common || request.is_frozen() => {
                    let waits = matches!(request, Request::FinishLogin);
                    // The daemon ends when its streams have, and not before this is answered.
                    hands_over = matches!(request, Request::HandOver(_)).then(|| app.tasks.token());
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
        // One who does not read must not keep its place for ever.
        if !matches!(timeout(FIRST, send(&mut frames, &response)).await, Ok(Ok(()))) {
            return;
        }
        if hands_over.is_some() && app.succession.has_left() {
            return;
        }
    }
}

/// A conversation as the successor gets it.
fn talk(frames: &Frames<Stream>, theirs: Hello, own: &Belongings) -> Result<Talk, &'static str> {
    if own.begun.is_some() {
        return Err("a login with the browser goes on");
    }
    if own.key.as_ref().is_some_and(|key| key.proof.is_some()) {
        return Err("`aigwctl doctor` tries a tool");
    }
    let connection = socket::handle_of(frames.get_ref()).map_err(|_| "the system gives no more handles")?;
    let words = TalkWords {
        theirs: (theirs.newest, theirs.oldest),
        unread: frames.read_buffer().to_vec(),
        key: own.key.as_ref().and_then(Lent::for_successor),
    };
    Ok(Talk { connection, words })
}

async fn send(frames: &mut Frames<Stream>, response: &Response) -> std::io::Result<()> {
    let bytes = codec::encode(response).map_err(std::io::Error::other)?;
    frames.send(bytes.as_slice()).await
}

fn failed(fault: &Fault) -> Response {
    Response::Failed(Failure::from(fault))
}
