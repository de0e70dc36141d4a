use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::place::text;
use super::*;

/// Two roots of the same name, as a rotation leaves them, and one of somebody else.
const ROOT: &str = include_str!("fixtures/root.pem");
const NEXT: &str = include_str!("fixtures/next.pem");
const THEIRS: &str = include_str!("fixtures/theirs.pem");

/// A folder that looks like a machine, and what its programs answer.
struct Image {
    folder: tempfile::TempDir,
    place: Place,
}

impl Image {
    fn new(system: System, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().to_owned();
        for (name, content) in files {
            let file = base.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            if !name.ends_with('/') {
                fs::write(file, content).unwrap();
            } else {
                fs::create_dir_all(file).unwrap();
            }
        }
        let place = Place {
            system,
            home: base.join("home/ada"),
            roaming: (system == System::Windows).then(|| base.join("home/ada/AppData/Roaming")),
            java_home: None,
            search: vec![base.join("usr/bin"), base.join("usr/sbin")],
            is_root: true,
            records: base.join("records"),
            look: Box::new(|_, _| None),
            base,
        };
        Self { folder, place }
    }

    /// What a program says to these words, paths without the folder.
    fn answers(mut self, answers: &[(&str, &str)]) -> Self {
        let answers: HashMap<String, String> =
            answers.iter().map(|(line, said)| ((*line).to_owned(), (*said).to_owned())).collect();
        let base = text(self.folder.path());
        self.place.look = Box::new(move |program, words| {
            let line = [&text(program)[..]].iter().chain(words).copied().collect::<Vec<_>>().join(" ");
            let line = line.replace(&base, "");
            // Settings go to a file whose name nobody knows.
            if let Some(said) = line.split_once(" /tmp/").and_then(|(line, _)| answers.get(line)) {
                fs::write(words.last().unwrap(), said).unwrap();
                return Some(String::new());
            }
            answers.get(&line).cloned()
        });
        self
    }

    fn root(&self, pem: &str) -> Root {
        Root::of(pem, "a test", &self.place.records).unwrap()
    }

    fn stores(&self, java: &[&str]) -> Vec<Store> {
        let java: Vec<String> = java.iter().map(|file| self.path_or(file)).collect();
        stores(&self.place, &java)
    }

    fn path_or(&self, file: &str) -> String {
        if file == "auto" { file.to_owned() } else { text(&self.place.at(file)) }
    }

    /// Steps as lines, paths without the folder.
    fn lines(&self, steps: &[Step]) -> Vec<String> {
        steps.iter().map(|step| step.words().replace(&text(self.folder.path()), "")).collect()
    }

    fn add(&self, java: &[&str]) -> Vec<String> {
        let roots = [self.root(ROOT), self.root(NEXT)];
        self.stores(java).iter().flat_map(|store| self.lines(&store.add(&self.place, &roots))).collect()
    }

    fn remove(&self, java: &[&str]) -> Vec<String> {
        let marks = [self.root(ROOT).mark, self.root(NEXT).mark];
        self.stores(java).iter().flat_map(|store| self.lines(&store.remove(&self.place, &marks))).collect()
    }
}

fn short(pem: &str) -> String {
    Root::of(pem, "", Path::new("")).unwrap().mark.short().to_owned()
}

fn sha1(pem: &str) -> String {
    Root::of(pem, "", Path::new("")).unwrap().mark.sha1.unwrap()
}

/// Folder of anchors, the program, what is run, and the bundle.
const DISTRIBUTIONS: [(&str, &str, &str, &str); 5] = [
    (
        "usr/local/share/ca-certificates",
        "usr/sbin/update-ca-certificates",
        "/usr/sbin/update-ca-certificates",
        "etc/ssl/certs/ca-certificates.crt",
    ),
    (
        "etc/pki/ca-trust/source/anchors",
        "usr/bin/update-ca-trust",
        "/usr/bin/update-ca-trust extract",
        "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    ),
    (
        "etc/ca-certificates/trust-source/anchors",
        "usr/bin/update-ca-trust",
        "/usr/bin/update-ca-trust",
        "etc/ca-certificates/extracted/tls-ca-bundle.pem",
    ),
    (
        "etc/ca-certificates/trust-source/anchors",
        "usr/bin/trust",
        "/usr/bin/trust extract-compat",
        "etc/ca-certificates/extracted/tls-ca-bundle.pem",
    ),
    (
        "etc/pki/trust/anchors",
        "usr/sbin/update-ca-certificates",
        "/usr/sbin/update-ca-certificates",
        "var/lib/ca-certificates/ca-bundle.pem",
    ),
];

#[test]
fn each_distribution_is_told_by_its_folder() {
    for (anchors, program, run, bundle) in DISTRIBUTIONS {
        let theirs = format!("{anchors}/theirs.crt");
        let image = Image::new(System::Linux, &[(&theirs, THEIRS), (program, ""), (bundle, THEIRS)]);
        let ours = |pem| format!("/{anchors}/aigw-{}.crt", short(pem));
        let write: Vec<String> =
            vec![format!("write {}", ours(ROOT)), format!("write {}", ours(NEXT)), format!("run {run}")];
        assert_eq!(image.add(&[]), write);
        assert_eq!(image.remove(&[]), Vec::<String>::new(), "{anchors}");

        // Once both files and the bundle are there, there is nothing to add, and both are removed: not theirs.
        for pem in [ROOT, NEXT] {
            fs::write(image.place.at(&ours(pem)), pem).unwrap();
        }
        assert_eq!(image.add(&[]), write, "{anchors}: without the bundle it has no effect");
        fs::write(image.place.at(bundle), [THEIRS, ROOT, NEXT].concat()).unwrap();
        assert_eq!(image.add(&[]), Vec::<String>::new(), "{anchors}");
        let mut files = [ours(ROOT), ours(NEXT)];
        files.sort();
        let mut removed: Vec<String> = files.iter().map(|file| format!("remove {file}")).collect();
        let run = if anchors.starts_with("usr/local") { format!("{run} --fresh") } else { run.to_owned() };
        removed.push(format!("run {run}"));
        assert_eq!(image.remove(&[]), removed, "{anchors}");

        // A crash between the two: the files are gone, the bundle is old.
        for pem in [ROOT, NEXT] {
            fs::remove_file(image.place.at(&ours(pem))).unwrap();
        }
        assert_eq!(image.remove(&[]), [format!("run {run}")], "{anchors}");
    }
}

#[test]
fn a_certificate_of_ours_under_any_name_is_ours_and_one_with_our_name_may_not_be() {
    let (anchors, program, run, bundle) = DISTRIBUTIONS[0];
    let image = Image::new(
        System::Linux,
        &[
            (&format!("{anchors}/corp/aigw-0123456789abcdef.crt"), THEIRS),
            (&format!("{anchors}/aigw-{}.crt", short(NEXT)), THEIRS),
            (&format!("{anchors}/by-hand.crt"), &ROOT.replace('\n', "\r\n")),
            (program, ""),
            (bundle, &[THEIRS, ROOT].concat()),
        ],
    );
    assert_eq!(image.remove(&[]), [format!("remove /{anchors}/by-hand.crt"), format!("run {run} --fresh")]);
}

#[test]
fn a_system_that_is_described_elsewhere_or_unknown_is_only_spoken_of() {
    let nix = Image::new(System::Linux, &[("etc/NIXOS", ""), ("etc/ssl/certs/ca-certificates.crt", THEIRS)]);
    let told = nix.add(&[]);
    assert!(told.len() == 1 && told[0].contains("configuration.nix") && told[0].contains(ROOT), "{told:?}");
    assert!(told[0].contains("security.pki.certificates = [ ''\n-----BEGIN"), "{told:?}");
    assert!(nix.remove(&[]).is_empty());
    fs::write(nix.place.at("etc/ssl/certs/ca-certificates.crt"), [ROOT, NEXT].concat()).unwrap();
    assert!(nix.add(&[]).is_empty());
    assert!(nix.remove(&[])[0].contains("configuration.nix"));

    let unknown = Image::new(System::Linux, &[("etc/os-release", "")]);
    assert!(unknown.add(&[])[0].contains("as its documentation says"));

    // The folder without the program: a file there would take effect some day, unasked.
    let bare = Image::new(System::Linux, &[("usr/local/share/ca-certificates/", "")]);
    assert_eq!(bare.add(&[]), ["there is no update-ca-certificates; install the package ca-certificates"]);
}

#[test]
fn only_the_machines_stores_need_root() {
    let mut image = Image::new(
        System::Linux,
        &[
            ("usr/local/share/ca-certificates/", ""),
            ("home/ada/.pki/nssdb/cert9.db", ""),
            ("srv/cacerts", ""),
        ],
    );
    image.place.is_root = false;
    let needs: Vec<_> = image
        .stores(&["srv/cacerts"])
        .iter()
        .map(|store| (store.family.name(), store.needs_root(&image.place)))
        .collect();
    assert_eq!(needs, [("system", true), ("nss", false), ("java", false)]);
}

const SECURITY: &str = "/usr/bin/security";
const LOGIN: &str = "/home/ada/Library/Keychains/login.keychain-db";
const MACHINE: &str = "/Library/Keychains/System.keychain";

#[test]
fn macos_gets_a_certificate_with_a_trust_setting_and_loses_both() {
    let asks = "macOS asks for a password to change what is trusted".to_owned();
    let empty = Image::new(System::Macos, &[]);
    let file = |pem| format!("/records/{}.pem", short(pem));
    let add = |domain: &str, keychain: &str, pem| {
        format!("run {SECURITY} add-trusted-cert{domain} -r trustRoot -p ssl -k {keychain} {}", file(pem))
    };
    assert_eq!(
        empty.add(&[]),
        [
            asks.clone(),
            add("", LOGIN, ROOT),
            add("", LOGIN, NEXT),
            asks.clone(),
            add(" -d", MACHINE, ROOT),
            add(" -d", MACHINE, NEXT),
        ]
    );
    assert!(empty.remove(&[]).is_empty());

    // The login keychain has one with its setting and one without; the machine's has one with it.
    let list = |keychain| format!("{SECURITY} find-certificate -a -p {keychain}");
    let image = Image::new(System::Macos, &[]).answers(&[
        (&list(LOGIN), &[THEIRS, ROOT, NEXT].concat()),
        (&list(MACHINE), &[NEXT, THEIRS].concat()),
        (
            &format!("{SECURITY} trust-settings-export"),
            &format!("<key>{}</key><key>{}</key>", sha1(ROOT), sha1(THEIRS)),
        ),
        (&format!("{SECURITY} trust-settings-export -d"), &format!("<key>{}</key>", sha1(NEXT))),
    ]);
    assert_eq!(image.add(&[]), [asks.clone(), add("", LOGIN, NEXT), asks.clone(), add(" -d", MACHINE, ROOT)]);
    assert_eq!(
        image.remove(&[]),
        [
            asks.clone(),
            format!("run {SECURITY} delete-certificate -Z {} -t {LOGIN}", sha1(ROOT)),
            format!("run {SECURITY} delete-certificate -Z {} {LOGIN}", sha1(NEXT)),
            asks,
            format!("write {}", file(NEXT)),
            format!("run {SECURITY} remove-trusted-cert -d {}", file(NEXT)),
            format!("run {SECURITY} delete-certificate -Z {} {MACHINE}", sha1(NEXT)),
        ]
    );
    let mut user = image;
    user.place.is_root = false;
    let needs: Vec<_> = user.stores(&[]).iter().map(|store| store.needs_root(&user.place)).collect();
    assert_eq!(needs, [false, true]);
}

#[test]
fn windows_gets_it_for_the_user_and_finds_it_by_its_thumbprint() {
    const CERTUTIL: &str = "/System32/certutil.exe";
    let asks = "Windows asks in a window whether the change of trusted roots is wanted".to_owned();
    let profile = ("home/ada/AppData/Roaming/Mozilla/Firefox/Profiles/x.default/cert9.db", "");
    let empty = Image::new(System::Windows, &[profile]);
    let add = |pem| format!("run {CERTUTIL} -user -addstore Root /records/{}.pem", short(pem));
    let firefox = "nothing to do: Firefox 120 and later trust what Windows trusts, unless security.enterprise_roots.enabled is off";
    assert_eq!(empty.add(&[]), [asks.clone(), add(ROOT), add(NEXT), firefox.to_owned()]);
    let image = Image::new(System::Windows, &[])
        .answers(&[(&format!("{CERTUTIL} -user -store Root {}", sha1(NEXT)), "some certificate")]);
    assert_eq!(image.add(&[]), [asks.clone(), add(ROOT)]);
    assert_eq!(image.remove(&[]), [asks, format!("run {CERTUTIL} -user -delstore Root {}", sha1(NEXT))]);
}

/// Windows has a program of that name which takes other words.
#[test]
fn the_certutil_of_windows_is_not_taken_for_nss() {
    let profile = ("home/ada/AppData/Roaming/Mozilla/Firefox/Profiles/x.default/cert9.db", "");
    let mut image = Image::new(System::Windows, &[profile, ("System32/certutil.exe", "")]);
    image.place.search = vec![image.place.at("System32")];
    let nss: Vec<Store> = image.stores(&[]).into_iter().filter(|store| store.family == Family::Nss).collect();
    assert_eq!(nss.len(), 1);
    assert!(!nss[0].is_readable(&image.place));
}

#[cfg(unix)]
#[test]
fn roots_records_leave_the_way_to_those_of_services_open() {
    use std::os::unix::fs::PermissionsExt;
    let mut image = Image::new(System::Linux, &[]);
    image.place.records = image.place.at("var/lib/aigw/trust");
    image.place.make_records().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let around = image.place.records.parent().unwrap();
    assert_eq!(mode(around), mode(around.parent().unwrap()));
    assert_eq!(mode(&image.place.records), 0o700);
}

#[test]
fn nss_databases_are_found_where_browsers_keep_them() {
    let linux = [
        "home/ada/.mozilla/firefox/a.default/cert9.db",
        "home/ada/.config/mozilla/firefox/b.default/cert9.db",
        "home/ada/snap/firefox/common/.mozilla/firefox/c.default/cert9.db",
        "home/ada/.var/app/org.mozilla.firefox/.mozilla/firefox/d.default/cert9.db",
        "home/ada/.pki/nssdb/cert9.db",
        "home/ada/.var/app/org.chromium.Chromium/.pki/nssdb/cert9.db",
    ];
    // A profile of an older format, and a folder that is no profile.
    let other = ["home/ada/.mozilla/firefox/old/cert8.db", "home/ada/.mozilla/firefox/Crash Reports/x"];
    let files: Vec<_> = linux.iter().chain(&other).map(|file| (*file, "")).collect();
    let image = Image::new(System::Linux, &files);
    let elsewhere = image.place.at("data/profile");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("cert9.db"), "").unwrap();
    let list = format!(
        "[Profile0]\nIsRelative=1\nPath=a.default\n[Profile1]\nIsRelative=0\nPath={}\n",
        text(&elsewhere)
    );
    fs::write(image.place.at("home/ada/.mozilla/firefox/profiles.ini"), list).unwrap();
    let mut found: Vec<String> = image
        .stores(&[])
        .iter()
        .filter(|store| store.family == Family::Nss)
        .map(|store| store.title.replace(&text(image.folder.path()), ""))
        .collect();
    found.sort();
    let mut expected: Vec<String> =
        linux.iter().map(|file| format!("/{}", file.trim_end_matches("/cert9.db"))).collect();
    expected.push("/data/profile".to_owned());
    expected.sort();
    assert_eq!(found, expected);

    let mac = "home/ada/Library/Application Support/Firefox/Profiles/a.default/cert9.db";
    let image = Image::new(System::Macos, &[(mac, "")]);
    assert_eq!(image.stores(&[]).iter().filter(|store| store.family == Family::Nss).count(), 1);
}

#[test]
fn nss_names_are_ours_and_the_fingerprint_decides() {
    let mut image = Image::new(
        System::Linux,
        &[
            ("usr/local/share/ca-certificates/", ""),
            ("home/ada/.pki/nssdb/cert9.db", ""),
            ("usr/bin/certutil", ""),
            ("etc/debian_version", "12"),
        ],
    );
    let certutil = "/usr/bin/certutil";
    let database = "sql:/home/ada/.pki/nssdb";
    let add = |pem| {
        format!("run {certutil} -A -d {database} -n 'aigw root {0}' -t C,, -i /records/{0}.pem", short(pem))
    };
    assert_eq!(image.add(&[])[1..], [add(ROOT), add(NEXT)]);
    let named = |pem| format!("aigw root {}", short(pem));
    let list = |rows: &[(&str, &str)]| {
        let rows: String = rows.iter().map(|(name, flags)| format!("{name:<60} {flags}\n")).collect();
        let head = "Certificate Nickname                                         Trust Attributes";
        format!("\n{head}\n{:61}SSL,S/MIME,JAR/XPI\n\n{rows}", "")
    };
    let show = |name: &str| format!("{certutil} -L -d {database} -n {name} -a");
    // For each name all of its subject are shown, the newest first.
    let shown = [NEXT, ROOT].concat();
    let remove = |name: &str| format!("run {certutil} -D -d {database} -n '{name}'");
    let (ours, next) = (named(ROOT), named(NEXT));
    for (rows, missing, removed) in [
        (vec![(&*ours, "C,,  "), (&*next, "CT,C,C")], vec![], vec![remove(&ours), remove(&next)]),
        (vec![(&*ours, "C,,  "), (&*next, ",,   ")], vec![add(NEXT)], vec![remove(&ours), remove(&next)]),
        // One was put in by hand under a name of its own.
        (vec![("mine too", "C,,  "), (&*next, "C,,  ")], vec![], vec![remove("mine too"), remove(&next)]),
    ] {
        let answers: Vec<_> = rows.iter().map(|(name, _)| (show(name), shown.clone())).collect();
        let theirs = show("aigw root 0123456789abcdef");
        let listed = list(&[&rows[..], &[("aigw root 0123456789abcdef", "C,,")]].concat());
        let mut all = vec![(format!("{certutil} -L -d {database}"), listed), (theirs, THEIRS.to_owned())];
        all.extend(answers);
        let all: Vec<_> = all.iter().map(|(line, said)| (&**line, &**said)).collect();
        image = image.answers(&all);
        assert_eq!(image.add(&[])[1..], missing, "{rows:?}");
        assert_eq!(image.remove(&[]), removed, "{rows:?}");
    }
    // Two by hand: nobody can say which is which, and the wrong one is not to go.
    let listed = list(&[("one", "C,,"), ("two", "C,,")]);
    image = image.answers(&[
        (&format!("{certutil} -L -d {database}"), &listed),
        (&show("one"), &shown),
        (&show("two"), &shown),
    ]);
    assert_eq!(image.add(&[]).len(), 1);
    assert!(image.remove(&[]).iter().all(|line| line.contains("in the browser's settings")));

    fs::remove_file(image.place.at(certutil)).unwrap();
    assert_eq!(image.add(&[])[1..], ["needs NSS's certutil: apt-get install libnss3-tools"]);
    for (file, package) in [
        ("etc/fedora-release", "nss-tools"),
        ("etc/arch-release", "pacman -S nss"),
        ("etc/SUSE-brand", "mozilla-nss-tools"),
    ] {
        let image = Image::new(System::Linux, &[("home/ada/.pki/nssdb/cert9.db", ""), (file, "")]);
        assert!(image.add(&[])[1].contains(package), "{package}");
    }
}

#[test]
fn java_keystores_are_changed_on_request_only() {
    let image = Image::new(
        System::Linux,
        &[
            ("usr/lib/jvm/jdk-17/lib/security/cacerts", ""),
            ("usr/lib/jvm/jdk-17/bin/keytool", ""),
            ("usr/lib/jvm/jdk-8/jre/lib/security/cacerts", ""),
            ("usr/bin/keytool", ""),
            ("srv/app/trust.jks", ""),
        ],
    );
    assert!(image.stores(&[]).iter().all(|store| store.family != Family::Java));
    let add = |tool: &str, file: &str, pem| {
        format!(
            "run {tool} -importcert -noprompt -alias aigw-root-{0} -file /records/{0}.pem -keystore {file} -storepass changeit",
            short(pem)
        )
    };
    let own = "/usr/lib/jvm/jdk-17/bin/keytool";
    let cacerts = "/usr/lib/jvm/jdk-17/lib/security/cacerts";
    let old = "/usr/lib/jvm/jdk-8/jre/lib/security/cacerts";
    let app = "/srv/app/trust.jks";
    let mut steps = Vec::new();
    // Auto and by name is once; each JDK's own keytool where there is one.
    for (tool, file) in [(own, cacerts), ("/usr/bin/keytool", old), ("/usr/bin/keytool", app)] {
        steps.extend([add(tool, file, ROOT), add(tool, file, NEXT)]);
    }
    let added = image.add(&["auto", cacerts, app]);
    let (jdk17, rest): (Vec<_>, Vec<_>) =
        added[1..].iter().cloned().partition(|line| line.contains("jdk-17"));
    assert_eq!([jdk17, rest].concat(), steps);

    let image = image.answers(&[(
        &format!("{own} -J-Duser.language=en -list -rfc -keystore {cacerts} -storepass changeit"),
        &format!("Your keystore contains 2 entries\n\nAlias name: debian:x.pem\nEntry type: trustedCertEntry\n\n{THEIRS}\n\n\
                  Alias name: mine\nEntry type: trustedCertEntry\n\n{ROOT}\n\n"),
    )]);
    assert_eq!(
        image.remove(&["auto"]),
        [format!("run {own} -delete -alias mine -keystore {cacerts} -storepass changeit")]
    );
    assert!(!image.add(&["auto"]).iter().any(|line| *line == add(own, cacerts, ROOT)));
}

#[test]
fn only_one_certificate_and_never_a_key_is_taken() {
    let key = "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n";
    for (text, why) in [
        ([ROOT, key].concat(), "private key"),
        ([ROOT, NEXT].concat(), "exactly one"),
        (String::new(), "exactly one"),
    ] {
        assert!(Root::of(&text, "x", Path::new("")).unwrap_err().what.contains(why), "{why}");
    }
    // What stands around it stays behind.
    let root =
        Root::of(&format!("a comment\n{}trailing", ROOT.replace('\n', "\r\n")), "x", Path::new("")).unwrap();
    assert_eq!(root.pem, ROOT);
    let mark = Mark::parse(&root.mark.shown()).unwrap();
    assert_eq!(mark.sha256, root.mark.sha256);
    assert!(Mark::parse("AB:CD").is_none());
}
