//! What an owner and a list of rights mean, as Windows spells both: `O:BAD:PAI(A;OICI;FA;;;SY)(A;;KR;;;BU)`. Users are
//! SIDs, or two letters for the well-known ones.

/// The machine's administrators, the system itself, and the installer of Windows: they may do everything anyway.
const ADMINISTRATORS: [&str; 3] =
    ["BA", "SY", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"];
/// Whoever makes a thing in a folder, and whoever owns one: both are the owner, who is looked at as well.
const OWNERS: [&str; 2] = ["CO", "OW"];

/// Letters for rights, as bits of files and registry keys.
const RIGHTS: [(&str, u32); 25] = [
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
    ("RC", 0x2_0000),
    ("SD", 0x1_0000),
    ("WD", 0x4_0000),
    ("WO", 0x8_0000),
    ("FA", 0x1f_01ff),
    ("FR", 0x12_0089),
    ("FW", 0x12_0116),
    ("FX", 0x12_00a0),
    ("KA", 0xf_003f),
    ("KR", 0x2_0019),
    ("KX", 0x2_0019),
    ("KW", 0x2_0006),
    ("CC", 0x1),
    ("DC", 0x2),
    ("LC", 0x4),
    ("SW", 0x8),
    ("RP", 0x10),
    ("WP", 0x20),
    ("DT", 0x40),
    ("LO", 0x80),
    ("CR", 0x100),
];
/// Reading a registry key, whatever it is called: its values, its keys, its changes, its rights.
const READING_A_KEY: u32 = 0x8002_0019 | 0x2000_0000;

struct Rule<'a> {
    kind: &'a str,
    rights: &'a str,
    user: &'a str,
}

/// The rights of a pipe for this user alone.
pub(crate) fn private_pipe(me: &str) -> String {
    format!("O:{me}D:P(A;;GA;;;{me})")
}

/// Those of a folder, and of all that is made in it: as the system gives them to a user's profile.
pub(crate) fn private_folder(me: &str) -> String {
    format!("O:{me}D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{me})")
}

/// Whether it is this user's. Something that an administrator made as such belongs to all administrators.
pub(crate) fn owned_by(sddl: &str, me: &str) -> Result<(), String> {
    match owner(sddl) {
        Some(owner) if owner == me || ADMINISTRATORS.contains(&owner) => Ok(()),
        Some(owner) => Err(format!("it belongs to {owner}")),
        None => Err("nobody owns it".to_owned()),
    }
}

/// Whether nobody else than this user can do anything with it. Administrators can with every file.
pub(crate) fn closed(sddl: &str, me: &str) -> Result<(), String> {
    let others = |rule: &Rule<'_>| {
        !(rule.user == me || ADMINISTRATORS.contains(&rule.user) || OWNERS.contains(&rule.user))
    };
    match rules(sddl).ok_or("everybody may use it")?.iter().find(|rule| rule.kind != "D" && others(rule)) {
        Some(rule) => Err(format!("{} may use it", rule.user)),
        None => Ok(()),
    }
}

/// Whether only administrators can have written this registry key.
pub(crate) fn managed(sddl: &str) -> Result<(), String> {
    let owner = owner(sddl).unwrap_or("nobody");
    if !ADMINISTRATORS.contains(&owner) {
        return Err(format!("is not the administrators': it belongs to {owner}"));
    }
    let writes = |rule: &&Rule<'_>| {
        let trusted = ADMINISTRATORS.contains(&rule.user) || OWNERS.contains(&rule.user);
        rule.kind != "D" && !trusted && bits(rule.rights).is_none_or(|bits| bits & !READING_A_KEY != 0)
    };
    match rules(sddl).ok_or("can be written by everybody")?.iter().find(writes) {
        Some(rule) => Err(format!("can be written by others than administrators: {}", rule.user)),
        None => Ok(()),
    }
}

fn owner(sddl: &str) -> Option<&str> {
    let from = sddl.strip_prefix("O:")?;
    // `D:` follows, or `G:`; neither is a part of a SID, but the first letter of each is one of `BD:`.
    let end = ["G:", "D:"].iter().filter_map(|mark| from.find(mark)).min().unwrap_or(from.len());
    Some(&from[..end]).filter(|owner| !owner.is_empty())
}

/// The rules; `None` where there is no list, which lets everybody in.
fn rules(sddl: &str) -> Option<Vec<Rule<'_>>> {
    let (_, list) = sddl.split_once("D:")?;
    let list = list.split_once("S:(").map_or(list, |(list, _)| list);
    if list.contains("NO_ACCESS_CONTROL") {
        return None;
    }
    let inside = list.split('(').skip(1).map(|rule| rule.split(')').next().unwrap_or_default());
    inside
        .map(|rule| {
            let mut parts = rule.split(';');
            let (kind, _, rights) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Rule { kind, rights, user: parts.nth(2)? })
        })
        .collect()
}

fn bits(rights: &str) -> Option<u32> {
    if let Some(hex) = rights.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).ok();
    }
    let letters = rights.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let bits = |pair| RIGHTS.iter().find(|(name, _)| Some(*name) == pair).map(|(_, bits)| *bits);
    letters.map(bits).try_fold(0, |all, one| Some(all | one?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "S-1-5-21-1-2-3-1001";
    const BOB: &str = "S-1-5-21-1-2-3-1002";

    #[test]
    fn what_is_made_for_one_user_is_closed_and_anything_more_is_not() {
        for made in [private_pipe(ADA), private_folder(ADA)] {
            assert_eq!((owned_by(&made, ADA), closed(&made, ADA)), (Ok(()), Ok(())), "{made}");
            assert!(owned_by(&made, BOB).is_err() && closed(&made, BOB).is_err(), "{made}");
        }
        // As in a user's profile, and as an elevated process leaves it.
        let profile = format!("O:{ADA}G:BUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;{ADA})");
        assert_eq!((owned_by(&profile, ADA), closed(&profile, ADA)), (Ok(()), Ok(())));
        assert_eq!(owned_by("O:BAD:P(A;;FA;;;BA)", ADA), Ok(()));
        for open in [
            // As below C:\.
            "O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)(A;OICIIOID;GA;;;CO)".to_owned(),
            format!("O:{ADA}D:P(A;;FA;;;{ADA})(A;;FR;;;{BOB})"),
            format!("O:{ADA}D:P(A;;FA;;;WD)"),
            format!("O:{ADA}D:NO_ACCESS_CONTROL"),
            format!("O:{ADA}"),
            format!("O:{ADA}D:(half a rule"),
            // A kind of rule that is not known counts as one that lets in.
            format!("O:{ADA}D:(XA;;FR;;;{BOB};(Member_of {{SID(BA)}}))"),
        ] {
            assert!(closed(&open, ADA).is_err(), "{open}");
        }
        // Nobody is let in by being kept out; an empty list keeps all out.
        assert_eq!(closed(&format!("O:{ADA}D:P(D;;FA;;;WD)(A;;FA;;;{ADA})"), ADA), Ok(()));
        assert_eq!(closed(&format!("O:{ADA}D:P"), ADA), Ok(()));
        assert!(owned_by("D:P(A;;FA;;;WD)", ADA).is_err());
    }

    #[test]
    fn a_policy_is_believed_if_only_administrators_can_write_it() {
        let usual = "(A;CIID;KA;;;BA)(A;CIID;KA;;;SY)(A;CIIOID;KA;;;CO)";
        for good in [
            format!("O:BAG:SYD:AI(A;CIID;KR;;;BU)(A;CIID;KR;;;AC){usual}"),
            format!("O:SYD:PAI{usual}(A;;0x20019;;;AU)(A;;CCSWRPRC;;;WD)(A;;GR;;;WD)"),
            format!("O:BAD:(D;;KA;;;{BOB}){usual}"),
        ] {
            assert_eq!(managed(&good), Ok(()), "{good}");
        }
        for bad in [
            format!("O:{ADA}D:{usual}"),
            format!("O:BAD:{usual}(A;;KA;;;{ADA})"),
            format!("O:BAD:{usual}(A;;KW;;;BU)"),
            format!("O:BAD:{usual}(A;;CCDC;;;BU)"),
            format!("O:BAD:{usual}(A;;0x2;;;WD)"),
            format!("O:BAD:{usual}(A;;RCWD;;;WD)"),
            format!("O:BAD:{usual}(A;;??;;;WD)"),
            "O:BA".to_owned(),
            "O:BAD:NO_ACCESS_CONTROL".to_owned(),
            String::new(),
        ] {
            assert!(managed(&bad).is_err(), "{bad}");
        }
    }
}
