//! Replacing the token while it is in use.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aigw_gateway::{Ending, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, PATH, left, named, shown};

/// Rotations of the test in the ordinary suite; `AIGW_ROTATIONS` asks for more.
const ROTATIONS: usize = 10;
/// Requests for each rotation.
const REQUESTS: usize = 200;

fn rotations() -> usize {
    std::env::var("AIGW_ROTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROTATIONS)
}

#[tokio::test(flavor = "multi_thread")]
async fn not_one_request_fails_while_tokens_are_replaced() {
    let scene = Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await;
    let wanted = rotations() * REQUESTS;
    // The login found out which scopes are too few.
    let refused = scene.gateway.refused_tokens();
    let (asked, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) || asked.load(Ordering::Relaxed) < wanted {
                        let answer = scene.post(PATH, &[], MESSAGES);
                        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), scene.machine.log());
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let mut names = std::collections::BTreeSet::new();
        for rotation in 0..rotations() {
            let output = scene.machine.ctl(&["login", "--renew", "--json"]);
            assert!(output.status.success(), "{}", told(&output));
            names.insert(shown(&scene)["name"].to_string());
            // Spread over all of the load.
            while asked.load(Ordering::Relaxed) < (rotation + 1) * REQUESTS {
                if askers.iter().any(|asker| asker.is_finished()) {
                    break;
                }
                std::thread::yield_now();
            }
        }
        assert_eq!(names.len(), rotations());
        over.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) >= wanted);
    assert_eq!(scene.gateway.refused_tokens(), refused, "a token was refused");
    let own = left(&scene.gateway, 1).await;
    assert_eq!(shown(&scene)["name"], own[0].name);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_token_is_deleted_after_the_last_stream_that_uses_it() {
    let scene = Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await;
    let old = named(&scene.gateway, "ada").remove(0);
    scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Endless);
    let mut live = Live::of(scene.begin(PATH, &[], MESSAGES));
    assert!(live.until("content_block_delta"));
    scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Complete);

    assert!(scene.machine.ctl(&["login", "--renew"]).status.success());
    // The next one has the new token, and the old one is there as long as its stream.
    for _ in 0..3 {
        assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
        assert!(scene.machine.ctl(&["login", "--renew"]).status.success());
        assert!(named(&scene.gateway, "ada").iter().any(|token| token.id == old.id));
    }
    drop(live);
    let own = left(&scene.gateway, 1).await;
    assert_ne!(own[0].id, old.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_replaced_by_itself_after_two_thirds_of_its_life() {
    let mut setup = Setup::default();
    setup.behaviour.max_token_lifetime = Duration::from_secs(6);
    let scene = Scene::set(machine!(), setup).await;
    let refused = scene.gateway.refused_tokens();
    let mut names = vec![shown(&scene)["name"].clone()];
    for _ in 0..2 {
        let new = eventually("another token is in use", || {
            assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200, "{}", scene.machine.log());
            Some(shown(&scene)["name"].clone()).filter(|name| !names.contains(name))
        });
        names.push(new);
    }
    left(&scene.gateway, 1).await;
    assert_eq!(scene.gateway.refused_tokens(), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_fails_is_told_tried_again_and_taken_back() {
    let mut setup = Setup::default();
    setup.behaviour.max_token_lifetime = Duration::from_secs(9);
    let scene = Scene::set(machine!(), setup).await;
    let first = shown(&scene)["name"].clone();
    scene.gateway.change(|behaviour| behaviour.minting_refused = true);
    eventually("the failure is told", || {
        scene.machine.findings().contains(&"login-not-renewed".to_owned()).then_some(())
    });
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200, "the old one still works");
    scene.gateway.change(|behaviour| behaviour.minting_refused = false);
    eventually("it works at last", || {
        (shown(&scene)["name"] != first && scene.machine.findings().is_empty()).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_is_deleted_at_the_next_rotation_and_nothing_else() {
    let mut scene = Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await;
    let mine = named(&scene.gateway, "ada").remove(0);
    // Another machine's are none of our business.
    let neighbour = machine!();
    let _other = neighbour.start();
    neighbour.log_in(&scene.gateway);
    scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Endless);
    let mut live = Live::of(scene.begin(PATH, &[], MESSAGES));
    assert!(live.until("content_block_delta"));
    assert!(scene.machine.ctl(&["login", "--renew"]).status.success());
    scene.restart();
    assert_eq!(named(&scene.gateway, "ada").len(), 3, "the old one was left: {mine:?}");
    assert!(scene.machine.ctl(&["login", "--renew"]).status.success());
    let own = left(&scene.gateway, 2).await;
    assert!(own.iter().all(|token| token.id != mine.id));
    assert!(
        neighbour.held_token("default").is_some_and(|held| own.iter().any(|it| held.starts_with(&it.id)))
    );
}
