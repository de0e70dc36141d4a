//! One run of a program: what it printed, and when; ended with all that it has started when it takes too long.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aigw_shared::fault::{Fault, Kind};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::home::Home;
use crate::os::group;

/// More than any tool prints about one short question.
const MOST: usize = 1024 * 1024;
/// What is still in the pipes when the program has ended is read this long: others may hold them open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What came of it.
pub(super) struct Ran {
    /// `None` when it had to be ended.
    pub(super) exit: Option<i32>,
    pub(super) out: Printed,
    pub(super) err: Printed,
    pub(super) took: Duration,
}

/// What it printed.
#[derive(Default)]
pub(super) struct Printed {
    bytes: Vec<u8>,
    /// Where a piece ends, and when that came.
    pieces: Vec<(usize, Instant)>,
}

impl Printed {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// When the end of the first of these words was there.
    pub(super) fn when(&self, word: &str) -> Option<Instant> {
        let at = self.bytes.windows(word.len()).position(|window| window == word.as_bytes())?;
        let end = at + word.len();
        self.pieces.iter().find(|(piece, _)| *piece >= end).map(|(_, when)| *when)
    }

    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let room = MOST.saturating_sub(self.bytes.len()).min(length);
            self.bytes.extend_from_slice(&buffer[..room]);
            self.pieces.push((self.bytes.len(), Instant::now()));
        }
    }
}

/// What a program has started, which ends with this.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            group::end(process);
        }
    }
}

/// Runs it to its end, or for as long as it may take.
pub(super) async fn run(
    program: &Path,
    arguments: &[String],
    variables: &[(String, String)],
    home: &Home,
    limit: Duration,
) -> Result<Ran, Fault> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
    command.current_dir(home.work()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    group::apart(&mut command);
    let mut child = command.spawn().map_err(|error| {
        Fault::new(Kind::CommandNotExecutable, format!("{} cannot be run: {error}", program.display()))
    })?;
    let group = Group(child.id());
    let (mut out, mut err) = (Printed::default(), Printed::default());
    let (from_out, from_err) = (child.stdout.take(), child.stderr.take());
    let ended = {
        let mut reading = std::pin::pin!(async { tokio::join!(out.read(from_out), err.read(from_err)) });
        let mut read = false;
        let ended = timeout(limit, async {
            loop {
                tokio::select! {
                    ended = child.wait() => return ended,
                    _ = &mut reading, if !read => read = true,
                }
            }
        });
        let ended = ended.await;
        drop(group);
        if !read {
            let _ = timeout(LAST_WORDS, &mut reading).await;
        }
        ended
    };
    let took = begun.elapsed();
    let exit = ended.ok().and_then(Result::ok).map(|status| status.code().unwrap_or(1));
    Ok(Ran { exit, out, err, took })
}

/// What it says of its version: the first word that begins with a digit.
pub(super) async fn version(
    program: &Path,
    variables: &[(String, String)],
    home: &Home,
    limit: Duration,
) -> Option<String> {
    let ran = run(program, &["--version".to_owned()], variables, home, limit).await.ok()?;
    let text = format!("{} {}", ran.out.text(), ran.err.text());
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    let word = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))?;
    Some(word.trim_end_matches(['.', ',']).chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    /// Some tools are launchers, and some leave a server behind: nothing of it outlives the proof.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_takes_too_long_is_ended_with_all_that_it_has_started() {
        use aigw_shared::paths::Paths;

        use super::*;
        use crate::settings::ledger::Ledger;
        use crate::tools::{Door, Tool};

        let (tool, scratch) = (Tool::named("codex").unwrap(), tempfile::tempdir().unwrap());
        let desk = crate::tools::desk(scratch.path());
        let ledger = Ledger::look(&Paths::under(scratch.path())).unwrap();
        let home = Home::made(tool, None, &desk, &Door::default(), &ledger).unwrap();
        let script = "sleep 1000 & echo $!; echo first; sleep 0.4; echo second; wait";
        let limit = Duration::from_secs(2);
        let ran =
            run(Path::new("/bin/sh"), &["-c", script].map(str::to_owned), &home.variables(), &home, limit)
                .await
                .unwrap();
        assert_eq!(ran.exit, None);
        assert!(ran.took >= limit && ran.took < limit * 10, "{:?}", ran.took);
        let apart = ran.out.when("second").unwrap() - ran.out.when("first").unwrap();
        assert!(apart >= Duration::from_millis(300) && ran.out.when("third").is_none(), "{apart:?}");
        let text = ran.out.text();
        let child = text.lines().next().unwrap();
        let lives = || {
            let mut check = std::process::Command::new("kill");
            check.args(["-0", child]).stderr(Stdio::null()).status().unwrap().success()
        };
        let end = Instant::now() + Duration::from_secs(30);
        while lives() {
            assert!(Instant::now() < end, "{child} lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
