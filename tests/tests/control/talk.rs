//! A conversation with the daemon that says exactly what a test wants.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use aigw_shared::ipc::codec;
use aigw_shared::ipc::hello::{Hello, LEN};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::paths::Paths;
use aigw_tests::eventually::PATIENCE;
use aigw_tests::machine::Machine;

/// One connection to the control socket.
pub struct Talk(UnixStream);

/// Where the daemon of this machine is spoken to.
pub fn socket(machine: &Machine) -> PathBuf {
    Paths::under(machine.home()).socket().address
}

impl Talk {
    /// Connects, and says nothing.
    pub fn open(machine: &Machine) -> Self {
        let stream = UnixStream::connect(socket(machine)).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Self(stream)
    }

    /// Connects and greets as this version; the daemon's greeting is the second.
    pub fn greeting(machine: &Machine, hello: Hello) -> (Self, Hello) {
        let mut talk = Self::open(machine);
        talk.send(hello.encode());
        let theirs = talk.greeted().expect("a greeting");
        (talk, theirs)
    }

    /// Connects and greets as `aigwctl` does.
    pub fn begin(machine: &Machine) -> Self {
        Self::greeting(machine, Hello::OURS).0
    }

    /// The daemon's greeting; `None` when it closes instead.
    pub fn greeted(&mut self) -> Option<Hello> {
        let mut bytes = [0; LEN];
        self.0.read_exact(&mut bytes).ok()?;
        Some(Hello::decode(bytes).expect("a greeting of ours"))
    }

    /// Sends these bytes as they are. A closed connection is no failure here: the answer tells.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// Sends a frame with this payload.
    pub fn send_frame(&mut self, payload: &[u8]) {
        self.send(framed(payload));
    }

    /// Sends the end of the stream.
    pub fn end(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// The payload of the next frame; `None` when the daemon closes.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut payload = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut payload).expect("a whole frame");
        Some(payload)
    }

    /// Sends a payload, and reads the answer.
    pub fn answer(&mut self, payload: &[u8]) -> Response {
        self.send_frame(payload);
        codec::decode(&self.receive().expect("an answer")).expect("a response")
    }

    /// Asks one thing.
    pub fn ask(&mut self, request: &Request) -> Response {
        self.answer(&codec::encode(request).expect("a request"))
    }

    /// The process at the other side.
    pub fn pid(&mut self) -> u32 {
        match self.ask(&Request::Describe) {
            Response::Described(build) => build.pid,
            other => panic!("{other:?}"),
        }
    }

    /// Asserts that the daemon closes, having said this many frames more.
    #[track_caller]
    pub fn ends_after(&mut self, frames: usize) {
        let count = std::iter::from_fn(|| self.receive()).count();
        assert_eq!(count, frames);
    }
}

/// A length, and that many bytes.
pub fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    [&length.to_le_bytes()[..], payload].concat()
}

/// The failure in a response: its code and exit code.
#[track_caller]
pub fn failure(response: Response) -> (String, u8) {
    match response {
        Response::Failed(failure) => (failure.code, failure.exit),
        other => panic!("no failure: {other:?}"),
    }
}
