//! `NO_PROXY`: the user's list, with the loopback names always in it.

use std::collections::HashSet;

use crate::os;

/// Never through a proxy: the tools would send their requests for us to it.
pub(crate) const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// What the environment has.
pub(crate) fn here() -> String {
    [os::variable("NO_PROXY"), os::variable("no_proxy")].map(Option::unwrap_or_default).join(",")
}

/// All words of these lists and the loopback names, each once.
pub(crate) fn with_loopback(lists: &[&str]) -> String {
    once(lists.iter().flat_map(|list| words(list)).chain(LOOPBACK))
}

/// What was there before us.
pub(crate) fn without_loopback(list: &str) -> String {
    once(words(list).filter(|word| !LOOPBACK.contains(word)))
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn once<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    words.filter(|word| seen.insert(*word)).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_exceptions_stay_once() {
        for (lists, after) in [
            (&[""][..], "127.0.0.1,localhost,::1"),
            (&["corp.example, localhost,corp.example"], "corp.example,localhost,127.0.0.1,::1"),
            (&["127.0.0.1,localhost,::1", "a"], "127.0.0.1,localhost,::1,a"),
        ] {
            assert_eq!(with_loopback(lists), after);
        }
        assert_eq!(without_loopback("corp.example,127.0.0.1,localhost,::1"), "corp.example");
    }
}
