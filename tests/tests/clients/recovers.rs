//! A token that is refused while a tool works: where there is another one by then, the tool goes on by itself.

use std::time::Duration;

use aigw_gateway::ToolUse;

use crate::claude_code::say_hi;
use crate::codex::{self, own_provider};
use crate::desk::Desk;

const LIMIT: Duration = Duration::from_secs(40);

const DAY: Duration = Duration::from_secs(86_400);

/// Why the deployment no longer takes the token that is held.
#[derive(Clone, Copy)]
enum Over {
    Revoked,
    Expired,
}

/// Somebody renewed the login behind the daemon's back, and the deployment no longer takes the old one.
fn renewed_elsewhere(desk: &Desk, over: Over) {
    let file = desk.machine.home().join("state/credentials/default.json");
    let text = std::fs::read_to_string(&file).expect("a login");
    let new = desk.gateway.issue_token("ada", 90 * DAY);
    std::fs::write(&file, text.replace(&desk.token, &new)).expect("a file");
    match over {
        Over::Revoked => assert!(desk.gateway.revoke(&desk.token)),
        // An own token lives 30 days.
        Over::Expired => desk.gateway.advance_clock(31 * DAY),
    }
}

/// What the gateway answered to the requests of this path, in order.
fn statuses(desk: &Desk, path: &str) -> Vec<u16> {
    let requests = desk.gateway.provider_requests();
    let of_path = requests.iter().filter(|request| request.target.contains(path));
    of_path.filter_map(|request| request.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_goes_on_when_its_first_request_is_refused() {
    for over in [Over::Revoked, Over::Expired] {
        let desk = Desk::logged_in().await;
        renewed_elsewhere(&desk, over);
        let base = desk.url("/anthropic");
        let variables = [("ANTHROPIC_BASE_URL", base.as_str()), ("ANTHROPIC_AUTH_TOKEN", &desk.key)];
        let told = say_hi(&desk, &variables, LIMIT).well();
        assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
        assert_eq!(statuses(&desk, "/messages"), [403, 200]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_goes_on_when_the_token_ends_in_the_middle_of_a_stream() {
    for over in [Over::Revoked, Over::Expired] {
        let desk = Desk::logged_in().await;
        desk.gateway.change(|behaviour| {
            behaviour.stream.gap = Duration::from_millis(100);
            behaviour.stream.deltas = Some(20);
            behaviour.stream.tool_use = Some(ToolUse {
                name: Some("Bash".to_owned()),
                arguments: r#"{"command":"true"}"#.to_owned(),
            });
        });
        let base = desk.url("/anthropic");
        let told = std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                say_hi(&desk, &[("ANTHROPIC_BASE_URL", &base), ("ANTHROPIC_AUTH_TOKEN", &desk.key)], LIMIT)
            });
            aigw_tests::eventually::eventually("the first answer has begun", || {
                (!statuses(&desk, "/messages").is_empty()).then_some(())
            });
            desk.gateway.change(|behaviour| behaviour.stream.tool_use = None);
            renewed_elsewhere(&desk, over);
            running.join().unwrap()
        })
        .well();
        // Said often, to take a while.
        assert!(told.out.contains(&desk.gateway.behaviour().stream.text), "{told:#?}");
        assert_eq!(statuses(&desk, "/messages"), [200, 403, 200]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_goes_on_when_its_first_request_is_refused() {
    let desk = Desk::logged_in().await;
    renewed_elsewhere(&desk, Over::Revoked);
    let config = own_provider(&desk, &format!("experimental_bearer_token = {:?}\n", desk.key));
    let told = codex::say_hi(&desk, &config, &[], LIMIT).well();
    assert!(told.out.contains(&desk.gateway.behaviour().stream.text), "{told:#?}");
    assert_eq!(statuses(&desk, "/responses"), [403, 200]);
}
