//! Random numbers of the system, for names and secrets.

use aigw_shared::fault::{Fault, Kind};

/// So many random bytes.
///
/// # Errors
/// When the system has none.
pub fn bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::new(Kind::Internal, format!("no random numbers: {error}")))?;
    Ok(bytes)
}

/// So many random bytes, two letters each.
///
/// # Errors
/// When the system has none.
pub fn hex<const N: usize>() -> Result<String, Fault> {
    Ok(bytes::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
