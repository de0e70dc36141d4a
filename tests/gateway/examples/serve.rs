//! temporary
use aigw_gateway::*;
use std::time::Duration;
#[tokio::main]
async fn main() {
    let mut b = Behaviour { mounts: Mounts::all(), ..Behaviour::default() };
    match std::env::var("WS").as_deref() {
        Ok("relay") => b.websocket = WebSocket::Relay,
        Ok("full") => b.websocket = WebSocket::Full,
        _ => {}
    }
    if let Ok(a) = std::env::var("TOOL") {
        let (n, a) = a.split_once('=').unwrap();
        b.stream.tool_use = Some(ToolUse { name: Some(n.into()), arguments: a.into() });
    }
    let gw = Practice::start(Setup { port: 4567, behaviour: b, ..Setup::default() }).await.unwrap();
    println!("{}", gw.issue_token("ada", Duration::from_secs(3600)));
    let mut shown = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for r in gw.requests().iter().skip(shown) {
            if r.response_end == ResponseEnd::Pending {
                break;
            }
            shown += 1;
            eprintln!(
                "{} {} {} {:?} {:?} {:?} {}",
                r.connection,
                r.method,
                r.target,
                r.status,
                r.response_end,
                r.header("user-agent"),
                r.frames.len()
            );
            if std::env::var("BODY").is_ok() {
                eprintln!("   {}", r.body_text().chars().take(1500).collect::<String>());
            }
        }
    }
}
