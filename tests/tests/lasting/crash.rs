//! Killed at every step of a login and of a rotation: there is always a login that works, and nothing is left for ever.

use std::time::Duration;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, PATH, left};

/// More than a login or a rotation asks.
const STEPS: usize = 12;

/// Does something that asks the deployment, kills the daemon when it has asked so often, and starts it again. A work
/// that asks less has ended before.
fn killed_at(scene: &mut Scene, step: usize, work: impl Fn(&Scene) + Sync) {
    scene.gateway.forget_requests();
    let this = &*scene;
    std::thread::scope(|scope| {
        let working = scope.spawn(|| work(this));
        while this.gateway.requests().len() < step && !working.is_finished() {
            std::thread::yield_now();
        }
        this.daemon.signal("KILL");
    });
    scene.daemon.ended();
    scene.daemon = scene.machine.start();
    let answer = scene.post(PATH, &[], MESSAGES);
    assert_eq!(answer.status, 200, "killed at step {step}: {}\n{}", answer.text(), scene.machine.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_of_a_rotation_loses_no_login() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    for step in 1..=STEPS {
        killed_at(&mut scene, step, |scene| drop(scene.machine.ctl(&["login", "--renew"])));
    }
    assert!(scene.machine.ctl(&["login", "--renew"]).status.success());
    left(&scene.gateway, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_of_a_login_leaves_the_old_one_or_the_new_one() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    for step in 1..=STEPS {
        let token = scene.gateway.issue_token("ada", Duration::from_secs(3600));
        killed_at(&mut scene, step, |scene| drop(scene.machine.log_in_with(&scene.gateway, &token, &[])));
    }
    assert!(scene.machine.ctl(&["login", "--renew"]).status.success());
    left(&scene.gateway, 1).await;
}
