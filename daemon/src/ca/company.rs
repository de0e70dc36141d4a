//! A company's own CA signs this machine's intermediate. The key stays here, and what comes back is used only if it is
//! bound as we asked: it could otherwise sign for the whole web.

use std::fs;
use std::path::PathBuf;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::ipc::payload::CaRequest;
use rcgen::{Issuer, KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Ca;
use super::authority::{self, Authority};
use super::certificates::{Files, MAX_PEM, covers, names, subtrees};
use super::list::{self, List};
use crate::os::roots;

/// More certificates than lie between any two.
const LONGEST: usize = 8;

impl Ca {
    /// A request for these names. The same key each time, until what was signed is imported.
    ///
    /// # Errors
    /// When the key cannot be made, kept or trusted.
    pub fn request(&self, wanted: &[String]) -> Result<CaRequest, Fault> {
        let _one_at_a_time = self.lock();
        let files = Files::in_folder(&self.request_folder());
        if self.folder.exists() {
            self.check_folder()?;
        }
        files::create_private_dir(&self.folder)?;
        files::create_private_dir(&files.folder)?;
        if !files.key.exists() {
            let key = authority::key_pair().map_err(|error| trouble(&error))?;
            let secret = zeroize::Zeroizing::new(key.serialize_pem());
            files::write_private(&files.key, secret.as_bytes())?;
        }
        let key = authority::read_key(&files)?;
        let pem = authority::request(&key, wanted).map_err(|error| trouble(&error))?;
        let mut asked = self.asked()?;
        asked.extend(wanted.iter().cloned());
        asked.sort();
        asked.dedup();
        let text = serde_json::to_string_pretty(&asked).map_err(|error| trouble(&error))?;
        files::write_private(&self.asked_file(), text.as_bytes())?;
        Ok(CaRequest { pem, permitted: wanted.to_vec() })
    }

    /// What the company's CA answered becomes the authority that signs.
    ///
    /// # Errors
    /// `CaRefused` saying what is wrong with it; nothing has changed then.
    pub fn import(&self, text: &str, wanted: &[String]) -> Result<(), Fault> {
        let _one_at_a_time = self.lock();
        let files = Files::in_folder(&self.request_folder());
        if !files.key.exists() {
            return Err(Fault::new(Kind::CaRefused, "no request is waiting for an answer")
                .cure_with("make one: `aigwctl ca request > csr.pem`"));
        }
        self.check_folder()?;
        let key = authority::read_key(&files)?;
        let mut chain = parse(text)?;
        check(&chain, &key, &self.asked()?, wanted, crate::now())?;
        let root = take_root(&mut chain)?;

        let mut list = self.list().unwrap_or_default().unwrap_or_default();
        let name = list::new_name()?;
        Authority::keep(&self.folder.join(&name), &root, &chain, &key)?;
        Authority::open(&self.folder.join(&name))?;
        for old in [Some(list.current.clone()), list.next.take()].into_iter().flatten() {
            self.retire(&mut list, &old);
        }
        let list = List { current: name, company: true, ..list };
        list.write(&self.folder)?;
        self.forget_opened();
        tracing::info!("a company's CA has signed this machine's");
        // Its key has a certificate now; another request gets another key.
        if let Err(error) = fs::remove_dir_all(&files.folder) {
            tracing::warn!("the answered request cannot be removed: {error}");
        }
        self.publish(Some(&list));
        Ok(())
    }

    fn request_folder(&self) -> PathBuf {
        self.folder.join("request")
    }

    fn asked_file(&self) -> PathBuf {
        self.request_folder().join("names.json")
    }

    /// Every name that was asked for with this key.
    fn asked(&self) -> Result<Vec<String>, Fault> {
        let bytes = files::read_limited(&self.asked_file(), MAX_PEM)?.unwrap_or_default();
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn parse(text: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| refused(format!("the file cannot be read: {error}")))?;
    match chain.len() {
        0 => Err(refused("the file holds no certificate in PEM")),
        1..=LONGEST => Ok(chain),
        count => Err(refused(format!("the file holds {count} certificates; at most {LONGEST} make sense"))),
    }
}

/// Everything that the first certificate must be and must not be, and that each is signed by the next.
fn check(
    chain: &[CertificateDer<'static>],
    key: &KeyPair,
    asked: &[String],
    wanted: &[String],
    now: i64,
) -> Result<(), Fault> {
    let parsed: Vec<X509Certificate<'_>> = chain
        .iter()
        .map(|der| X509Certificate::from_der(der).map(|(_, certificate)| certificate))
        .collect::<Result<_, _>>()
        .map_err(|error| refused(format!("a certificate in the file cannot be read: {error}")))?;
    let [first, uppers @ ..] = parsed.as_slice() else {
        return Err(refused("the file holds no certificate"));
    };
    if first.public_key().raw != key.subject_public_key_info() {
        return Err(refused("the first certificate is not for the key of our request"));
    }
    check_kind(first)?;
    check_constraints(first, asked, wanted)?;
    for certificate in &parsed {
        check_dates(certificate, now)?;
    }
    for (below, upper) in uppers.iter().enumerate() {
        check_signer(upper, below)?;
    }
    for pair in parsed.windows(2) {
        if let [signed, signer] = pair {
            check_signature(signed, signer)?;
        }
    }
    check_leaf_issuer(&chain[0], first, key)
}

fn check_kind(first: &X509Certificate<'_>) -> Result<(), Fault> {
    let basic = first.basic_constraints().ok().flatten().filter(|basic| basic.critical && basic.value.ca);
    let basic = basic
        .ok_or_else(|| refused("the first certificate is no CA (critical basicConstraints, CA:TRUE)"))?;
    if basic.value.path_len_constraint != Some(0) {
        return Err(refused("the first certificate has no pathlen:0, so it could make further CAs"));
    }
    let signs = first.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
    if !signs {
        return Err(refused("the first certificate has no keyUsage keyCertSign"));
    }
    let usage = first.extended_key_usage().ok().flatten().map(|usage| usage.value);
    let only_servers = usage.is_some_and(|usage| {
        let others = usage.any
            || usage.client_auth
            || usage.code_signing
            || usage.email_protection
            || usage.time_stamping
            || usage.ocsp_signing
            || !usage.other.is_empty();
        usage.server_auth && !others
    });
    if !only_servers {
        return Err(refused("the first certificate is not limited to extendedKeyUsage serverAuth"));
    }
    Ok(())
}

fn check_constraints(first: &X509Certificate<'_>, asked: &[String], wanted: &[String]) -> Result<(), Fault> {
    let critical = first.name_constraints().ok().flatten().is_some_and(|constraints| constraints.critical);
    if !critical {
        return Err(refused(
            "the first certificate has no critical nameConstraints, so it could sign for any host",
        ));
    }
    let (permitted, excluded) = subtrees(first);
    let (permitted, closed) = (names(&permitted), names(&excluded));
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|host| {
            !permitted.iter().any(|name| covers(name, host)) || closed.iter().any(|name| covers(name, host))
        })
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(refused(format!("the first certificate may not sign for {}", missing.join(", "))));
    }
    let known = |name: &String| asked.iter().chain(wanted).any(|asked| covers(asked, name));
    if let Some(name) = permitted.iter().find(|name| !known(name)) {
        return Err(refused(format!("the first certificate may sign for `{name}`, which was not asked for")));
    }
    for (length, range) in [(8, "0.0.0.0/0"), (32, "::/0")] {
        let is_all = |bytes: &[u8]| bytes.len() == length && bytes.iter().all(|byte| *byte == 0);
        if !excluded
            .iter()
            .any(|subtree| matches!(subtree.base, GeneralName::IPAddress(bytes) if is_all(bytes)))
        {
            return Err(refused(format!("the first certificate does not exclude IP addresses ({range})")));
        }
    }
    Ok(())
}

fn check_dates(certificate: &X509Certificate<'_>, now: i64) -> Result<(), Fault> {
    let (from, to) = (certificate.validity().not_before, certificate.validity().not_after);
    if to.timestamp() <= now {
        return Err(refused(format!("the certificate of {} has expired: {to}", certificate.subject())));
    }
    if from.timestamp() > now {
        return Err(refused(format!(
            "the certificate of {} is not valid before {from}",
            certificate.subject()
        )));
    }
    Ok(())
}

/// A signer with so many CAs below it, the first one not counted.
fn check_signer(signer: &X509Certificate<'_>, below: usize) -> Result<(), Fault> {
    let wrong = |what: &str| Err(refused(format!("the certificate of {} {what}", signer.subject())));
    let Some(basic) = signer.basic_constraints().ok().flatten().filter(|basic| basic.value.ca) else {
        return wrong("is no CA");
    };
    if basic.value.path_len_constraint.is_some_and(|most| (most as usize) < below + 1) {
        return wrong("allows fewer CAs below it than there are (pathlen)");
    }
    if signer.key_usage().ok().flatten().is_some_and(|usage| !usage.value.key_cert_sign()) {
        return wrong("may not sign certificates (keyUsage)");
    }
    Ok(())
}

fn check_signature(signed: &X509Certificate<'_>, signer: &X509Certificate<'_>) -> Result<(), Fault> {
    let (who, by) = (signed.subject(), signer.subject());
    if signed.issuer().as_raw() != by.as_raw() {
        return Err(refused(format!(
            "the order is wrong: after the certificate of {who} has to come the one of {}, and there is the one of {by}",
            signed.issuer()
        )));
    }
    signed
        .verify_signature(Some(signer.public_key()))
        .map_err(|_| refused(format!("the certificate of {who} is not signed by the key of {by}")))
}

/// What we sign must name its signer as the signer names itself, byte for byte. Names with parts of one kind, such as
/// two of DC, would come out changed.
fn check_leaf_issuer(
    der: &CertificateDer<'static>,
    first: &X509Certificate<'_>,
    key: &KeyPair,
) -> Result<(), Fault> {
    let trial = || {
        let issuer = Issuer::from_ca_cert_der(der, key)?;
        rcgen::CertificateParams::default().signed_by(&authority::key_pair()?, &issuer)
    };
    let trial = trial().map_err(|error| refused(format!("the first certificate cannot sign: {error}")))?;
    let (_, trial) = X509Certificate::from_der(trial.der()).map_err(|error| trouble(&error))?;
    if trial.issuer().as_raw() != first.subject().as_raw() {
        return Err(refused(format!(
            "the subject of the first certificate ({}) is of a form that we cannot repeat; keep the subject of the request",
            first.subject()
        )));
    }
    Ok(())
}

/// Takes the company's root out of the chain, or finds it in the system's store; else the last one stands for it.
fn take_root(chain: &mut Vec<CertificateDer<'static>>) -> Result<CertificateDer<'static>, Fault> {
    let last = chain.last().cloned().ok_or_else(|| refused("the file holds no certificate"))?;
    let (_, top) = X509Certificate::from_der(&last).map_err(|error| trouble(&error))?;
    if chain.len() > 1 && top.subject().as_raw() == top.issuer().as_raw() {
        chain.pop();
        return Ok(last);
    }
    let signs = |root: &CertificateDer<'static>| {
        X509Certificate::from_der(root).is_ok_and(|(_, root)| check_signature(&top, &root).is_ok())
    };
    match roots::system().into_iter().find(signs) {
        Some(root) => Ok(root),
        None if chain.len() > 1 => Ok(last),
        None => Err(refused(format!(
            "the signer of the first certificate ({}) is neither in the file nor in this system's store",
            top.issuer()
        ))
        .cure_with("append the certificates of its signers to the file")),
    }
}

fn refused(what: impl Into<String>) -> Fault {
    Fault::new(Kind::CaRefused, what)
}

fn trouble(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Kind::Internal, format!("a company's CA cannot be used: {error}"))
}
