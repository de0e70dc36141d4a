//! What is said about this machine's CA.

use std::path::PathBuf;

use clap::Subcommand;

use crate::os::trust::Family;

/// `ca`
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Show what this machine's CA can sign, where it is kept and which stores trust it
    #[command(after_help = "Example:\n  aigwctl ca status --json | jq -r .root_cert")]
    Status,
    /// Make the trust stores of this machine and user trust it
    #[command(after_help = "Examples:\n  \
        aigwctl ca install --dry-run\n  \
        aigwctl ca install\n  \
        aigwctl ca install --store java --java auto")]
    Install(CaInstall),
    /// Take it, and earlier ones, out of every trust store
    #[command(after_help = "Example:\n  aigwctl ca uninstall")]
    Uninstall(CaUninstall),
    /// Show its certificates in full
    #[command(after_help = "Example:\n  aigwctl ca show")]
    Show,
    /// Print the root certificate (PEM), for a trust store that aigwctl does not know
    #[command(after_help = "Example:\n  aigwctl ca export --out aigw-root.pem")]
    Export {
        /// Write it there instead of to stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a new CA beside the old one; later, let it take over
    #[command(
        after_help = "Example:\n  aigwctl ca rotate\n  aigwctl ca install\n  aigwctl ca rotate --finish"
    )]
    Rotate {
        /// The new one is trusted: let it take over, and forget the old one
        #[arg(long)]
        finish: bool,
    },
    /// Print a request (PKCS #10) for a company's own CA to sign; the key stays here
    #[command(after_help = "Example:\n  aigwctl ca request > csr.pem")]
    Request,
    /// Use what the company's CA has signed
    #[command(after_help = "Example:\n  aigwctl ca import chain.pem")]
    Import {
        /// The signed certificate and those of its signers, in this order (PEM)
        #[arg(value_name = "FILE")]
        chain: PathBuf,
    },
    /// Say on one page what this CA can and cannot do, for a security team
    #[command(after_help = "Example:\n  aigwctl ca explain")]
    Explain,
}

/// `ca install`
#[derive(Debug, clap::Args)]
pub struct CaInstall {
    /// Only stores of this kind; may be repeated [default: all]
    #[arg(long, value_name = "KIND")]
    pub store: Vec<Family>,
    /// Also this Java keystore, or `auto` for those of the JDKs here; may be repeated
    #[arg(long, value_name = "KEYSTORE|auto")]
    pub java: Vec<String>,
    /// macOS: the keychain of the machine too, not only the user's
    #[arg(long)]
    pub system: bool,
    /// The root certificate (PEM), instead of asking aigwd for it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub root_cert: Vec<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `ca uninstall`
#[derive(Debug, Default, clap::Args)]
pub struct CaUninstall {
    /// Only stores of this kind; may be repeated [default: all]
    #[arg(long, value_name = "KIND")]
    pub store: Vec<Family>,
    /// Also this Java keystore; those that `ca install` has changed are known
    #[arg(long, value_name = "KEYSTORE|auto")]
    pub java: Vec<String>,
    /// The machine's keychain, which is looked at anyway
    #[arg(long, hide = true)]
    pub system: bool,
    /// The root with this SHA-256, instead of all that were installed from here; may be repeated
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}
