//! While aigw is paused no host is opened, and a tunnel that is open already leads to the host itself.

use crate::stage::{Stage, credentials};
use crate::{H1, H2, MESSAGES};

#[tokio::test(flavor = "multi_thread")]
async fn new_tunnels_and_open_ones_lead_to_the_host_until_it_ends() {
    let stage = Stage::set("anthropic", "").await;
    let mut open = Vec::new();
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
        stage.only_the_gateway_saw();
        open.push(http);
    }
    stage.scene.machine.ask(&["pause"]);
    assert!(stage.is_let_through().await);
    for http in &mut open {
        http.ask("POST", "/v1/messages", &["authorization: Bearer sk-ant-own"], MESSAGES).await;
        let seen = stage.only_the_host_saw();
        assert_eq!(credentials(&seen), ["authorization: Bearer sk-ant-own"]);
    }
    stage.scene.machine.ask(&["resume"]);
    assert!(!stage.is_let_through().await);
    for http in &mut open {
        assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
        stage.only_the_gateway_saw();
    }
}
