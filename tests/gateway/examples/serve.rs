//! The practice gateway by hand: `cargo run -p aigw-gateway --example serve [PORT]`. Prints how to log in to it.

use std::time::Duration;

use aigw_gateway::{OAuth, Practice, Setup};

#[tokio::main]
#[allow(clippy::print_stdout)]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let gateway = Practice::start(Setup { tls: true, port, ..Setup::default() }).await?;
    // So that a login in the browser can be seen, too.
    gateway.change(|behaviour| behaviour.oauth = Some(OAuth::default()));
    let ca_file = std::env::temp_dir().join(format!("practice-ca-{}.pem", gateway.port()));
    std::fs::write(&ca_file, gateway.ca_pem())?;
    let token = gateway.issue_token("ada", Duration::from_secs(86_400));
    println!("echo {token} | aigwctl login {} --ca-file {} --token-stdin", gateway.url(), ca_file.display());
    // Ends with the process: Ctrl-C.
    std::future::pending::<()>().await;
    Ok(())
}
