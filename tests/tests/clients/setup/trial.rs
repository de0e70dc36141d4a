//! One tool set up, asked, and undone; what [`tools`](super::tools) says of it is held against what it does.

use std::time::Duration;

use aigw_tests::machine::told;

use super::files::Files;
use super::result::Outcome;
use crate::desk::{Desk, Told, client};
use crate::proxy::github;
use crate::proxy::town::Town;

const LIMIT: Duration = Duration::from_secs(150);

/// What makes a tool ask one short thing, and what is to come of it.
pub struct Trial {
    /// Its name for `aigwctl setup`.
    pub tool: &'static str,
    /// In the folder that `.ci/clients` fills.
    pub program: &'static str,
    pub words: &'static [&'static str],
    /// What keeps it from waiting for its maker, where nobody answers, and its user's own login. None of it leads to us.
    pub variables: &'static [(&'static str, &'static str)],
    pub by: By,
    /// Where its question arrives.
    pub path: &'static str,
}

/// How it comes to us.
pub enum By {
    /// By a base URL in its files.
    Files(Edit),
    /// By the proxy in its files, where it is also told whom to trust.
    ProxyInFiles(Edit),
    /// By the proxy in its files, on a machine that trusts our CA.
    ProxyAndSystem(Edit),
    /// It has no file for that: `aigwctl run --tool`.
    Run,
    /// A library in a program of its user's: `aigwctl run`.
    Library,
}

/// What becomes of its files.
pub struct Edit {
    /// One that the user had before, and what was in it. Without one, `setup` makes them.
    pub had: Option<(&'static str, &'static str)>,
    /// It writes the file that we have edited anew by itself, so that `undo` cannot give the same bytes back.
    pub rewrites: bool,
}

impl Trial {
    /// Sets it up, asks it, and undoes that.
    pub async fn run(&self) {
        let mode = match self.by {
            By::Files(_) | By::Run | By::Library => "base-url",
            By::ProxyInFiles(_) | By::ProxyAndSystem(_) => "proxy",
        };
        let _outcome = Outcome::begins(self.tool, mode, self.program);
        match &self.by {
            By::Files(edit) => {
                let mut desk = Desk::logged_in().await;
                self.after_setup(&mut desk, edit, mode, &[]);
                desk.nothing_else_paid();
            }
            By::ProxyInFiles(edit) | By::ProxyAndSystem(edit) => {
                let mut town = Town::open().await;
                github::open(&town);
                let variables = town.variables();
                // Stands for the system's store, and is read in place of it.
                let system = variables.iter().filter(|(name, _)| name == "SSL_CERT_FILE");
                let system: Vec<_> = system.map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let trusts = if matches!(self.by, By::ProxyAndSystem(_)) { &system[..] } else { &[] };
                self.after_setup(&mut town, edit, mode, trusts);
                town.nothing_leaked(&[]);
            }
            By::Run | By::Library => {
                let desk = Desk::logged_in().await;
                let program = client(self.program);
                let named: &[&str] = if matches!(self.by, By::Run) { &["--tool", self.tool] } else { &[] };
                let program = ["--", program.to_str().expect("a plain path")];
                let words = [&["run"], named, &program, self.words].concat();
                let told = desk.aigwctl(&words, self.variables, LIMIT);
                self.answered(&desk, told);
                desk.nothing_else_paid();
                assert!(!Files::below(desk.tools_home()).holds("aigw_"), "its key is in a file");
            }
        }
    }

    fn after_setup(&self, desk: &mut Desk, edit: &Edit, mode: &str, trusts: &[(&str, &str)]) {
        let home = desk.tools_home().to_str().expect("a plain path").to_owned();
        desk.machine.set("HOME", &home);
        if let Some((file, text)) = edit.had {
            desk.write(file, text);
        }
        let before = Files::below(desk.tools_home());
        let output = desk.machine.ctl(&["setup", self.tool, "--mode", mode, "--yes"]);
        assert!(output.status.success(), "{}", told(&output));
        let edited = Files::below(desk.tools_home()).unlike(&before);
        assert!(edited.holds("aigw_"), "no file has a local key: {edited:#?}");
        desk.gateway.forget_requests();

        let told_by_tool =
            desk.run(&client(self.program), self.words, &[self.variables, trusts].concat(), LIMIT);
        self.answered(desk, told_by_tool);
        desk.end_leftovers();
        let left = Files::below(desk.tools_home());
        assert_eq!(left.unlike(&edited).touches(&edited), edit.rewrites, "from {edited:#?}\nto {left:#?}");

        let output = desk.machine.ctl(&["undo", self.tool, "--yes"]);
        assert!(output.status.success(), "{}", told(&output));
        let undone = Files::below(desk.tools_home());
        if edit.rewrites {
            undone.only_ours_is_gone(&edited, &left, edit.had.map(|(file, _)| file));
        } else {
            undone.same_as(&before, &edited);
        }
    }

    /// It says what the gateway answered. Its question got there at the right place, and everything with the company's token,
    /// once, and nothing of ours.
    fn answered(&self, desk: &Desk, told: Told) {
        let told = told.well();
        assert!(told.out.contains(&desk.gateway.behaviour().stream.text), "{told:#?}");
        let seen = desk.gateway.provider_requests();
        for request in &seen {
            let all = format!("{request:?}\n{}", request.body_text());
            assert!(!all.contains("aigw_"), "{all}");
            assert_eq!(all.matches(&desk.token).count(), 1, "{all}");
        }
        let asks = |all: &str| all.contains("say hi");
        let question =
            seen.iter().find(|seen| asks(&seen.body_text()) || seen.frames.iter().any(|frame| asks(frame)));
        let question = question.unwrap_or_else(|| panic!("nothing asked: {seen:#?}"));
        let path = question.target.split('?').next().unwrap_or_default();
        assert!(path.ends_with(self.path), "{}", question.target);
    }
}
