//! `aigwd try`, as a person meets it: by the real program, with nothing set up.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use aigw_tests::eventually::{PATIENCE, eventually};
use aigw_tests::machine;
use aigw_tests::machine::Machine;
use aigw_tests::raw::exchange;

/// Said last, when everything is up.
const READY: &str = "Ctrl-C ends it";

/// A running tour.
struct Tour {
    child: Child,
    lines: Receiver<String>,
    /// What it printed so far.
    said: String,
    begun: Instant,
}

/// A person's machine, on which a daemon of their own has been set up, and in no good way: whoever read these settings
/// could not start. The tour's temporary folder is `tmp`, and there is nothing in it.
fn lived_in() -> Machine {
    let mut machine = machine!();
    machine.configure("this is no setting, and nobody may look at it\n");
    std::fs::create_dir_all(machine.home().join("state/credentials")).expect("folders");
    std::fs::write(machine.home().join("state/keys.json"), "{ damaged").expect("a file");
    std::fs::create_dir(machine.home().join("tmp")).expect("a folder");
    let tmp = machine.home().join("tmp");
    machine.set("TMPDIR", tmp.to_str().expect("a plain path"));
    for (name, value) in
        [("AIGW_URL", "https://nobody.invalid"), ("AIGW_TOKEN", "x"), ("AIGW_LISTEN_PORT", "x")]
    {
        machine.set(name, value);
    }
    machine
}

/// Every file and folder, with what is in it.
fn contents(folder: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let mut contents = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            contents.push((path.display().to_string(), std::fs::read(&path).ok()));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    contents.sort();
    contents
}

impl Tour {
    fn begin(machine: &Machine, words: &[&str]) -> Self {
        let begun = Instant::now();
        let mut command = machine.aigwd(&[&["try"], words].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("aigwd starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (to, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        Self { child, lines, said: String::new(), begun }
    }

    /// Reads on until this was said. How long it took since the start.
    fn until(&mut self, text: &str) -> Duration {
        while !self.said.contains(text) {
            let line = self.lines.recv_timeout(PATIENCE);
            self.said += &line.unwrap_or_else(|error| panic!("{error} before {text:?}:\n{}", self.said));
            self.said.push('\n');
        }
        self.begun.elapsed()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    fn ended(&mut self) -> ExitStatus {
        let status = eventually("the tour ends", || self.child.try_wait().expect("a child"));
        self.said.extend(self.lines.iter().flat_map(|line| [line, "\n".to_owned()]));
        status
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of an `export` line.
fn exported(said: &str, name: &str) -> String {
    let prefix = format!("export {name}=");
    let value = said.lines().find_map(|line| line.trim().strip_prefix(&prefix));
    value.unwrap_or_else(|| panic!("no {name} in\n{said}")).to_owned()
}

/// The words of the curl command, as a shell reads them.
fn curl_words(said: &str) -> Vec<String> {
    let command = &said[said.find("curl ").unwrap_or_else(|| panic!("no curl in\n{said}"))..];
    let command = command.replace("\\\n", " ");
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in command.lines().next().unwrap_or_default().chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().expect("never empty").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The request that this curl command makes: its address, and its bytes.
fn request(words: &[String]) -> (String, String) {
    let after = |flag: &str| words.iter().skip_while(|word| *word != flag).nth(1).expect("a value").clone();
    let url = words.iter().find_map(|word| word.strip_prefix("http://")).expect("a URL");
    let (address, path) = url.split_once('/').expect("a path");
    let body = after("-d");
    let message = format!(
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\n{}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        after("-H"),
        body.len()
    );
    (address.to_owned(), message)
}

#[test]
fn the_tour_shows_four_right_answers_soon_and_leaves_nothing() {
    let machine = lived_in();
    let before = contents(machine.home());
    let mut tour = Tour::begin(&machine, &["--once"]);
    let first = tour.until("\n");
    assert!(tour.ended().success(), "{}", tour.said);
    let whole = tour.begun.elapsed();
    println!("first output after {first:?}, end after {whole:?}");
    assert!(first < Duration::from_secs(2), "{first:?}");
    assert!(whole < Duration::from_secs(15), "{whole:?}");

    for dialect in ["Anthropic Messages", "OpenAI chat completions", "OpenAI Responses", "through the proxy"]
    {
        assert!(tour.said.contains(dialect), "{}", tour.said);
    }
    assert_eq!(tour.said.matches("  right: ").count(), 4, "{}", tour.said);
    assert_eq!(tour.said.matches("WRONG").count(), 0, "{}", tour.said);
    assert!(!tour.said.contains("export "), "nothing stays up: {}", tour.said);
    assert_eq!(contents(machine.home()), before);
}

#[test]
fn what_it_invites_to_works_until_it_is_ended() {
    for signal in ["INT", "TERM"] {
        let machine = lived_in();
        let before = contents(machine.home());
        let mut tour = Tour::begin(&machine, &[]);
        tour.until(READY);
        assert_ne!(contents(machine.home()), before, "it has a folder of its own");

        let base = exported(&tour.said, "ANTHROPIC_BASE_URL");
        let key = exported(&tour.said, "ANTHROPIC_AUTH_TOKEN");
        assert_eq!(exported(&tour.said, "OPENAI_API_KEY"), key);
        let origin = base.strip_suffix("/anthropic").expect("the provider's prefix");
        assert_eq!(exported(&tour.said, "OPENAI_BASE_URL"), format!("{origin}/openai/v1"));

        let words = curl_words(&tour.said);
        assert_eq!(&words[..2], ["curl", "-N"]);
        assert!(words.contains(&format!("x-api-key: {key}")), "{words:?}");
        let (address, message) = request(&words);
        assert_eq!(format!("http://{address}"), origin);
        let answer = exchange(&address, message);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("message_stop"), "{}", answer.text());

        tour.signal(signal);
        assert_eq!(tour.ended().code(), Some(0), "{signal}: {}", tour.said);
        assert_eq!(contents(machine.home()), before, "{signal}");
    }
}

#[test]
fn ended_in_the_middle_it_leaves_nothing_either() {
    let machine = lived_in();
    let before = contents(machine.home());
    let mut tour = Tour::begin(&machine, &["--once"]);
    tour.until("message_start");
    tour.signal("INT");
    assert_eq!(tour.ended().code(), Some(0), "{}", tour.said);
    assert!(!tour.said.contains("OpenAI Responses"), "{}", tour.said);
    assert_eq!(contents(machine.home()), before);
}

/// The control socket's path would be too long there, so that is elsewhere. Nothing of it stays either.
#[test]
fn in_a_folder_with_a_long_name_it_leaves_nothing_either() {
    let mut machine = lived_in();
    let long = machine.home().join("tmp").join("l".repeat(100));
    std::fs::create_dir(&long).expect("a folder");
    machine.set("TMPDIR", long.to_str().expect("a plain path"));
    let before = contents(machine.home());
    let mut tour = Tour::begin(&machine, &[]);
    tour.until(READY);
    let elsewhere = sockets_elsewhere(&long);
    tour.signal("INT");
    assert_eq!(tour.ended().code(), Some(0), "{}", tour.said);
    assert_eq!(contents(machine.home()), before);
    assert!(!elsewhere.is_empty(), "else this test is about nothing");
    for socket in elsewhere {
        let folder = Path::new(&socket).parent().expect("a folder");
        let stayed = std::fs::remove_dir_all(folder).is_ok();
        assert!(!stayed, "{} was still there", folder.display());
    }
}

/// The sockets that are named in the tour's folder, because they are not in it.
fn sockets_elsewhere(tmp: &Path) -> Vec<String> {
    let files = contents(tmp).into_iter();
    files
        .filter(|(path, _)| path.ends_with("/run/socket"))
        .filter_map(|(_, text)| Some(String::from_utf8(text?).ok()?.trim().to_owned()))
        .collect()
}
