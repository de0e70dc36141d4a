//! Reads the managed policy. It is believed only if nobody but the machine's administrator can have written it; one
//! that cannot be believed or read is not the same as none.

use std::path::Path;

use super::file::{self, LIMIT, Unknown};
use super::layer::{Layer, Rank};
use super::{PolicyState, schema};
use crate::finding::{Finding, Severity};
use crate::os::policy;

/// The policy's text if it is there and can be believed; an error says why it cannot.
pub(super) fn content(path: &Path) -> Content {
    policy::read(path, LIMIT)
}

/// What [`content`] gives.
pub(super) type Content = Result<Option<Vec<u8>>, String>;

/// The policy's layer, empty unless it is in force.
pub(super) fn read(
    content: Content,
    path: &Path,
    home: Option<&Path>,
    findings: &mut Vec<Finding>,
) -> (Layer, PolicyState) {
    match content.and_then(|content| content.map(|bytes| take(&bytes, path, home)).transpose()) {
        Ok(None) => (Layer::default(), PolicyState::None),
        Ok(Some((layer, unknown))) => {
            findings.extend(unknown.iter().map(finding));
            (layer, PolicyState::InForce)
        }
        Err(why) => {
            findings.push(Finding::new(
                "policy-unreadable",
                Severity::Error,
                format!("the managed policy is not in force, so nothing is forwarded: {why}"),
                "ask whoever manages this machine to mend the policy file",
            ));
            (Layer::default(), PolicyState::Unreadable(why))
        }
    }
}

fn take(content: &[u8], path: &Path, home: Option<&Path>) -> Result<(Layer, Vec<Unknown>), String> {
    let (layer, unknown) = file::parse(content, path, Rank::Policy).map_err(|fault| fault.what)?;
    super::check_values(&layer, home).map_err(|fault| fault.what)?;
    Ok((layer, unknown))
}

fn finding(unknown: &Unknown) -> Finding {
    Finding::new(
        "policy-unknown-key",
        Severity::Warning,
        format!("{}: the policy's `{}` is no setting of this version", unknown.place, unknown.path.join(".")),
        format!("it may belong to a newer version, or mean `{}`", schema::nearest(&unknown.path)),
    )
}
