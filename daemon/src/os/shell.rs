//! A line that a person wrote, run by the shell that the person's own tools would run it by.

use tokio::process::Command;

/// The shell with this line.
pub fn command(line: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(program);
    command.args([flag, line]);
    command
}
