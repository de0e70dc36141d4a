//! `ca show`: the certificates in full, as a person or a security team wants to read them.

use std::io::{self, Write};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::{CaAction, CaStatus};
use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

use crate::output::{Answer, LABEL, Output, STRONG};
use crate::wording::{Moment, line};

#[derive(Serialize)]
struct Shown {
    certificates: Vec<Certificate>,
}

#[derive(Serialize)]
struct Certificate {
    role: &'static str,
    subject: String,
    issuer: String,
    serial: String,
    not_before: Moment,
    not_after: Moment,
    key: String,
    pathlen: Option<u32>,
    extended_key_usage: Vec<String>,
    permitted: Vec<String>,
    excluded: Vec<String>,
    fingerprint_sha256: String,
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let status = super::ask(CaAction::Status).await?;
    output.show(&Shown { certificates: certificates(&status)? })
}

fn certificates(status: &CaStatus) -> Result<Vec<Certificate>, Failure> {
    let mut all = Vec::new();
    let next = status.next.as_ref().map(|next| next.root_pem.as_str());
    let texts = [
        ("intermediate", Some(status.intermediate_pem.as_str())),
        ("root", Some(status.root_pem.as_str())),
        ("next root", next),
    ];
    for (role, text) in texts {
        for (number, pem) in Pem::iter_from_buffer(text.unwrap_or_default().as_bytes()).enumerate() {
            let pem = pem.map_err(|error| unreadable(&error))?;
            let parsed = pem.parse_x509().map_err(|error| unreadable(&error))?;
            // What a company put between the root and ours.
            let role = if number > 0 { "signer" } else { role };
            all.push(Certificate::of(role, &pem.contents, &parsed));
        }
    }
    Ok(all)
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Fault::new(Kind::CaUnsafe, format!("a certificate of this machine's CA cannot be read: {error}")).into()
}

impl Certificate {
    fn of(role: &'static str, der: &[u8], parsed: &X509Certificate<'_>) -> Self {
        let basic = parsed.basic_constraints().ok().flatten();
        let constraints = parsed.name_constraints().ok().flatten();
        let names = |subtrees: Option<&Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
            subtrees.into_iter().flatten().map(|subtree| name(&subtree.base)).collect()
        };
        let hex: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
        Self {
            role,
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: parsed.raw_serial_as_string(),
            not_before: Moment(parsed.validity().not_before.timestamp()),
            not_after: Moment(parsed.validity().not_after.timestamp()),
            key: key(parsed),
            pathlen: basic.and_then(|basic| basic.value.path_len_constraint),
            extended_key_usage: usages(parsed),
            permitted: names(constraints.as_ref().and_then(|c| c.value.permitted_subtrees.as_ref())),
            excluded: names(constraints.as_ref().and_then(|c| c.value.excluded_subtrees.as_ref())),
            fingerprint_sha256: hex.join(":"),
        }
    }
}

fn key(parsed: &X509Certificate<'_>) -> String {
    use x509_parser::public_key::PublicKey;
    match parsed.public_key().parsed() {
        Ok(PublicKey::EC(point)) => format!("EC, {} bits", point.key_size()),
        Ok(PublicKey::RSA(key)) => format!("RSA, {} bits", key.key_size()),
        _ => parsed.public_key().algorithm.algorithm.to_id_string(),
    }
}

fn usages(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(usage)) = parsed.extended_key_usage() else { return Vec::new() };
    let known = [
        ("serverAuth", usage.value.server_auth),
        ("clientAuth", usage.value.client_auth),
        ("codeSigning", usage.value.code_signing),
        ("emailProtection", usage.value.email_protection),
        ("any", usage.value.any),
    ];
    let named = known.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned());
    named.chain(usage.value.other.iter().map(ToString::to_string)).collect()
}

/// As people write it: `api.openai.com`, `IP 0.0.0.0/0`, `e-mail none.invalid`.
fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::RFC822Name(name) => format!("e-mail {name}"),
        GeneralName::IPAddress(bytes) if bytes.iter().all(|byte| *byte == 0) => {
            format!("IP {}/0", if bytes.len() == 8 { "0.0.0.0" } else { "::" })
        }
        other => other.to_string(),
    }
}

impl Answer for Shown {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for (number, certificate) in self.certificates.iter().enumerate() {
            if number > 0 {
                writeln!(to)?;
            }
            certificate.text(to)?;
        }
        Ok(())
    }
}

impl Certificate {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{STRONG}{}{STRONG:#}", self.role)?;
        line(to, LABEL, "subject", &self.subject)?;
        line(to, LABEL, "issuer", &self.issuer)?;
        line(to, LABEL, "serial", &self.serial)?;
        line(to, LABEL, "from", &self.not_before.words())?;
        line(to, LABEL, "to", &self.not_after.words())?;
        line(to, LABEL, "key", &self.key)?;
        let pathlen = self.pathlen.map(|length| format!(", pathlen {length}")).unwrap_or_default();
        line(to, LABEL, "may sign", &format!("for {}{pathlen}", self.extended_key_usage.join(", ")))?;
        for (label, names) in [("permitted", &self.permitted), ("excluded", &self.excluded)] {
            if !names.is_empty() {
                line(to, LABEL, label, &names.join(", "))?;
            }
        }
        line(to, LABEL, "SHA-256", &self.fingerprint_sha256)
    }
}
