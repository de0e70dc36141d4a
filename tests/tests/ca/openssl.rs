//! `openssl`, and a company's CA made with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The names of every new CA, as a configuration of `openssl` lists them.
pub const NAMES: [&str; 7] = [
    "api.anthropic.com",
    "api.openai.com",
    "chatgpt.com",
    "githubcopilot.com",
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "daily-cloudcode-pa.googleapis.com",
];

/// Runs `openssl` and lets it fail.
pub fn run(words: &[&str]) -> Output {
    Command::new("openssl").args(words).output().expect("openssl is there")
}

/// Runs `openssl`, which must succeed, and returns what it printed.
#[track_caller]
pub fn printed(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// How a certificate is made.
pub struct Recipe {
    /// Lines of an extensions section.
    pub extensions: String,
    /// How long it lives; it has ended with -1.
    pub days: i32,
}

impl Recipe {
    /// What a company is asked to sign.
    pub fn intermediate() -> Self {
        Self { extensions: format!("{}{}", bounds(), constraints(&NAMES)), days: 300 }
    }

    /// The same with one text in its extensions replaced.
    pub fn but(from: &str, to: &str) -> Self {
        let recipe = Self::intermediate();
        assert!(recipe.extensions.contains(from), "{from}: {}", recipe.extensions);
        Self { extensions: recipe.extensions.replace(from, to), ..recipe }
    }
}

/// Everything but the name constraints.
fn bounds() -> String {
    "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
     extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        .to_owned()
}

/// Name constraints for these names.
pub fn constraints(names: &[&str]) -> String {
    let permitted: String = names.iter().map(|name| format!("permitted;DNS:{name},")).collect();
    format!(
        "nameConstraints=critical,{permitted}permitted;email:none.invalid,\
         excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0,excluded;email:none.invalid\n"
    )
}

/// A company with a root and a CA below it.
pub struct Company {
    folder: TempDir,
}

impl Company {
    /// A new one.
    pub fn new() -> Self {
        let company = Self { folder: tempfile::tempdir().unwrap() };
        let ca =
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n";
        company.key("root");
        company.key("sub");
        let (key, csr) = (company.file("root.key"), company.file("root.csr"));
        printed(&[
            "req",
            "-new",
            "-key",
            arg(&key),
            "-subj",
            "/O=Example/CN=Example root",
            "-out",
            arg(&csr),
        ]);
        let (extensions, root) = (company.write("root.ext", ca), company.file("root.pem"));
        let mut words = vec!["x509", "-req", "-in", arg(&csr), "-signkey", arg(&key), "-days", "900"];
        words.extend(["-extfile", arg(&extensions), "-out", arg(&root)]);
        printed(&words);
        let (key, csr) = (company.file("sub.key"), company.file("sub.csr"));
        printed(&[
            "req",
            "-new",
            "-key",
            arg(&key),
            "-subj",
            "/O=Example/CN=Example sub CA",
            "-out",
            arg(&csr),
        ]);
        let recipe = Recipe { extensions: format!("{ca}authorityKeyIdentifier=keyid\n"), days: 600 };
        std::fs::write(company.file("sub.pem"), company.sign(&csr, "root", &recipe)).unwrap();
        company
    }

    /// A file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file there.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }

    /// The certificate of one of its CAs, `root` or `sub`.
    pub fn pem(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(&format!("{name}.pem"))).unwrap()
    }

    /// A new key on P-256.
    pub fn key(&self, name: &str) -> PathBuf {
        let file = self.file(&format!("{name}.key"));
        printed(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", arg(&file)]);
        file
    }

    /// Signs a request as this CA of the company does, and returns the certificate.
    pub fn sign(&self, csr: &Path, signer: &str, recipe: &Recipe) -> String {
        let extensions = self.write("ext", &recipe.extensions);
        let (pem, key) = (self.file(&format!("{signer}.pem")), self.file(&format!("{signer}.key")));
        let days = recipe.days.to_string();
        let mut words = vec!["x509", "-req", "-in", arg(csr), "-CA", arg(&pem), "-CAkey", arg(&key)];
        words.extend(["-CAcreateserial", "-days", &days, "-extfile", arg(&extensions)]);
        // It says what it signs, first, in some versions.
        let text = printed(&words);
        text[text.find("-----BEGIN").unwrap()..].to_owned()
    }
}
