//! Companies' proxies between this machine and all others: for tunnels and plain HTTP, and (apart from that) for the
//! gateway.

use aigw_gateway::{
    Certificate, Connect, Corporate, CorporateManner, CorporateSetup, Fate, Origin, Practice, Setup,
};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::raw::{self, Answer};
use aigw_tests::scene::Scene;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{ask, bare, ends, expect, is_refusal, is_well, listener, scene_with, untouched, web};

const PASSWORD: &str = "open-sesame-9";

/// A scene in which tunnels and plain HTTP go through a proxy, those to this machine itself too.
pub async fn behind(corporate: &Corporate) -> Scene {
    behind_with(corporate, "no_proxy = []\n").await
}

/// The same with these further settings.
async fn behind_with(corporate: &Corporate, more: &str) -> Scene {
    let machine = machine!();
    let ca = machine.home().join("corporate.pem");
    std::fs::write(&ca, corporate.ca_pem()).expect("a file");
    let url = corporate.url().replacen("://", &format!("://ada:{PASSWORD}@"), 1);
    let ca = match corporate.ca_pem() {
        "" => String::new(),
        _ => format!("upstream_proxy_ca_file = \"{}\"\n", ca.display()),
    };
    machine.configure(&format!("[tunnel]\nupstream_proxy = \"{url}\"\n{ca}{more}"));
    Scene::set(machine, Setup { tls: true, ..Setup::default() }).await
}

/// A proxy that wants the login, and sends `site.test` to this origin.
async fn corporate(tls: bool, origin: &Origin) -> Corporate {
    let login = Some(("ada".to_owned(), PASSWORD.to_owned()));
    let detours = vec![("site.test".to_owned(), origin.address())];
    let manner = CorporateManner { login, detours, ..CorporateManner::default() };
    Corporate::start(CorporateSetup { tls, manner, ..CorporateSetup::default() })
        .await
        .expect("a corporate proxy")
}

fn only(corporate: &Corporate) -> Connect {
    let mut asked = corporate.connects();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    asked.remove(0)
}

/// The login is where it belongs, and nowhere else.
fn is_discreet(scene: &Scene, answers: &[Answer]) {
    let coded = STANDARD.encode(format!("ada:{PASSWORD}"));
    let config = String::from_utf8(scene.machine.ctl(&["config", "show"]).stdout).expect("text");
    let explained = String::from_utf8(scene.machine.ctl(&["explain", "site.test:443"]).stdout).expect("text");
    let texts = answers.iter().map(Answer::text).chain([scene.machine.log(), config, explained]);
    for text in texts {
        assert!(!text.contains(PASSWORD) && !text.contains(&coded), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tunnels_go_through_either_kind_of_proxy_with_its_login() {
    for tls in [false, true] {
        let origin = bare(aigw_gateway::Transport::EchoAtEnd).await;
        let corporate = corporate(tls, &origin).await;
        let scene = behind(&corporate).await;
        let mut raw = scene.tunnel("site.test:443").unwrap_or_else(|refusal| panic!("{tls} {refusal:?}"));
        let body = vec![9; 3 << 20];
        let mut writing = raw.stream().try_clone().unwrap();
        let out = body.clone();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut writing, &out).unwrap());
        writer.join().unwrap();
        raw.end();
        assert!(raw.rest() == body, "{tls}");
        let asked = only(&corporate);
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("CONNECT", "site.test:443"));
        assert_eq!(asked.header("host"), Some("site.test:443"));
        assert_eq!(asked.login, Some(("ada".to_owned(), PASSWORD.to_owned())));
        assert_eq!(asked.fate, Fate::Tunnelled);
        let all = format!("{asked:?}");
        assert!(!all.contains(&scene.key) && !all.contains(&scene.token), "{all}");
        // The gateway's traffic is another matter.
        assert_eq!(scene.get("/openai/v1/models", &[]).status, 200);
        assert_eq!(corporate.connects().len(), 1);
        is_discreet(&scene, &[]);
        is_well(&scene);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_goes_to_the_proxy_as_a_whole_url_with_its_login() {
    for tls in [false, true] {
        let origin = web().await;
        let corporate = corporate(tls, &origin).await;
        let scene = behind(&corporate).await;
        let answer = ask(&scene, "POST", "http://site.test/page?a=b", &["authorization: Bearer own"], "body");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let asked = only(&corporate);
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "http://site.test/page?a=b"));
        assert_eq!(asked.login, Some(("ada".to_owned(), PASSWORD.to_owned())));
        let seen = origin.requests().remove(0);
        assert_eq!((seen.target.as_str(), seen.header("host")), ("/page?a=b", Some("site.test")));
        assert_eq!((seen.body_text().as_str(), seen.header("authorization")), ("body", Some("Bearer own")));
        assert!(!format!("{asked:?}{seen:?}").contains(&scene.key));
        is_discreet(&scene, &[answer]);
        is_well(&scene);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_own_407_is_never_a_407_of_ours() {
    let origin = web().await;
    for tls in [false, true] {
        let corporate = corporate(tls, &origin).await;
        let scene = behind(&corporate).await;
        for (challenges, login, words) in [
            (vec![], "other", "does not take the login of `upstream_proxy`"),
            (
                vec!["Negotiate".to_owned(), "NTLM".to_owned()],
                "ada",
                "Negotiate or NTLM, which aigwd does not speak",
            ),
        ] {
            corporate.change(|manner| {
                manner.challenges = challenges;
                manner.login = Some((login.to_owned(), PASSWORD.to_owned()));
            });
            let tunnel = scene.tunnel("site.test:443").unwrap_err();
            let plain = ask(&scene, "GET", "http://site.test/page", &[], "");
            for answer in [&tunnel, &plain] {
                is_refusal(answer, 502, "upstream-proxy-failed", words);
                assert_eq!(
                    answer.field("proxy-authenticate"),
                    None,
                    "the tool would think that its key is wrong"
                );
            }
            is_discreet(&scene, &[tunnel, plain]);
        }
        is_well(&scene);
    }
    assert!(origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_or_hangs_up_is_told_of_in_words() {
    let origin = web().await;
    let corporate = corporate(false, &origin).await;
    let scene = behind(&corporate).await;
    corporate.change(|manner| manner.refuse = Some(403));
    let refusal = scene.tunnel("site.test:443").unwrap_err();
    is_refusal(&refusal, 502, "upstream-proxy-failed", "refuses to connect to site.test:443 (403");
    corporate.change(|manner| manner.refuse = Some(503));
    let refusal = scene.tunnel("site.test:443").unwrap_err();
    is_refusal(&refusal, 503, "upstream-proxy-unavailable", "cannot reach site.test:443 now");
    corporate.change(|manner| (manner.refuse, manner.hang_up) = (None, true));
    let refusal = scene.tunnel("site.test:443").unwrap_err();
    is_refusal(&refusal, 503, "upstream-proxy-unavailable", "hung up");
    let plain = ask(&scene, "GET", "http://site.test/", &[], "");
    assert_eq!(plain.status / 100, 5, "{plain:?}");
    is_discreet(&scene, &[refusal, plain]);
    corporate.change(|manner| manner.hang_up = false);
    assert!(scene.tunnel("site.test:443").is_ok(), "it is asked anew every time");
    drop(corporate);
    let gone = eventually("its port is closed", || {
        scene.tunnel("site.test:443").err().filter(|refusal| refusal.text().contains("cannot be reached"))
    });
    is_refusal(&gone, 503, "upstream-proxy-unavailable", "cannot be reached");
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_right_behind_a_proxys_200_are_the_hosts() {
    for tls in [false, true] {
        let origin = bare(aigw_gateway::Transport::Echo).await;
        let corporate = corporate(tls, &origin).await;
        corporate.change(|manner| {
            manner.ahead = b"220 ready\r\n".to_vec();
            manner.lines = vec!["Via: 1.1 corporate".to_owned(), "Content-Length: 3".to_owned()];
        });
        let scene = behind(&corporate).await;
        let mut raw = scene.tunnel("site.test:25").unwrap();
        expect(raw.stream(), b"220 ready\r\n");
        raw.send("ping");
        expect(raw.stream(), b"ping");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_ends_and_breaks_pass_a_proxy_too() {
    for tls in [false, true] {
        let origin = web().await;
        let corporate = corporate(tls, &origin).await;
        let scene = behind(&corporate).await;
        let (client, mut server) = ends(&scene);
        drop(client);
        crate::expect_end(&mut server);
        let (mut client, server) = ends(&scene);
        crate::reset(server);
        assert!(matches!(crate::read(&mut client), Ok(0) | Err(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_certificate_must_hold() {
    let setup = CorporateSetup { tls: true, certificate: Certificate::Expired, ..CorporateSetup::default() };
    let corporate = Corporate::start(setup).await.unwrap();
    let scene = behind(&corporate).await;
    let refusal = scene.tunnel("site.test:443").unwrap_err();
    is_refusal(&refusal, 502, "upstream-proxy-failed", "certificate that does not hold");
    assert!(corporate.connects().is_empty(), "no login was sent");
    is_discreet(&scene, &[refusal]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_no_proxy_are_reached_directly() {
    let origin = web().await;
    let corporate = corporate(false, &origin).await;
    let scene = behind_with(&corporate, "no_proxy = [\"127.0.0.1\", \".inside.test\"]\n").await;
    assert!(scene.tunnel(&origin.address().to_string()).is_ok());
    assert_eq!(ask(&scene, "GET", &format!("http://{}/", origin.address()), &[], "").status, 200);
    assert!(corporate.connects().is_empty());
    assert!(scene.tunnel(&format!("localhost:{}", origin.port())).is_ok());
    assert_eq!(only(&corporate).target, format!("localhost:{}", origin.port()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_counts_only_when_asked_for() {
    let origin = web().await;
    for (settings, through) in
        [("", false), ("[tunnel]\nupstream_proxy = \"environment\"\nno_proxy = []\n", true)]
    {
        let corporate = corporate(false, &origin).await;
        let url = corporate.url().replacen("://", &format!("://ada:{PASSWORD}@"), 1);
        let mut machine = machine!();
        machine.set("HTTPS_PROXY", &url);
        machine.set("http_proxy", &url);
        machine.set("NO_PROXY", "direct.test,127.0.0.2");
        machine.configure(settings);
        let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
        let address = origin.address().to_string();
        assert!(scene.tunnel(&address).is_ok());
        assert_eq!(ask(&scene, "GET", &format!("http://{address}/"), &[], "").status, 200);
        assert_eq!(corporate.connects().len(), if through { 2 } else { 0 });
        // Named by NO_PROXY: nobody is there.
        let refusal = scene.tunnel("127.0.0.2:1").unwrap_err();
        assert_eq!(refusal.error(), Some("target-unreachable"), "{}", refusal.text());
        is_discreet(&scene, &[refusal]);
        is_well(&scene);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_addresses_that_nobody_reaches_are_refused_before_the_proxy_is_asked() {
    let origin = web().await;
    let corporate = corporate(false, &origin).await;
    let scene = behind_with(&corporate, "no_proxy = []\nblock_private = true\nports = [80, 443]\n").await;
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "10.0.0.1",
        "127.1",
    ] {
        let refusal = scene.tunnel(&format!("{host}:80")).unwrap_err();
        is_refusal(&refusal, 403, "target-refused", "address");
        let refusal = ask(&scene, "GET", &format!("http://{host}/"), &[], "");
        is_refusal(&refusal, 403, "target-refused", "address");
    }
    is_refusal(&scene.tunnel("site.test:22").unwrap_err(), 403, "target-refused", "`tunnel.ports`");
    assert!(corporate.connects().is_empty(), "{:?}", corporate.connects());
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_through_a_proxy_too_nobody_reaches_us_by_address() {
    let origin = web().await;
    let corporate = corporate(false, &origin).await;
    let scene = behind(&corporate).await;
    for host in ["127.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let refusal = scene.tunnel(&format!("{host}:{}", scene.daemon.port)).unwrap_err();
        is_refusal(&refusal, 403, "target-refused", "");
    }
    assert!(corporate.connects().is_empty(), "{:?}", corporate.connects());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_ourselves_is_used_for_nothing() {
    let (listener, own) = listener();
    drop(listener);
    for url in [format!("http://{own}"), format!("http://localhost:{}", own.port())] {
        let scene = scene_with(&format!(
            "[listen]\nport = {}\n[tunnel]\nupstream_proxy = \"{url}\"\nno_proxy = []\n",
            own.port()
        ))
        .await;
        let (host, address) = crate::listener();
        let refusal = scene.tunnel(&address.to_string()).unwrap_err();
        is_refusal(&refusal, 502, "upstream-proxy-failed", "is aigwd itself");
        let plain = ask(&scene, "GET", &format!("http://{address}/"), &[], "");
        is_refusal(&plain, 502, "upstream-proxy-failed", "is aigwd itself");
        untouched(&host);
        assert_eq!(scene.machine.findings(), ["upstream-proxy-loop"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_proxy_is_the_gateways_alone() {
    let origin = web().await;
    let corporate = corporate(true, &origin).await;
    let gateway = Practice::start(Setup { tls: true, ..Setup::default() }).await.unwrap();
    let machine = machine!();
    let ca = machine.home().join("corporate.pem");
    std::fs::write(&ca, corporate.ca_pem()).unwrap();
    let url = corporate.url().replacen("://", &format!("://ada:{PASSWORD}@"), 1);
    machine.configure(&format!(
        "[gateway.default]\nurl = \"{}\"\nupstream_proxy = \"{url}\"\nupstream_proxy_ca_file = \"{}\"\nno_proxy = []\n",
        gateway.url(),
        ca.display()
    ));
    let daemon = machine.start();
    machine.log_in(&gateway);
    let key = machine.key("env");
    let asked = corporate.connects().len();
    assert!(asked > 0, "the login went through it");
    let get = raw::get(&daemon.address, "/openai/v1/models", &key, &[]);
    assert_eq!(raw::exchange(&daemon.address, get).status, 200);
    let seen = corporate.connects();
    assert!(seen.iter().all(|one| one.target == gateway.address().to_string()), "{seen:#?}");
    assert!(raw::tunnel(&daemon.address, &origin.address().to_string(), Some(&key)).is_ok());
    let plain = crate::absolute("GET", &format!("http://{}/", origin.address()), &key, &[], "");
    assert_eq!(raw::exchange(&daemon.address, plain).status, 200);
    assert_eq!(corporate.connects().len(), seen.len());
    assert!(!machine.log().contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_does_not_answer_is_given_up_after_ten_seconds() {
    let origin = web().await;
    let corporate = corporate(false, &origin).await;
    corporate.change(|manner| manner.delay = std::time::Duration::from_secs(60));
    let scene = behind(&corporate).await;
    let asked = std::time::Instant::now();
    let refusal = scene.tunnel("site.test:443").unwrap_err();
    is_refusal(&refusal, 502, "target-unreachable", "site.test:443 did not answer in 10 s");
    assert!((9..20).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
}
