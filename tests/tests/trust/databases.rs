//! NSS databases of Firefox and Chromium, with NSS's own program.

use std::fs;

use aigw_tests::machine::told;

use crate::desk::{Desk, USER, states};

impl Desk {
    /// An empty database of the user's.
    pub fn nss(&self, folder: &str) -> String {
        self.nss_with(folder, &["--empty-password"])
    }

    fn nss_with(&self, folder: &str, words: &[&str]) -> String {
        let path = self.text(folder);
        fs::create_dir_all(&path).unwrap();
        self.tool("certutil", &[&["-N", "-d", &format!("sql:{path}")], words].concat());
        self.tool("chown", &["-R", &USER.to_string(), &self.text("home")]);
        format!("sql:{path}")
    }

    /// Names and flags in it, and the certificate of each name.
    fn nss_content(&self, database: &str) -> Vec<(String, String)> {
        let listed = self.tool("certutil", &["-L", "-d", database]);
        let rows = listed.lines().skip(4).filter_map(|line| line.trim_end().rsplit_once(' '));
        rows.map(|(name, flags)| {
            let name = name.trim();
            // All of one subject are shown for each name; the newest comes first, whichever was named.
            (format!("{name} {flags}"), self.tool("certutil", &["-L", "-d", database, "-n", name, "-a"]))
        })
        .collect()
    }
}

#[test]
fn t11_browsers_databases_get_both_roots_of_a_rotation_and_lose_no_other() {
    let desk = Desk::new();
    let (old, new, theirs) = (desk.root("old"), desk.root("new"), desk.root("theirs"));
    let databases =
        ["home/.pki/nssdb", "home/.mozilla/firefox/a.default", "home/snap/firefox/common/.mozilla/firefox/b"]
            .map(|folder| desk.nss(folder));
    for database in &databases {
        // The same subject as ours, which NSS keeps together.
        desk.tool(
            "certutil",
            &["-A", "-d", database, "-n", "theirs", "-t", "CT,C,", "-i", &theirs.certificate],
        );
    }
    desk.tool("chown", &["-R", &USER.to_string(), &desk.text("home")]);
    let before: Vec<_> = databases.iter().map(|database| desk.nss_content(database)).collect();
    let install =
        ["ca", "install", "--store", "nss", "--root-cert", &old.certificate, "--root-cert", &new.certificate];
    assert_eq!(states(&desk.ask(Some(USER), &install), "nss"), ["installed"; 3]);
    for database in &databases {
        let content = desk.nss_content(database);
        assert_eq!(content.len(), 3, "{content:?}");
        for root in [&old, &new] {
            let name = format!("aigw root {} C,,", &root.fingerprint.replace(':', "").to_lowercase()[..16]);
            let found = content.iter().find(|(row, _)| *row == name).unwrap_or_else(|| panic!("{content:?}"));
            assert!(found.1.replace("\r\n", "\n").contains(root.pem().trim()), "{content:?}");
        }
    }
    let bytes = || databases.each_ref().map(|database| desk.nss_content(database));
    let installed = bytes();
    assert_eq!(states(&desk.ask(Some(USER), &install), "nss"), ["already-installed"; 3]);
    assert_eq!(bytes(), installed);

    // Taken away by hand in one: that one is mended.
    let name = installed[0].iter().find(|(name, _)| name.starts_with("aigw root")).unwrap().0.clone();
    let name = name.rsplit_once(' ').unwrap().0;
    desk.tool("certutil", &["-M", "-d", &databases[0], "-n", name, "-t", ",,"]);
    let mut mended = states(&desk.ask(Some(USER), &install), "nss");
    mended.sort();
    assert_eq!(mended, ["already-installed", "already-installed", "installed"]);
    assert_eq!(bytes(), installed);

    assert_eq!(states(&desk.ask(Some(USER), &["ca", "uninstall", "--store", "nss"]), "nss"), ["removed"; 3]);
    assert_eq!(bytes().to_vec(), before);
    assert!(desk.ask(Some(USER), &["ca", "uninstall"])["note"].is_string());
    assert_eq!(bytes().to_vec(), before);
}

#[test]
fn a_database_with_a_password_fails_by_name_and_holds_up_no_other() {
    let desk = Desk::new();
    let root = desk.root("root");
    fs::write(desk.path("password"), "secret").unwrap();
    desk.nss_with("home/.mozilla/firefox/a.locked", &["-f", &desk.text("password")]);
    let open = desk.nss("home/.mozilla/firefox/b.open");
    let output = desk.ctl(Some(USER), &["ca", "install", "--store", "nss", "--root-cert", &root.certificate]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let said = told(&output);
    assert!(said.contains("a.locked") && said.contains("certutil failed"), "{said}");
    assert_eq!(desk.nss_content(&open).len(), 1);
    let output = desk.ctl(Some(USER), &["ca", "uninstall", "--store", "nss"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(desk.nss_content(&open).is_empty());
}

#[test]
fn without_nsss_program_the_package_is_named_and_nothing_done() {
    let desk = Desk::new();
    let root = desk.root("root");
    desk.nss("home/.pki/nssdb");
    let before = desk.snapshot(&["home"]);
    // The program is hidden in the namespace, as if it were not installed.
    let hide =
        "mount --bind /dev/null \"$(readlink -f /usr/bin/certutil)\" && rm -f /dev/null.x; exec \"$@\"";
    let program = desk.text("aigwctl");
    let words = [&*program, "ca", "install", "--store", "nss", "--dry-run", "--root-cert", &root.certificate];
    let output = desk.inside(
        None,
        &[&["sh", "-c", hide, "sh", "env", &format!("HOME={}", desk.text("home"))][..], &words].concat(),
    );
    assert!(told(&output).contains("libnss3-tools"), "{}", told(&output));
    crate::desk::same(&desk.snapshot(&["home"]), &before);
}
