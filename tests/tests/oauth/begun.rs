//! A running `aigwctl login`, as a person in front of it sees it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Output};
use std::sync::mpsc::{Receiver, channel};

use aigw_tests::eventually::PATIENCE;
use aigw_tests::machine::Machine;

/// A login that waits for the browser.
pub(crate) struct Begun {
    child: Child,
    /// The page to open.
    pub(crate) page: String,
    /// What it said on the way to it.
    said: Vec<String>,
    lines: Receiver<String>,
}

impl Begun {
    /// `aigwctl login` with these words, up to where it names the page.
    pub(crate) fn at(machine: &Machine, words: &[&str]) -> Self {
        let mut child = machine.ctl_begun(&[&["login", "--no-open"], words].concat());
        let (to, lines) = channel();
        let out = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        let mut begun = Begun { child, page: String::new(), said: Vec::new(), lines };
        while begun.page.is_empty() {
            let line = begun.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{error}: {:?}\n{}", begun.said, machine.log()));
            if let Some((_, page)) = line.split_once("Open this page in a browser: ") {
                page.clone_into(&mut begun.page);
            }
            begun.said.push(line);
        }
        begun
    }

    /// A parameter of the page's address, decoded.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let query = self.page.split_once('?').unwrap().1;
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let value = value.unwrap_or_else(|| panic!("no {name} in {}", self.page));
        value.replace("%3A", ":").replace("%2F", "/")
    }

    /// Where the browser comes back to: `127.0.0.1:PORT`.
    pub(crate) fn callback(&self) -> String {
        super::browser::parts(&self.parameter("redirect_uri")).0.to_owned()
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        let killed = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        self.child.wait().unwrap();
    }

    /// How it ended, with all that it said.
    pub(crate) fn end(mut self) -> Output {
        let mut stdout = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        self.said.extend(self.lines.iter());
        Output { status, stdout, stderr: self.said.join("\n").into_bytes() }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
