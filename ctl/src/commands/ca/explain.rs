//! `ca explain`: one page for a security team that is asked to let this CA be trusted. It says what is not so good, too.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use aigw_shared::fault::Failure;
use aigw_shared::ipc::payload::{CaAction, CaStatus};
use serde::Serialize;

use crate::output::{Answer, Output};
use crate::wording::{Moment, tame};

#[derive(Serialize)]
struct Explained {
    statement: String,
    company: bool,
    permitted: Vec<String>,
    not_after: Moment,
    root_cert: String,
    intermediate_cert: String,
    intermediate_key: String,
    fingerprint_sha256: String,
    verify: Vec<String>,
    remove: Vec<String>,
}

impl Answer for Explained {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        write!(to, "{}", tame(&self.statement))
    }
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let status = super::ask(CaAction::Status).await?;
    let (verify, remove) = (verify(&status), remove(&status));
    output.show(&Explained {
        statement: statement(&status, &verify, &remove),
        company: status.company,
        permitted: status.permitted,
        not_after: Moment(status.not_after),
        root_cert: status.root_cert,
        intermediate_cert: status.intermediate_cert,
        intermediate_key: status.intermediate_key,
        fingerprint_sha256: status.fingerprint_sha256,
        verify,
        remove,
    })
}

fn verify(status: &CaStatus) -> Vec<String> {
    let (root, signer) = (quoted(&status.root_cert), quoted(&status.intermediate_cert));
    vec![
        format!("openssl x509 -in {root} -noout -fingerprint -sha256"),
        format!("openssl x509 -in {signer} -noout -text"),
        // A company's file may hold more than one certificate, and not its root.
        if status.company {
            format!("openssl verify -x509_strict -partial_chain -CAfile {root} -untrusted {signer} {signer}")
        } else {
            format!("openssl verify -x509_strict -CAfile {root} {signer}")
        },
        format!("ls -l {}", quoted(&status.intermediate_key)),
    ]
}

fn remove(status: &CaStatus) -> Vec<String> {
    let authority = Path::new(&status.intermediate_key).parent();
    let folder = authority.and_then(Path::parent).unwrap_or(Path::new("."));
    let mut commands = vec!["aigwctl ca uninstall".to_owned(), "aigwctl stop".to_owned()];
    if status.company {
        commands.remove(0);
    }
    commands.push(format!("rm -r {}", quoted(&folder.display().to_string())));
    commands
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn statement(status: &CaStatus, verify: &[String], remove: &[String]) -> String {
    let mut page = String::from("THE CERTIFICATE AUTHORITY OF AIGW ON THIS MACHINE\n");
    let mut part = |title: &str, text: &str| {
        let _ = write!(page, "\n{title}\n{}", indented(text));
    };
    part(
        "What it is for",
        "AI tools on this machine that use the proxy of aigwd have their calls to the hosts below answered through the \
         company's AI gateway. For that, aigwd opens the TLS of these hosts, and of no other: every other connection is \
         passed through unopened, with the host's own certificate.",
    );
    part(
        "What it can sign",
        &format!(
            "Certificates for TLS servers (EKU serverAuth) named as below, or below these names:\n{}\n\
             What the tools get lives for at most 7 days, and only in the memory of aigwd.",
            status.permitted.iter().map(|name| format!("  {name}\n")).collect::<String>().trim_end()
        ),
    );
    part(
        "What it cannot sign",
        "Any other host name, any IP address, e-mail, further CAs: critical name constraints and pathlen 0 in the \
         intermediate certificate say so, and clients enforce them. The EKU keeps it from code, mail and client \
         certificates; GnuTLS (git, wget) does not look at the EKU of a server certificate.",
    );
    part(
        "For how long",
        &format!("Until {}. A new one has to be trusted anew.", Moment(status.not_after).words()),
    );
    part("Where the keys are", &keys(status));
    part(
        "What this does not protect from",
        "A program of the same user can read that key, as it can read the user's other files, and could then pass for \
         the hosts above on this machine. It could add a CA of its own just as well.\n\
         One known gap: programs built on Bun (OpenCode and earlier versions of Claude Code among them) take the common name of a \
         certificate for a host name when its alternative names are all of rare kinds, such as registered IDs, and do not \
         hold it against the name constraints. Whoever stole the intermediate's key could pass for any host towards such \
         a program. OpenSSL, GnuTLS, Node, Python, Java, Go, rustls and NSS refuse such a certificate. For Bun, the mode \
         of the key's file is the only guard.\n\
         Not tried: the certificate checks of macOS, of Windows, of Electron and of .NET.",
    );
    part(
        "How to check it",
        &(verify.join("\n") + &format!("\nexpected SHA-256: {}", status.fingerprint_sha256)),
    );
    part("How to remove it", &remove.join("\n"));
    page
}

fn keys(status: &CaStatus) -> String {
    let origin = if status.company {
        "The intermediate was signed by a company's CA, whose key never was on this machine. No trust store was touched."
    } else {
        "It was made on this machine, and every machine has another. The root has signed this one intermediate; its key \
         was then destroyed and never written to a disk."
    };
    format!(
        "{origin} The intermediate's key is in one file, readable by this user only (mode 0600); aigwd refuses to \
         intercept if others may read it:\n  {}\n\
         The key is never sent anywhere, nor put into a trust store. Only the root certificate is:\n  {}",
        status.intermediate_key, status.root_cert
    )
}

/// Lines of a width that fits a page and a mail, two blanks in. A line that begins with blanks, or is a command, stays whole.
fn indented(text: &str) -> String {
    const WIDTH: usize = 96;
    let mut out = String::new();
    for paragraph in text.lines() {
        let whole = paragraph.starts_with(' ')
            || ["openssl ", "ls ", "rm ", "aigwctl "].iter().any(|c| paragraph.starts_with(c));
        if whole {
            let _ = writeln!(out, "  {paragraph}");
            continue;
        }
        let mut line = String::from(" ");
        for word in paragraph.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
                let _ = writeln!(out, "{line}");
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(word);
        }
        let _ = writeln!(out, "{line}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stay_whole_and_words_are_wrapped() {
        let long = "word ".repeat(40);
        let text = indented(&format!("{long}\n{}", "openssl x ".repeat(20)));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[..3].iter().all(|line| line.len() <= 96 && line.starts_with("  word")));
        assert_eq!(quoted("/home/ada/a b's"), r"'/home/ada/a b'\''s'");
    }
}
