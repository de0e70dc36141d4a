//! What makes a file the administrator's: plain data in, a verdict out, so that any user can test it.

/// What is known about a file or folder that has to be the administrator's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) owner: u32,
    pub(crate) mode: u32,
    /// This process could write it, whatever the mode says: access lists, capabilities.
    pub(crate) writable: bool,
}

/// Whether only the administrator can have written something. `root` is the administrator's number as seen from here,
/// `us` our own. The error says what is wrong.
pub(crate) fn judge(facts: Facts, root: u32, us: u32) -> Result<(), String> {
    if facts.owner != root {
        return Err(format!("is not root's: it belongs to user {}", facts.owner));
    }
    if facts.mode & 0o022 != 0 {
        return Err(format!("can be written by others than root: its mode is {:03o}", facts.mode & 0o777));
    }
    if facts.writable && us != 0 {
        return Err("can be written by this user".to_owned());
    }
    Ok(())
}

/// The administrator's number: 0, or in a user namespace without one the number that stands for all who have none.
/// A namespace may have an empty table; a system without namespaces has none at all.
pub(crate) fn root_number(uid_map: Option<&str>, overflow: &str) -> u32 {
    let has_zero = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>());
        matches!((numbers.next(), numbers.next(), numbers.next()), (Some(Ok(0)), _, Some(Ok(count))) if count > 0)
    };
    if uid_map.is_none_or(|map| map.lines().any(has_zero)) {
        return 0;
    }
    overflow.trim().parse().unwrap_or(65534)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOTS: Facts = Facts { owner: 0, mode: 0o100_644, writable: false };

    #[test]
    fn only_what_root_alone_can_write_is_believed() {
        let rows = [
            ("plain", ROOTS, 0, 1000, true),
            ("we are root", Facts { writable: true, ..ROOTS }, 0, 0, true),
            ("ours", Facts { owner: 1000, ..ROOTS }, 0, 1000, false),
            ("somebody's, we are root", Facts { owner: 1000, ..ROOTS }, 0, 0, false),
            ("group may write", Facts { mode: 0o664, ..ROOTS }, 0, 1000, false),
            ("others may write", Facts { mode: 0o646, ..ROOTS }, 0, 1000, false),
            ("others may write, we are root", Facts { mode: 0o646, ..ROOTS }, 0, 0, false),
            ("sticky, like /tmp", Facts { mode: 0o41_777, ..ROOTS }, 0, 1000, false),
            ("access list lets us write", Facts { writable: true, ..ROOTS }, 0, 1000, false),
            ("root without a number", Facts { owner: 65534, ..ROOTS }, 65534, 1000, true),
            ("pretended root where root has no number", ROOTS, 65534, 1000, false),
        ];
        for (name, facts, root, us, good) in rows {
            assert_eq!(judge(facts, root, us).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn root_has_no_number_only_where_zero_is_not_mapped() {
        for (map, root) in [
            (Some("         0          0 4294967295\n"), 0),
            (Some("         0       1000          1\n         1     100000      65536\n"), 0),
            (Some("      1000       1000          1\n"), 65534),
            (Some(""), 65534),
            (None, 0),
        ] {
            assert_eq!(root_number(map, "65534\n"), root, "{map:?}");
        }
        assert_eq!(root_number(Some("1000 1000 1"), "99\n"), 99);
    }
}
