//! What a thief of the intermediate's key could make, held against every library that our tools bring along: each
//! refuses it, and accepts it under a CA without the bounds. So it is the bounds that refuse.

mod libraries;
mod purpose;
mod thief;
mod verifiers;

use thief::{Theft, Thief};
use verifiers::{Library, Seen};

/// What a library does with what only the bounds of the CA could refuse.
#[track_caller]
fn hold(seen: &Seen) {
    use Theft::{Address, Good, Name, SubCa};
    for theft in [Good, Name, Address, SubCa] {
        assert!(seen.under_twin(theft), "refused without bounds, which proves nothing: {theft:?}\n{seen:#?}");
    }
    assert!(seen.under_ours(Good), "a tool could not use us: {seen:#?}");
    for theft in [Name, Address, SubCa, Theft::CommonName] {
        assert!(!seen.under_ours(theft), "accepted: {theft:?}\n{seen:#?}");
    }
}

/// The same, and whether it takes the subject's common name for a host's name at all.
#[track_caller]
fn hold_all(thief: &Thief, library: &dyn Library, takes_common_names: bool) {
    let seen = Seen::by(thief, library);
    hold(&seen);
    let takes = seen.under_twin(Theft::CommonName);
    assert_eq!(takes, takes_common_names, "this library has changed: {seen:#?}");
}
