//! Everything that must not be seen is marked, much is done with it, and then every place where it could have been
//! left is searched.

mod marks;
#[cfg(target_os = "linux")]
mod memory;
mod scenario;

use std::path::PathBuf;

use aigw_gateway::Setup;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

use marks::{FRONT_DOOR, GITHUB, NOWHERE, PROMPT, PROXY_LOGIN, WRONG_TOKEN, found};
use scenario::Scenario;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_left_in_logs_files_answers_or_output() {
    let mut scenario = Scenario::begin().await;
    scenario.post("/anthropic/v1/messages", &[&format!("x-api-key: {}", scenario.key)]);
    scenario.logins();
    scenario.keys();
    let seen = scenario.gateway.provider_requests();
    assert!(seen.iter().any(|seen| seen.body_text().contains(PROMPT)), "the marks were really sent");
    assert!(seen.iter().any(|seen| seen.header("authorization").is_some_and(|own| own.ends_with(GITHUB))));
    scenario.refusals();
    scenario.troubles().await;
    scenario.leave();
    scenario.questions();
    scenario.bad_settings();
    scenario.search();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_url_is_not_shown() {
    let machine = machine!();
    let daemon = machine.start();
    let output = machine.ctl_with_input(
        &["login", &format!("https://ada:{PROXY_LOGIN}@coder.example.com"), "--token-stdin"],
        WRONG_TOKEN,
    );
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    drop(daemon);
    assert!(!found(&told(&output), PROXY_LOGIN), "{}", told(&output));
    assert!(!found(&machine.log(), PROXY_LOGIN), "{}", machine.log());
}

/// What the log may say, it says rightly.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_a_whole_answer_from_one_that_was_left() {
    for http2 in [true, false] {
        let setup = Setup { tls: true, http2, ..Setup::default() };
        let scene = Scene::set(machine!(), setup).await;
        let whole = |count| {
            eventually("the log tells", || {
                let log = scene.machine.log();
                let ends: Vec<_> =
                    log.lines().filter(|line| line.contains("\"exchange\"")).map(str::to_owned).collect();
                (ends.len() == count).then_some(ends)
            })
        };
        for (number, stream) in [(1, true), (2, false)] {
            let body = format!(r#"{{"model":"m","max_tokens":9,"stream":{stream},"messages":[]}}"#);
            let answer = scene.post("/anthropic/v1/messages", &[], &body);
            assert!(answer.status == 200 && answer.whole);
            let ends = whole(number);
            assert!(ends[number - 1].contains("Whole"), "HTTP/2 {http2}, stream {stream}: {ends:#?}");
        }
    }
}

impl Scenario {
    /// Everything in the home, but for the machine's secret.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.machine.home().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
                    files.push((path, text));
                }
            }
        }
        files
    }

    /// All that must not be seen, with the one folder where it may be all the same.
    fn marks(&self) -> Vec<(String, Option<&'static str>)> {
        let secret = |whole: &str| whole[whole.len() - 22..].to_owned();
        let mut marks: Vec<_> = NOWHERE.iter().map(|mark| ((*mark).to_owned(), None)).collect();
        marks.push((self.key[self.key.len() - 43..].to_owned(), None));
        // A token is made with it, and it is kept nowhere.
        marks.push((secret(&self.token), None));
        marks.push((secret(&self.own), Some("state/credentials")));
        marks.push((secret(&self.provider_key), Some("state/credentials")));
        marks.push((FRONT_DOOR.to_owned(), Some("config/config.toml")));
        marks.push((PROXY_LOGIN.to_owned(), Some("config/config.toml")));
        marks
    }

    /// Searches the files and what was printed.
    fn search(&self) {
        let files = self.files();
        let mut hits = Vec::new();
        for (mark, allowed) in self.marks() {
            let allowed = allowed.map(|place| self.machine.home().join(place));
            for (path, text) in &files {
                let may = allowed.as_ref().is_some_and(|place| path.starts_with(place));
                if !may && found(text, &mark) {
                    hits.push(format!("{mark} in {}", path.display()));
                }
            }
            if found(&self.printed, &mark) {
                hits.push(format!("{mark} in what was printed"));
            }
        }
        assert!(hits.is_empty(), "{hits:#?}\n{}\n{}", self.printed, self.machine.log());

        // It would have been found, and the log (a file of the home, too) tells of what was done.
        let stored = |place: &str, mark: &str| {
            files
                .iter()
                .any(|(path, text)| path.starts_with(self.machine.home().join(place)) && found(text, mark))
        };
        assert!(stored("state/credentials", &self.own));
        assert!(stored("state/credentials", &self.provider_key));
        assert!(stored("config/config.toml", FRONT_DOOR));
        for told in ["aigwd is ready", "exchange", "connection ended", "refused", "broke off"] {
            assert!(self.machine.log().contains(told), "{told} is not in\n{}", self.machine.log());
        }
    }
}
