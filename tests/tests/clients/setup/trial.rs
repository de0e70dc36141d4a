//! One tool set up, asked, and undone; what [`tools`](super::tools) says of it is held against what it does.

use std::time::Duration;

use aigw_tests::machine::told;

use super::files::Files;
use super::result;
use crate::desk::{Desk, client};

const LIMIT: Duration = Duration::from_secs(150);

/// What makes a tool ask one short thing, and what is to come of it.
pub struct Trial {
    /// Its name for `aigwctl setup`.
    pub tool: &'static str,
    /// In the folder that `.ci/clients` fills.
    pub program: &'static str,
    pub words: &'static [&'static str],
    /// What keeps it from waiting for its maker, where nobody answers. None of it leads to us.
    pub quiet: &'static [(&'static str, &'static str)],
    /// A file of it that the user had before, and what was in it. Without one, `setup` makes its files.
    pub had: Option<(&'static str, &'static str)>,
    /// Where its question arrives.
    pub path: &'static str,
    /// It writes the file that we have edited anew by itself, so that `undo` cannot give the same bytes back.
    pub rewrites: bool,
}

impl Trial {
    /// Sets it up, asks it, and undoes that.
    pub async fn run(&self) {
        let _outcome = result::Outcome::begins(self.tool, "base-url", self.program);
        let mut desk = Desk::logged_in().await;
        let home = desk.tools_home().to_str().expect("a plain path").to_owned();
        desk.machine.set("HOME", &home);
        if let Some((file, text)) = self.had {
            desk.write(file, text);
        }
        let before = Files::below(desk.tools_home());
        let output = desk.machine.ctl(&["setup", self.tool, "--yes"]);
        assert!(output.status.success(), "{}", told(&output));
        let edited = Files::below(desk.tools_home()).unlike(&before);
        assert!(edited.holds("aigw_"), "no file has a local key: {edited:#?}");
        desk.gateway.forget_requests();

        let answer = desk.run(&client(self.program), self.words, self.quiet, LIMIT).well();
        assert!(answer.out.contains(&desk.gateway.behaviour().stream.text), "{answer:#?}");
        self.arrived(&desk);
        desk.end_leftovers();
        let left = Files::below(desk.tools_home());
        assert_eq!(left.unlike(&edited).touches(&edited), self.rewrites, "{left:#?}");

        let output = desk.machine.ctl(&["undo", self.tool, "--yes"]);
        assert!(output.status.success(), "{}", told(&output));
        let undone = Files::below(desk.tools_home());
        if self.rewrites {
            undone.only_ours_is_gone(&edited, &left, self.had.map(|(file, _)| file));
        } else {
            undone.same_as(&before, &edited);
        }
    }

    /// What reached the gateway carried the company's token and nothing of ours, and the question was where it belongs.
    fn arrived(&self, desk: &Desk) {
        let seen = desk.gateway.provider_requests();
        for request in &seen {
            assert_eq!(request.headers("authorization"), [format!("Bearer {}", desk.token)]);
            let all = format!("{request:?}\n{}", request.body_text());
            assert!(!all.contains("aigw_"), "{all}");
        }
        let question = seen.iter().find(|request| request.body_text().contains("say hi"));
        let question = question.unwrap_or_else(|| panic!("nothing asked: {seen:#?}"));
        let path = question.target.split('?').next().unwrap_or_default();
        assert!(path.ends_with(self.path), "{}", question.target);
    }
}
