//! A name server on 127.0.0.1:53 for which every name is this machine, as `.ci/loopback-only` makes everybody ask it.

use std::net::{ToSocketAddrs, UdpSocket};
use std::sync::Once;
use std::thread;

static STARTED: Once = Once::new();

/// Serves until the process ends.
pub fn serve() {
    STARTED.call_once(|| {
        let socket = UdpSocket::bind("127.0.0.1:53").expect("the port of names; run by `.ci/run clients`");
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if let Some(answer) = answer(&question[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
    });
    let found = ("any.name.test", 443).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let loopback =
        found.as_ref().is_ok_and(|all| !all.is_empty() && all.iter().all(|at| at.ip().is_loopback()));
    assert!(loopback, "{found:?}: run these tests by `.ci/run clients`, where names are asked of 127.0.0.1");
}

/// 127.0.0.1 for the one question (RFC 1035 section 4.1), or nothing of the other kind that is asked for.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let name_end = 12 + question.get(12..)?.iter().position(|byte| *byte == 0)?;
    let asked = question.get(..name_end + 5)?;
    let is_a = asked[name_end + 1..name_end + 3] == [0, 1];
    let mut answer = asked[..2].to_vec();
    // An answer, recursion available; one question, so many answers, nothing else.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    answer.extend(&asked[12..]);
    if is_a {
        // The name as above, class IN, for a minute, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
