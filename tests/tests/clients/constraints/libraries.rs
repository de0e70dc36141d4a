//! The libraries, by a program that uses each.

use std::path::{Path, PathBuf};

use aigw_tests::inside::Greeting;
use aigw_tests::raw::Raw;

use super::thief::{Issuer, Theft, Thief};
use super::verifiers::{LIMIT, Library, Program, Seen};
use super::{hold, hold_all};
use crate::desk::{Desk, Told, client};

#[tokio::test(flavor = "multi_thread")]
async fn t4_openssl_and_curl_refuse_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    hold_all(&thief, &Program::new("curl", &["--silent", "--cacert", "ROOT"], &[]), true);
    let asks = "
        url=${1#https://}; host=${url%%:*}; port=${url##*:}
        case $host in [0-9]*) kind=-verify_ip ;; *) kind=-verify_hostname ;; esac
        printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -connect $host:${port%/} $kind $host \
            -verify_return_error -CAfile $0";
    hold_all(&thief, &Program::new("sh", &["-c", asks, "ROOT"], &[]), true);
}

/// git as Debian builds it.
#[tokio::test(flavor = "multi_thread")]
async fn t4_gnutls_refuses_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    let variables = [("GIT_SSL_CAINFO", "ROOT"), ("GIT_TERMINAL_PROMPT", "0")];
    hold_all(&thief, &Program::new("git", &["ls-remote"], &variables), true);
}

const PYTHON: &str = "
import sys, urllib.request, requests, httpx
ask = {'urllib': urllib.request.urlopen, 'requests': requests.get, 'httpx': httpx.get}[sys.argv[1]]
for url in sys.argv[2:]:
    try: print(url, ask(url))
    except Exception as error: print(url, repr(error))
";

#[tokio::test(flavor = "multi_thread")]
async fn t4_python_refuses_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    for (module, takes_common_names) in [("urllib", true), ("requests", false), ("httpx", true)] {
        let variables = [("SSL_CERT_FILE", "ROOT"), ("REQUESTS_CA_BUNDLE", "ROOT")];
        let python = Program::new(client("python"), &["-c", PYTHON, module], &variables).all_at_once();
        hold_all(&thief, &python, takes_common_names);
    }
}

const NODE: &str = "
const https = require('https');
const [how, ...urls] = process.argv.slice(1);
const got = url => new Promise((well, ill) => https.get(url, reply => well(reply.statusCode)).on('error', ill));
const ask = how == 'fetch' ? url => fetch(url).then(reply => reply.status) : got;
(async () => { for (const url of urls) console.log(url, await ask(url).catch(error => error.cause ?? error)); })();
";

#[tokio::test(flavor = "multi_thread")]
async fn t4_node_refuses_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    for how in ["https", "fetch"] {
        let variables = [("NODE_EXTRA_CA_CERTS", "ROOT")];
        hold_all(&thief, &Program::new(client("node"), &["-e", NODE, how], &variables).all_at_once(), true);
    }
}

/// It has to have its roots in a store of its own kind.
#[tokio::test(flavor = "multi_thread")]
async fn t4_java_refuses_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/constraints/Ask.java");
    for issuer in [Issuer::Ours, Issuer::Twin] {
        let (root, store) = (thief.root(issuer), store(&thief.root(issuer)));
        let words = ["-importcert", "-noprompt", "-alias", "root", "-storepass", "changeit"];
        let files = ["-file", word(&root), "-keystore", word(&store)];
        thief.desk.run(Path::new("keytool"), &[&words[..], &files].concat(), &[], LIMIT).well();
    }
    struct Java(PathBuf);
    impl Library for Java {
        fn ask(&self, desk: &Desk, root: &Path, urls: &[String]) -> Vec<Told> {
            let trusts = format!("-Djavax.net.ssl.trustStore={}", store(root).display());
            let words = [&trusts, "-Djavax.net.ssl.trustStorePassword=changeit", word(&self.0)];
            Program::new(client("java"), &words, &[]).all_at_once().ask(desk, root, urls)
        }
    }
    hold_all(&thief, &Java(program), true);
}

/// Terraform, and many a company's own tool.
#[cfg(feature = "go")]
#[tokio::test(flavor = "multi_thread")]
async fn t4_go_refuses_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    let program =
        Program::new(client("ask-go"), &[], &[("SSL_CERT_FILE", "ROOT"), ("SSL_CERT_DIR", "/none")]);
    hold_all(&thief, &program.all_at_once(), false);
}

fn store(root: &Path) -> PathBuf {
    root.with_extension("p12")
}

fn word(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// What Firefox verifies with. The program goes in circles once its input has ended.
#[tokio::test(flavor = "multi_thread")]
async fn t4_nss_refuses_what_a_stolen_key_signs() {
    let thief = Thief::at_work().await;
    let asks = "
        database=${0%.pem}-nss
        test -d $database || { mkdir $database && certutil -N -d $database --empty-password &&
            certutil -A -d $database -n root -t C,, -i $0; }
        url=${1#https://}; host=${url%%:*}; port=${url##*:}
        { printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1; } | timeout 5 tstclnt -4 -h $host -p ${port%/} -d $database";
    hold_all(&thief, &Program::new("sh", &["-c", asks, "ROOT"], &[]), true);
}

/// Codex and uv verify with it.
#[tokio::test(flavor = "multi_thread")]
async fn t4_rustls_refuses_what_a_stolen_key_signs() {
    struct Rustls;
    impl Library for Rustls {
        fn ask(&self, _: &Desk, root: &Path, urls: &[String]) -> Vec<Told> {
            let roots = std::fs::read_to_string(root).expect("a root");
            for url in urls {
                let (host, port) =
                    url.trim_start_matches("https://").trim_end_matches('/').split_once(':').expect("a port");
                let raw = Raw::connect(&format!("127.0.0.1:{port}"));
                let greeting = Greeting::new(&roots, host);
                let greeted = tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(greeting.over(raw))
                });
                if let Ok(mut inside) = greeted {
                    inside.send("GET / HTTP/1.0\r\n\r\n");
                    inside.answer();
                }
            }
            Vec::new()
        }
    }
    let thief = Thief::at_work().await;
    hold_all(&thief, &Rustls, false);
}

/// It is built with Bun, and yet holds a common name against the CA's bounds.
#[tokio::test(flavor = "multi_thread")]
async fn t4_claude_code_refuses_what_a_stolen_key_signs() {
    struct ClaudeCode;
    impl Library for ClaudeCode {
        fn ask(&self, desk: &Desk, root: &Path, urls: &[String]) -> Vec<Told> {
            let ask = |url: &String| {
                let variables = [
                    crate::claude_code::QUIET,
                    ("ANTHROPIC_BASE_URL", url.trim_end_matches('/')),
                    ("ANTHROPIC_AUTH_TOKEN", "somebody"),
                    ("NODE_EXTRA_CA_CERTS", word(root)),
                    ("CLAUDE_CODE_MAX_RETRIES", "0"),
                ];
                desk.run(&client("claude"), &["-p", "say hi"], &variables, LIMIT)
            };
            urls.iter().map(ask).collect()
        }
    }
    hold_all(&Thief::at_work().await, &ClaudeCode, true);
}

/// Bun takes the subject's common name for a host's name and does not hold it against the CA's bounds: a gap that
/// `aigwctl ca explain` tells of.
#[tokio::test(flavor = "multi_thread")]
async fn t4_bun_refuses_what_a_stolen_key_signs_but_for_a_common_name() {
    let thief = Thief::at_work().await;
    let variables = [("NODE_EXTRA_CA_CERTS", "ROOT")];
    let bun = Program::new(client("bun"), &["-e", NODE, "fetch"], &variables).all_at_once();
    let seen = Seen::by(&thief, &bun);
    assert!(seen.under_ours(Theft::CommonName), "the gap is closed; say so in `ca explain`: {seen:#?}");
    hold(&seen.but_common_name());
}
