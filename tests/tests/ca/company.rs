//! A company's own CA signs this machine's: the request asks for bounds, and what comes without them is refused.

use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use serde_json::Value;

use crate::openssl::{Company, NAMES, Recipe, arg, constraints, printed};
use crate::{failed, keys, path, pems, text};

/// A machine whose request lies beside a company that can sign it.
struct Office {
    machine: Machine,
    _daemon: Running,
    company: Company,
}

impl Office {
    fn open() -> Self {
        let machine = machine!();
        let daemon = machine.start();
        let company = Company::new();
        company.write("csr", &text(&machine.ctl(&["ca", "request"])));
        Self { machine, _daemon: daemon, company }
    }

    fn sign(&self, recipe: &Recipe) -> String {
        self.company.sign(&self.company.file("csr"), "sub", recipe)
    }

    fn import(&self, chain: &str) -> std::process::Output {
        let file = self.company.write("chain.pem", chain);
        self.machine.ctl(&["ca", "import", arg(&file), "--json"])
    }

    /// The failure's text, after the refusal and that nothing changed were checked.
    #[track_caller]
    fn refused(&self, chain: &str) -> String {
        let output = self.import(chain);
        assert_eq!(failed(&output), (1, "ca-refused".to_owned()), "{}", told(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["error"]["text"].as_str().unwrap().to_owned()
    }
}

#[test]
fn the_request_asks_for_all_bounds_and_its_key_stays_here() {
    let office = Office::open();
    let csr = office.company.file("csr");
    let text = printed(&["req", "-in", arg(&csr), "-noout", "-text", "-verify"]);
    for bound in [
        "X509v3 Basic Constraints: critical",
        "CA:TRUE, pathlen:0",
        "Certificate Sign",
        "TLS Web Server Authentication",
        "X509v3 Name Constraints: critical",
        "IP:0.0.0.0/0.0.0.0",
        "IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0",
        "email:none.invalid",
        "NIST CURVE: P-256",
    ] {
        assert!(text.contains(bound), "{bound}: {text}");
    }
    for name in NAMES {
        assert!(text.contains(&format!("DNS:{name}")), "{name}: {text}");
    }
    let [key] = &keys(&office.machine)[..] else { panic!("{:?}", keys(&office.machine)) };
    assert_eq!(
        printed(&["pkey", "-in", arg(key), "-pubout"]),
        printed(&["req", "-in", arg(&csr), "-noout", "-pubkey"])
    );
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(key).unwrap()) & 0o777, 0o600);
    // Asked again: the same key, so that an answer under way stays good.
    let again = office.machine.ask(&["ca", "request"]);
    let again = office.company.write("again", again["request_pem"].as_str().unwrap());
    assert_eq!(
        printed(&["req", "-in", arg(&again), "-noout", "-pubkey"]),
        printed(&["req", "-in", arg(&csr), "-noout", "-pubkey"])
    );
}

/// With the extensions taken from the request, as a company's CA may be told to.
#[test]
fn what_the_company_signed_signs_from_then_on() {
    for with_root in [true, false] {
        let office = Office::open();
        let before = office.machine.ask(&["ca", "status"]);
        let own_root = std::fs::read_to_string(path(&before, "root_cert")).unwrap();
        let (csr, sub) = (office.company.file("csr"), office.company.file("sub.pem"));
        let key = office.company.file("sub.key");
        let mut words = vec!["x509", "-req", "-in", arg(&csr), "-CA", arg(&sub), "-CAkey", arg(&key)];
        words.extend(["-CAcreateserial", "-copy_extensions", "copyall", "-days", "300"]);
        let signed = printed(&words);
        let signed = signed[signed.find("-----BEGIN").unwrap()..].to_owned();
        let mut chain = signed.clone() + &office.company.pem("sub");
        if with_root {
            chain += &office.company.pem("root");
        }
        let output = office.import(&chain);
        assert!(output.status.success(), "{}", told(&output));
        let status = office.machine.ask(&["ca", "status"]);
        assert_eq!(
            (&status["company"], &status["trouble"], &status["next"]),
            (&true.into(), &Value::Null, &Value::Null)
        );
        assert_eq!(status["permitted"].as_array().unwrap().len(), NAMES.len());
        // What is sent along with a leaf is without the company's root.
        assert_eq!(pems(path(&status, "intermediate_cert")), [signed, office.company.pem("sub")]);
        let root = office.company.pem(if with_root { "root" } else { "sub" });
        assert_eq!(pems(path(&status, "root_cert")), std::slice::from_ref(&root));
        let bundle = pems(path(&status, "bundle"));
        assert!(bundle.contains(&root) && !bundle.contains(&own_root));
        assert_eq!(
            keys(&office.machine),
            [path(&status, "intermediate_key")],
            "neither our old key nor a copy"
        );
        assert!(office.machine.findings().is_empty());
        let page = text(&office.machine.ctl(&["ca", "explain"]));
        assert!(page.contains("company's CA") && !page.contains("aigwctl ca uninstall"), "{page}");
        for command in office.machine.ask(&["ca", "explain"])["verify"].as_array().unwrap() {
            let ran =
                std::process::Command::new("sh").args(["-c", command.as_str().unwrap()]).output().unwrap();
            assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
        }
        // Answered, it is over; another request has another key.
        assert_eq!(failed(&office.import(&chain)), (1, "ca-refused".to_owned()));
        let next = office.company.write("next", &text(&office.machine.ctl(&["ca", "request"])));
        assert_ne!(
            printed(&["req", "-in", arg(&next), "-noout", "-pubkey"]),
            printed(&["req", "-in", arg(&csr), "-noout", "-pubkey"])
        );
    }
}

#[test]
fn what_is_not_bound_as_asked_is_refused_and_says_why() {
    let office = Office::open();
    let sub = office.company.pem("sub");
    let rows = [
        (Recipe::but("CA:TRUE,pathlen:0", "CA:FALSE"), "no CA"),
        (Recipe::but("critical,CA:TRUE,pathlen:0", "CA:TRUE,pathlen:0"), "critical basicConstraints"),
        (Recipe::but(",pathlen:0", ""), "pathlen:0"),
        (Recipe::but("pathlen:0", "pathlen:1"), "pathlen:0"),
        (Recipe::but("keyCertSign,", "digitalSignature,"), "keyCertSign"),
        (Recipe::but("extendedKeyUsage=serverAuth\n", ""), "serverAuth"),
        (Recipe::but("=serverAuth", "=serverAuth,clientAuth"), "serverAuth"),
        (Recipe::but("=serverAuth", "=serverAuth,anyExtendedKeyUsage"), "serverAuth"),
        (Recipe::but("=serverAuth", "=codeSigning"), "serverAuth"),
        (Recipe::but("=serverAuth", "=serverAuth,1.2.3.4"), "serverAuth"),
        (Recipe::but(&constraints(&NAMES), ""), "nameConstraints"),
        (Recipe::but("nameConstraints=critical,", "nameConstraints="), "nameConstraints"),
        (Recipe::but("permitted;DNS:chatgpt.com,", ""), "may not sign for chatgpt.com"),
        (Recipe::but("DNS:chatgpt.com", "DNS:chatgpt.example"), "may not sign for chatgpt.com"),
        (Recipe::but("permitted;DNS:chatgpt.com,", "permitted;DNS:com,"), "not asked for"),
        (
            Recipe::but("permitted;DNS:chatgpt.com,", "permitted;DNS:chatgpt.com,permitted;DNS:x.example,"),
            "`x.example`",
        ),
        (
            Recipe::but("permitted;DNS:chatgpt.com,", "permitted;DNS:chatgpt.com,excluded;DNS:chatgpt.com,"),
            "may not sign for chatgpt.com",
        ),
        (Recipe::but("excluded;IP:0.0.0.0/0.0.0.0,", ""), "0.0.0.0/0"),
        (Recipe::but("excluded;IP:0.0.0.0/0.0.0.0", "excluded;IP:10.0.0.0/255.0.0.0"), "0.0.0.0/0"),
        (Recipe::but("excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0,", ""), "::/0"),
        (Recipe { days: -1, ..Recipe::intermediate() }, "expired"),
    ];
    for (recipe, why) in rows {
        let text = office.refused(&(office.sign(&recipe) + &sub));
        assert!(text.contains(why), "{why}: {text}");
    }
    // The same without a fault is taken.
    let good = office.import(&(office.sign(&Recipe::intermediate()) + &sub));
    assert!(good.status.success(), "{}", told(&good));
}

#[test]
fn a_chain_that_does_not_hold_is_refused() {
    let office = Office::open();
    let (sub, root) = (office.company.pem("sub"), office.company.pem("root"));
    let good = office.sign(&Recipe::intermediate());
    let other = Company::new();
    let of_another_key = {
        let (key, csr) = (other.key("leaf"), other.file("leaf.csr"));
        printed(&["req", "-new", "-key", arg(&key), "-subj", "/CN=x", "-out", arg(&csr)]);
        office.company.sign(&csr, "sub", &Recipe::intermediate())
    };
    let of_another_form = {
        // A subject with two parts of one kind, as directories have them.
        let (key, public, csr) = (other.key("form"), other.file("public"), other.file("form.csr"));
        let subject = "/DC=com/DC=example/CN=aigw";
        printed(&["req", "-new", "-key", arg(&key), "-subj", subject, "-out", arg(&csr)]);
        let request = office.company.file("csr");
        std::fs::write(&public, printed(&["req", "-in", arg(&request), "-noout", "-pubkey"])).unwrap();
        let (ca, key) = (office.company.file("sub.pem"), office.company.file("sub.key"));
        let extensions = office.company.write("ext", &Recipe::intermediate().extensions);
        let mut words = vec!["x509", "-req", "-in", arg(&csr), "-CA", arg(&ca), "-CAkey", arg(&key)];
        words.extend([
            "-CAcreateserial",
            "-force_pubkey",
            arg(&public),
            "-days",
            "30",
            "-extfile",
            arg(&extensions),
        ]);
        let text = printed(&words);
        text[text.find("-----BEGIN").unwrap()..].to_owned()
    };
    let rows = [
        (String::new(), "no certificate"),
        ("words".to_owned(), "no certificate"),
        (good.replacen("MII", "!!!", 1) + &sub, "cannot be read"),
        (good.clone(), "neither in the file nor in this system's store"),
        (sub.clone() + &good, "not for the key of our request"),
        (of_another_key + &sub, "not for the key of our request"),
        (good.clone() + &root + &sub, "order"),
        (good.clone() + &other.pem("sub"), "not signed by the key"),
        (good.clone() + &sub + &other.pem("root"), "not signed by the key"),
        (good.clone() + &sub.repeat(9), "at most 8"),
        (of_another_form + &sub, "of a form that we cannot repeat"),
    ];
    for (chain, why) in rows {
        let text = office.refused(&chain);
        assert!(text.contains(why), "{why}: {text}");
    }
    // A signer whose own bounds forbid a CA below it.
    let csr = office.company.file("sub.csr");
    let narrow = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n";
    let narrow = office.company.sign(&csr, "root", &Recipe { extensions: narrow.to_owned(), days: 30 });
    assert!(office.refused(&(good.clone() + &narrow)).contains("pathlen"));
    let no_ca = Recipe { extensions: "basicConstraints=critical,CA:FALSE\n".to_owned(), days: 30 };
    let no_ca = office.company.sign(&csr, "root", &no_ca);
    assert!(office.refused(&(good.clone() + &no_ca)).contains("is no CA"));
    // A file with a key in it is read as if it had none, and nothing was changed by all that.
    assert!(!office.machine.home().join("state/ca/list.json").exists());
    let key = std::fs::read_to_string(office.company.file("sub.key")).unwrap();
    let output = office.import(&format!("{key}{good}{sub}"));
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn nothing_is_imported_without_a_request_or_from_nowhere() {
    let machine = machine!();
    let _daemon = machine.start();
    std::fs::write(machine.home().join("chain.pem"), Company::new().pem("sub")).unwrap();
    assert_eq!(failed(&machine.ctl(&["ca", "import", "chain.pem", "--json"])), (1, "ca-refused".to_owned()));
    assert_eq!(failed(&machine.ctl(&["ca", "import", "nowhere.pem", "--json"])), (1, "file".to_owned()));
}

#[test]
fn the_way_back_is_an_own_ca_that_takes_over() {
    let office = Office::open();
    let output = office.import(&(office.sign(&Recipe::intermediate()) + &office.company.pem("sub")));
    assert!(output.status.success(), "{}", told(&output));
    assert!(office.machine.ask(&["ca", "rotate"])["next"].is_object());
    assert_eq!(office.machine.ask(&["ca", "status"])["company"], true);
    // A lost list does not make it ours, to be put into stores.
    let key =
        path(&office.machine.ask(&["ca", "rotate"])["next"], "root_cert").with_file_name("intermediate.key");
    std::fs::remove_file(key).unwrap();
    std::fs::remove_file(office.machine.home().join("state/ca/list.json")).unwrap();
    assert_eq!(office.machine.ask(&["ca", "status"])["company"], true);
    assert!(office.machine.ask(&["ca", "rotate"])["next"].is_object());
    let own = office.machine.ask(&["ca", "rotate", "--finish"]);
    assert_eq!(own["company"], false);
    let sub = office.company.pem("sub");
    assert!(!pems(path(&own, "bundle")).contains(&sub));
    assert_eq!(keys(&office.machine), [path(&own, "intermediate_key")]);
}
