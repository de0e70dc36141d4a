//! Which scopes a deployment knows, and what a token with them may do.

/// The scopes that may be asked for, and how.
#[derive(Clone, Copy, Debug)]
pub struct Scopes {
    /// Their names. Any other is refused.
    pub names: &'static [&'static str],
    /// Takes a list in `scopes`; without it, that field is passed over and only `scope` counts.
    pub lists: bool,
    /// The provider routes ask for a scope too, not only for a token that is good.
    pub at_gateway: bool,
}

impl Scopes {
    /// A release that knows all or nothing.
    pub const OLD: Scopes =
        Scopes { names: &["all", "application_connect"], lists: false, at_gateway: false };
    /// A release with scopes down to single rights.
    pub const NARROW: Scopes = Scopes {
        names: &[
            "all",
            "application_connect",
            "coder:all",
            "coder:application_connect",
            "coder:apikeys.manage_self",
            "api_key:*",
            "api_key:create",
            "api_key:delete",
            "api_key:read",
            "api_key:update",
            "user:*",
            "user:read",
            "user:read_personal",
            "user:update_personal",
            "aibridge_interception:*",
            "aibridge_interception:create",
            "aibridge_interception:read",
            "aibridge_interception:update",
            "ai_provider:*",
            "ai_provider:read",
            "workspace:ssh",
        ],
        lists: true,
        at_gateway: true,
    };

    pub(crate) fn know(&self, name: &str) -> bool {
        self.names.contains(&name)
    }
}

/// What is done with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// See oneself: `users/me`, the spend.
    Oneself,
    /// See one's tokens.
    ReadKeys,
    /// Make one.
    MakeKeys,
    /// Remove one.
    RemoveKeys,
    /// Use the gateway.
    Gateway,
    /// See what was done with it.
    Sessions,
}

const RIGHTS: &[(&str, &[Right])] = {
    use Right::{Gateway, MakeKeys, Oneself, ReadKeys, RemoveKeys, Sessions};
    &[
        ("all", &[Oneself, ReadKeys, MakeKeys, RemoveKeys, Gateway, Sessions]),
        ("coder:all", &[Oneself, ReadKeys, MakeKeys, RemoveKeys, Gateway, Sessions]),
        ("coder:apikeys.manage_self", &[ReadKeys, MakeKeys, RemoveKeys]),
        ("api_key:*", &[ReadKeys, MakeKeys, RemoveKeys]),
        ("api_key:create", &[MakeKeys]),
        ("api_key:delete", &[RemoveKeys]),
        ("api_key:read", &[ReadKeys]),
        ("user:*", &[Oneself]),
        ("user:read", &[Oneself]),
        ("user:read_personal", &[Oneself]),
        ("aibridge_interception:create", &[Gateway]),
        ("aibridge_interception:read", &[Sessions]),
        ("aibridge_interception:*", &[Gateway, Sessions]),
    ]
};

/// Whether one of these scopes gives the right.
pub(crate) fn allow(scopes: &[String], right: Right) -> bool {
    let rights = |scope: &String| RIGHTS.iter().find(|(name, _)| name == scope).map(|(_, rights)| *rights);
    scopes.iter().filter_map(rights).any(|rights| rights.contains(&right))
}
