//! Settings as users write them, through the same door as `load`.

use std::fs;
use std::path::MAIN_SEPARATOR;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::provider::Dialect;

/// Files in a folder of their own; the policy is handed over as if it had been root's.
struct Bench {
    folder: TempDir,
    sources: Sources,
    policy: policy::Content,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let sources = Sources {
            system: Some(folder.path().join("system.toml")),
            user: folder.path().join("config.toml"),
            policy: folder.path().join("policy.toml"),
            home: Some("/home/ada".into()),
            ..Sources::default()
        };
        Self { folder, sources, policy: Ok(None) }
    }

    fn user(text: &str) -> Self {
        let bench = Self::new();
        fs::write(&bench.sources.user, text).unwrap();
        bench
    }

    fn system(self, text: &str) -> Self {
        fs::write(self.sources.system.as_ref().unwrap(), text).unwrap();
        self
    }

    fn policy(mut self, text: &str) -> Self {
        self.policy = Ok(Some(text.into()));
        self
    }

    fn variable(mut self, name: &str, text: &str) -> Self {
        self.sources.environment.push((name.into(), text.into()));
        self
    }

    fn flag(mut self, key: &str, text: &str) -> Self {
        self.sources.flags.push((key.into(), text.into()));
        self
    }

    fn try_load(&self) -> Result<Loaded, Fault> {
        combine(&self.sources, self.policy.clone())
    }

    fn load(&self) -> Loaded {
        self.try_load().unwrap()
    }

    /// What went wrong, without the folder.
    fn wrong(&self) -> String {
        let fault = self.try_load().unwrap_err();
        assert_eq!(fault.kind, Kind::BadConfiguration);
        fault.what.replace(&format!("{}{MAIN_SEPARATOR}", self.folder.path().display()), "")
    }
}

fn shown<'a>(loaded: &'a Loaded, key: &str) -> &'a Shown {
    loaded.shown.iter().find(|shown| shown.key == key).unwrap_or_else(|| panic!("{key} is not shown"))
}

fn codes(loaded: &Loaded) -> Vec<&str> {
    loaded.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn defaults_are_those_of_the_manual() {
    let loaded = Bench::new().load();
    let Config { listen, gateways, intercept, tunnel, log, .. } = &loaded.config;
    assert_eq!((listen.port, listen.keyless, listen.share, listen.keys_set), (2449, false, false, false));
    assert_eq!(listen.keys.iter().map(ToString::to_string).collect::<Vec<_>>(), ["env"]);
    assert!(gateways.is_empty() && intercept.hosts.is_empty() && tunnel.ports.is_empty());
    assert_eq!((intercept.unmatched, intercept.via), (Unmatched::Origin, Via::Gateway));
    assert_eq!((intercept.on_untrusted, tunnel.block_private), (OnUntrusted::Report, false));
    assert_eq!((log.level, log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!(loaded.policy, PolicyState::None);
    assert!(loaded.findings.is_empty());
    let port = shown(&loaded, "listen.port");
    assert_eq!((port.value.as_str(), port.origin.as_str(), port.locked), ("2449", "default", false));
}

/// Each default goes through the parser of its own row.
#[test]
fn every_default_is_a_value_of_its_setting() {
    let loaded =
        Bench::user("[gateway.g]\nkind='generic'\n[gateway.g.providers.p]\nbase_url='https://p'\n").load();
    for row in schema::ROWS.iter().filter(|row| !row.default.is_empty()) {
        let key = row.key.replacen('*', "g", 1).replacen('*', "p", 1);
        assert!(loaded.shown.iter().any(|shown| shown.key == key), "{key}");
    }
    assert_eq!(loaded.config.gateways["g"].wait.as_secs(), 3);
}

#[test]
fn a_whole_file_arrives_in_its_types() {
    let loaded = Bench::user(
        r#"
        default_gateway = "corp"
        [listen]
        keys = ["env", "ci:3"]
        [gateway.corp]
        url = "https://coder.example.com/sub"
        ca_file = "ca.pem"
        client_cert = "~/c.pem"
        wait_s = 10
        [gateway.corp.headers]
        CF-Access = "s3cr3t"
        [gateway.corp.providers.chatgpt]
        mode = "byok"
        dialect = "anthropic"
        [gateway.empty]
        [gateway.near]
        kind = "generic"
        providers.x = { base_url = "http://127.0.0.1:8080/v1", credential = "x-api-key" }
        [intercept]
        hosts = ["api.openai.com", "API.Example:8443=my-ai", "[::1]:1=x"]
        [tunnel]
        allow_cidrs = ["10.0.0.0/8", "fd00::/8"]
        ports = [443, 80]
        upstream_proxy = "http://us%65r:p%40ss@proxy:3128"
        "#,
    );
    let folder = loaded.folder.path().to_owned();
    let loaded = loaded.load();
    let config = &loaded.config;
    assert_eq!(config.default_gateway().unwrap().name, "corp");
    assert!(config.listen.keys_set);
    let corp = &config.gateways["corp"];
    assert_eq!(corp.ca_file.as_deref(), Some(folder.join("ca.pem").as_path()));
    // On Windows that is on the folder's drive.
    let at_home = folder.join(Path::new("/home/ada")).join("c.pem");
    assert_eq!(corp.client_cert.as_deref(), Some(at_home.as_path()));
    assert_eq!(corp.providers["chatgpt"].dialect, Some(Dialect::Anthropic));
    assert_eq!(corp.providers["chatgpt"].mode, Mode::Byok);
    assert_eq!(config.gateways["empty"].url, None);
    assert_eq!(config.gateways["near"].providers["x"].credential, CredentialForm::XApiKey);
    let hosts: Vec<_> = config.intercept.hosts.iter().map(|h| (h.host.as_str(), h.port)).collect();
    assert_eq!(hosts, [("api.openai.com", 443), ("api.example", 8443), ("::1", 1)]);
    assert_eq!(config.intercept.hosts[1].provider.as_deref(), Some("my-ai"));
    let ProxyChoice::Fixed(proxy) = &config.tunnel.leaving.proxy else { panic!("no proxy") };
    assert_eq!(
        (proxy.url.as_str(), proxy.authorization()),
        ("http://proxy:3128/", Some("Basic dXNlcjpwQHNz"))
    );
    assert_eq!(shown(&loaded, "tunnel.upstream_proxy").value, "http://***@proxy:3128/");
    assert_eq!(shown(&loaded, "gateway.corp.headers").value, "CF-Access: ***");
    let everything = format!("{loaded:?}");
    assert!(!everything.contains("s3cr3t") && !everything.contains("dXNl"), "{everything}");
    assert!(!loaded.shown.iter().any(|shown| shown.key.starts_with("gateway.corp.providers.chatgpt.cred")));
}

#[test]
fn mistakes_name_file_line_key_and_what_was_expected() {
    let generic = "kind = \"generic\"\n[gateway.g.providers.p]\n";
    let rows: &[(&str, &str)] = &[
        (
            "[listen]\nprot = 1\n",
            "config.toml:2: no such setting as `listen.prot`; the nearest is `listen.port`",
        ),
        ("\n[lisen]\n", "config.toml:2: no such setting as `lisen`; the nearest is `listen`"),
        ("port = 1\n", "config.toml:1: no such setting as `port`; the nearest is `listen.port`"),
        ("[gateway.corp]\nurI = 1\n", "`gateway.corp.urI`; the nearest is `gateway.corp.url`"),
        ("[listen]\n\nport = \"x\"\n", "config.toml:3: listen.port: expected a whole number"),
        ("[listen]\nport = 65536\n", "config.toml:2: listen.port: expected a port from 0 to 65535"),
        ("[listen]\nkeys = [\"env\", \"a b\"]\n", "config.toml:2: listen.keys: expected keys, each NAME"),
        ("[listen]\nkeys = [\"env\", \"env:2\"]\n", "config.toml:2: listen.keys: expected each key once"),
        ("[listen]\nkeys = [1]\n", "config.toml:2: listen.keys: expected a list of strings"),
        ("listen = 1\n", "config.toml:1: listen: expected a table"),
        ("[[gateway]]\n", "config.toml:1: gateway: expected a table"),
        ("a = \n", "config.toml:1: "),
        ("[log]\nlevel = \"loud\"\n", "config.toml:2: log.level: expected one of `info`, `off`"),
        ("[gateway.Corp]\n", "config.toml:1: gateway.Corp: expected a gateway's name"),
        ("[gateway.g.providers.a_b]\n", "config.toml:1: gateway.g.providers.a_b: expected a provider's name"),
        (
            "[gateway.g]\nurl = \"http://a.example\"\n",
            "config.toml:2: gateway.g.url: expected an https URL: over http",
        ),
        ("[gateway.g.headers]\nHost = \"x\"\n", "gateway.g.headers: expected other headers"),
        ("[gateway.g.headers]\nA = 1\n", "gateway.g.headers: expected a table of strings"),
        (
            "[gateway.g.providers.p]\nbase_url = \"https://p\"\n",
            "config.toml:2: gateway.g.providers.p.base_url: expected only with",
        ),
        (
            "[gateway.g.providers.p]\ncredential = \"none\"\n",
            "config.toml:2: gateway.g.providers.p.credential: expected only with",
        ),
        (&format!("[gateway.g]\n{generic}"), "config.toml:3: gateway.g.providers.p: expected a `base_url`"),
        (
            "[tunnel]\nallow_cidrs = [\"10.0.0.0/33\"]\n",
            "config.toml:2: tunnel.allow_cidrs: expected networks",
        ),
        ("[intercept]\nhosts = [\"a=B\"]\n", "config.toml:2: intercept.hosts: expected hosts"),
    ];
    for (text, expected) in rows {
        let wrong = Bench::user(text).wrong();
        assert!(wrong.contains(expected), "{text:?}\n  said {wrong}\n  not  {expected}");
        assert!(!wrong.contains('\n'), "{wrong:?}");
    }
}

#[test]
fn a_mistake_is_found_even_where_another_value_is_in_force() {
    let bench =
        Bench::user("[listen]\nport = 1\n").system("[listen]\nport = -1\n").policy("[listen]\nport = 2\n");
    assert!(bench.wrong().starts_with("system.toml:2: listen.port:"));
}

#[test]
fn damaged_files_say_where() {
    let bench = Bench::new();
    fs::write(&bench.sources.user, b"[log]\nlevel = \"\xff\"\n").unwrap();
    assert_eq!(bench.wrong(), "config.toml:2: expected UTF-8 text");
    fs::write(&bench.sources.user, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(bench.wrong().contains("config.toml cannot be read: longer than"));
    fs::remove_file(&bench.sources.user).unwrap();
    fs::create_dir(&bench.sources.user).unwrap();
    assert!(bench.wrong().contains("config.toml cannot be read: not a plain file"));
}

#[test]
fn variables_and_flags() {
    let loaded = Bench::user("[gateway.default]\nurl = \"https://a\"\n[gateway.other]\n")
        .variable("AIGW_URL", "https://b")
        .variable("AIGW_LISTEN_KEYS", "env, ci:2")
        .variable("AIGW_LISTEN_KEYLESS", "1")
        .variable("AIGW_TUNNEL_PORTS", "443,80")
        .variable("AIGW_DEFAULT_GATEWAY", "other")
        .variable("AIGW_LOG_LEVEL", "")
        .variable("AIGW_HOME", "/x")
        .variable("AIGW_TOKEN", "t0ken")
        .variable("AIGW_KEY_FILE", "~/key")
        .variable("PATH", "/bin")
        .flag("gateway.other.wait_s", "7")
        .flag("gateway.other.headers", "a=b,c=d")
        .load();
    let config = &loaded.config;
    assert_eq!(config.gateways["default"].url.as_ref().unwrap().as_str(), "https://b/");
    assert_eq!((config.listen.keys.len(), config.listen.keyless), (2, true));
    assert_eq!(config.tunnel.ports, [443, 80]);
    assert_eq!(config.default_gateway().unwrap().wait.as_secs(), 7);
    assert_eq!(config.gateways["other"].headers.len(), 2);
    assert_eq!(loaded.given.token.as_ref().unwrap().reveal(), "t0ken");
    assert_eq!(loaded.given.key_file.as_deref(), Some(Path::new("/home/ada/key")));
    assert_eq!(codes(&loaded), ["token-in-environment"]);
    let url = shown(&loaded, "gateway.default.url");
    assert_eq!(
        (url.origin.as_str(), url.overrides.as_slice()),
        ("environment (AIGW_URL)", &["user file".to_owned()][..])
    );
}

#[test]
fn wrong_variables_and_flags_name_the_nearest() {
    for (name, text, expected) in [
        ("AIGW_LISTEN_PROT", "1", "AIGW_LISTEN_PROT: no such variable; the nearest is AIGW_LISTEN_PORT"),
        ("AIGW_TOKEN_FIEL", "1", "the nearest is AIGW_TOKEN_FILE"),
        ("AIGW_LISTEN_PORT", "x", "AIGW_LISTEN_PORT: listen.port: expected a whole number"),
        ("AIGW_LISTEN_SHARE", "yes", "AIGW_LISTEN_SHARE: listen.share: expected true or false"),
        ("AIGW_URL", "http://a", "AIGW_URL: gateway.default.url: expected an https URL"),
    ] {
        let wrong = Bench::new().variable(name, text).wrong();
        assert!(wrong.contains(expected), "{wrong}");
    }
    let wrong = Bench::new().flag("listen.prot", "1").wrong();
    assert_eq!(wrong, "flag listen.prot: no such setting as `listen.prot`; the nearest is `listen.port`");
    assert!(Bench::new().flag("gateway.A.url", "https://a").wrong().contains("a gateway's name"));
}

#[test]
fn the_example_of_a_policy_is_one() {
    let loaded =
        Bench::new().policy(include_str!("../../../ctl/packaging/policy/policy.toml")).try_load().unwrap();
    assert_eq!((&loaded.policy, loaded.findings.len()), (&PolicyState::InForce, 0), "{:?}", loaded.findings);
    let policy = &loaded.config.policy;
    assert!(!policy.allow_pause && policy.minimum_version == Version::parse("0.1"));
    assert!(loaded.shown.iter().filter(|row| row.locked).count() > 8);
}

#[test]
fn versions_are_compared_by_number() {
    let read = |text| Version::parse(text).unwrap();
    assert!(
        read("0.10.0") > read("0.9.9")
            && read("1.0") == read("1.0.0")
            && read("1.2.3-rc.1+x") == read("1.2.3")
    );
    assert_eq!(read("1.02").to_string(), "1.2.0");
    for odd in ["", "1", "1.2.3.4", "v1.2.3", "1.x", "1.2.", "-1.2", "99999999999999999999.1"] {
        assert_eq!(Version::parse(odd), None, "{odd}");
    }
}

#[test]
fn policy_is_a_lock_that_replaces_and_reports() {
    let bench = Bench::user("[tunnel]\nports = [1, 2]\n[gateway.default]\nurl = \"https://mine\"\n")
        .system("[gateway.default]\nurl = \"https://machine\"\n")
        .policy(
            "[tunnel]\nports = [443]\n[gateway.default]\nurl = \"https://corp\"\nfuture = 1\n[next]\nx = 1\n",
        );
    let loaded = bench.load();
    assert_eq!(loaded.policy, PolicyState::InForce);
    assert_eq!(loaded.config.tunnel.ports, [443]);
    let url = shown(&loaded, "gateway.default.url");
    assert_eq!(url.value, "https://corp");
    assert_eq!(url.origin, format!("policy ({})", bench.sources.policy.display()));
    assert_eq!(url.overrides, ["system file", "user file"]);
    assert!(url.locked);
    let mut found = codes(&loaded);
    found.sort_unstable();
    assert_eq!(found, [["policy-overrides"; 3].as_slice(), &["policy-unknown-key"; 2]].concat());
    let text = loaded.findings.iter().find(|finding| finding.text.contains("config.toml:4")).unwrap();
    assert!(text.text.contains("gateway.default.url is set by the policy"), "{text:?}");
}

#[test]
fn a_policy_that_cannot_be_read_is_not_the_same_as_none() {
    for (content, expected) in [
        (Err("/p is not root's".to_owned()), "/p is not root's"),
        (Ok(Some(b"[listen\n".to_vec())), "policy.toml:1"),
        (Ok(Some(b"\xff".to_vec())), "policy.toml:1"),
        (Ok(Some(b"[listen]\nport = 0.5\n".to_vec())), "policy.toml:2: listen.port"),
        (Ok(Some(b"[gateway.A]\n".to_vec())), "policy.toml:1"),
    ] {
        let mut bench = Bench::user("[listen]\nport = 1\n");
        bench.policy = content;
        let loaded = bench.load();
        let PolicyState::Unreadable(why) = &loaded.policy else { panic!("{expected}: {:?}", loaded.policy) };
        assert!(why.contains(expected), "{why}");
        assert_eq!(codes(&loaded), ["policy-unreadable"]);
        assert_eq!(loaded.findings[0].severity, Severity::Error);
        assert_eq!(loaded.config.listen.port, 1);
    }
}

#[test]
fn the_default_gateway() {
    let name =
        |text: &str| Bench::user(text).load().config.default_gateway().map(|gateway| gateway.name.clone());
    assert_eq!(name(""), None);
    assert_eq!(name("[gateway.a]\n").as_deref(), Some("a"));
    assert_eq!(name("[gateway.a]\n[gateway.b]\n"), None);
    assert_eq!(name("[gateway.a]\n[gateway.default]\n").as_deref(), Some("default"));
    assert_eq!(name("default_gateway = 'a'\n[gateway.a]\n[gateway.default]\n").as_deref(), Some("a"));
    let lost = Bench::user("default_gateway = 'b'\n[gateway.a]\n").load();
    assert!(lost.config.default_gateway().is_none());
    assert_eq!(codes(&lost), ["default-gateway-missing"]);
}

#[test]
fn the_table_of_rows_is_in_order() {
    let mut keys: Vec<_> = describe().map(|row| row.key).collect();
    assert!(describe().all(|row| !row.help.is_empty() && !row.help.ends_with('.')));
    let variables: Vec<_> = describe().filter_map(|row| row.variable).collect();
    assert!(
        variables.contains(&"AIGW_LISTEN_PORT".to_owned())
            && variables.contains(&"AIGW_DEFAULT_GATEWAY".to_owned())
    );
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

proptest! {
    /// Whatever subset of the sources sets a value, the strongest wins and the others are named in order.
    #[test]
    fn the_strongest_source_wins(sets in proptest::array::uniform5(any::<bool>())) {
        let ports = [1, 2, 3, 4, 5];
        let text = |index: usize| if sets[index] { format!("[listen]\nport = {}\n", ports[index]) } else { String::new() };
        let mut bench = Bench::user(&text(1)).system(&text(0));
        if sets[2] {
            bench = bench.variable("AIGW_LISTEN_PORT", "3");
        }
        if sets[3] {
            bench = bench.flag("listen.port", "4");
        }
        if sets[4] {
            bench = bench.policy(&text(4));
        }
        let loaded = bench.load();
        let words = ["system file", "user file", "environment", "flag", "policy"];
        let mut setters: Vec<usize> = (0..5).filter(|index| sets[*index]).collect();
        let winner = setters.pop();
        let port = shown(&loaded, "listen.port");
        prop_assert_eq!(loaded.config.listen.port, winner.map_or(2449, |index| ports[index]));
        prop_assert!(port.origin.starts_with(winner.map_or("default", |index| words[index])));
        let overrides: Vec<_> = setters.iter().map(|index| words[*index]).collect();
        prop_assert_eq!(&port.overrides, &overrides);
        prop_assert_eq!(port.locked, winner == Some(4));
        prop_assert_eq!(loaded.findings.len(), if winner == Some(4) { overrides.len() } else { 0 });
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", key in "[a-z._]{0,20}", value in "\\PC{0,20}") {
        let _ = Bench::user(&text).policy(&text).try_load();
        let _ = Bench::new().flag(&key, &value).try_load();
        let _ = Bench::new().variable("AIGW_URL", &value).variable("AIGW_TUNNEL_UPSTREAM_PROXY", &value).try_load();
    }

    /// Texts that are nearly settings get further than arbitrary ones.
    #[test]
    fn nor_does_something_like_settings(index in 0..schema::ROWS.len(), value in "[0-9a-z\"'\\[\\]{}=,:/@%.*-]{0,16}") {
        let key = schema::ROWS[index].key.replace('*', "a");
        let _ = Bench::user(&format!("{key} = {value}\n")).policy(&format!("{key} = '{value}'\n")).try_load();
        let _ = Bench::new().flag(&key, &value).try_load();
    }
}

/// T10: a private CA is added by a file; nothing turns the check of certificates off.
#[test]
fn t10_no_setting_is_insecure() {
    for row in schema::ROWS {
        for word in ["insecure", "verify", "skip", "unsafe"] {
            assert!(!row.key.contains(word), "{}", row.key);
        }
    }
    for key in ["insecure", "tls_verify", "verify"] {
        let wrong = Bench::user(&format!("[gateway.corp]\n{key} = true\n")).wrong();
        assert!(wrong.contains(&format!("no such setting as `gateway.corp.{key}`")), "{wrong}");
    }
}
