//! The whole desktop session: no tool, but set up and undone as one.

use super::super::Put::{CaFile, NoProxy, Proxy};
use super::super::{How, Mode, Places, Settings, Tool, Way};
use super::{FILE, WAY, XDG, documented};
use crate::settings::Format;

/// What systemd gives to every program of the user from the next login on (environment.d(5)).
pub(crate) const SESSION: Tool = Tool {
    id: "session",
    name: "the whole desktop session",
    programs: &[],
    folders: &[],
    ways: &[Way {
        mode: Mode::Proxy,
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".config/environment.d/60-aigw.conf"]),
            moved: &[XDG],
            format: Format::Env,
            keys: &[
                (&["HTTPS_PROXY"], Proxy),
                (&["https_proxy"], Proxy),
                (&["HTTP_PROXY"], Proxy),
                (&["http_proxy"], Proxy),
                (&["NO_PROXY"], NoProxy),
                (&["no_proxy"], NoProxy),
                (&["NODE_EXTRA_CA_CERTS"], CaFile),
            ],
            ..FILE
        }]),
        then: &["Log out and in again. For programs that trust what the system trusts: `aigwctl ca install`"],
        evidence: documented("2026-11-29"),
        gains: &[
            "every program of the desktop that knows a proxy comes through aigwd, without settings of its own",
        ],
        loses: &["without aigwd such programs reach nothing: its socket starts it when it is needed"],
        notes: &["what is no AI call is tunnelled, and nobody looks into it"],
        ..WAY
    }],
    own: None,
};
