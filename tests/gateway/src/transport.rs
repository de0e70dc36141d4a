//! What a listener does below HTTP: says nothing, resets, or sends back what it gets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::behaviour::Transport;
use crate::front::Site;
use crate::record::{BodyEnd, Outcome, Plane, Recorded, ResponseEnd, Ticket};
use crate::server::Connection;

/// Plays one connection to its end.
pub(crate) async fn play(site: &Site, transport: Transport, mut stream: TcpStream, about: &Connection) {
    match transport {
        Transport::Serve | Transport::CloseAtOnce => {}
        // Until it is cut from outside.
        Transport::NeverAnswer => std::future::pending().await,
        Transport::Reset => {
            let mut first = [0; 1];
            // Whether bytes came or an end: the answer is the same.
            let _ = stream.read(&mut first).await;
            let _ = stream.set_zero_linger();
        }
        Transport::Echo | Transport::EchoAtEnd => {
            let about = Connection { tls: false, ..about.clone() };
            let ticket = site.log.begin(Recorded::on(&about, Plane::Bytes));
            let mut outcome = Outcome::new(ticket.clone());
            if echo(&mut stream, &ticket, transport == Transport::EchoAtEnd).await.is_ok() {
                outcome.end(ResponseEnd::Complete);
            }
        }
    }
}

async fn echo(stream: &mut TcpStream, ticket: &Ticket, at_end: bool) -> std::io::Result<()> {
    let (mut held, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let length = match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => {
                ticket.update(|recorded| recorded.body_end = BodyEnd::Aborted);
                return Err(error);
            }
        };
        ticket.received(&buffer[..length]);
        if at_end {
            held.extend_from_slice(&buffer[..length]);
        } else {
            stream.write_all(&buffer[..length]).await?;
        }
    }
    ticket.update(|recorded| recorded.body_end = BodyEnd::Complete);
    stream.write_all(&held).await?;
    stream.shutdown().await
}
