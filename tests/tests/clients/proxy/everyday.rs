//! Programs that have nothing to do with AI, started by a tool whose environment names the proxy: they go through to
//! their own site, whose CA somebody had made them trust before.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aigw_gateway::{Manner, Reply};
use serde_json::json;

use super::town::{Town, path};
use crate::desk::{Told, client};

const LIMIT: Duration = Duration::from_secs(40);

/// It reached the site itself, not the gateway, and without a word of ours.
#[track_caller]
fn got_through(town: &Town, told: &Told) {
    assert!(told.out.contains("from the site"), "{told:#?}\n{}", town.machine.log());
    assert!(!town.origin.requests().is_empty());
    assert_eq!(town.gateway.provider_requests().len(), 0);
    town.nothing_leaked(&[]);
}

async fn town() -> Town {
    let town = Town::open().await;
    town.origin.at("/page", Manner::Reply(Reply::plain(200, "from the site")));
    town
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_a_site_through_the_tunnel() {
    let mut town = town().await;
    let words = ["--silent", "--show-error", "https://site.test/page"];
    let told = town.proxied(Path::new("curl"), &words, &[], LIMIT).well();
    got_through(&town, &told);

    // By the proxy: at a port where no site is, it is the proxy that tells.
    let words =
        ["--silent", "--output", "/dev/null", "--write-out", "%{http_connect}", "https://site.test:9/page"];
    let told = town.proxied(Path::new("curl"), &words, &[], LIMIT);
    assert_eq!(told.out, "502", "{told:#?}");
}

const PYTHON: &str = "
import sys, ssl, urllib.request
url = 'https://site.test/page'
which = sys.argv[1]
if which == 'urllib':
    print(urllib.request.urlopen(url).read().decode())
else:
    print(__import__(which).get(url).text)
";

#[tokio::test(flavor = "multi_thread")]
async fn python_reaches_a_site_through_the_tunnel() {
    let mut town = town().await;
    for module in ["urllib", "requests", "httpx"] {
        town.origin.forget_requests();
        let told = town.proxied(&client("python"), &["-c", PYTHON, module], &[], LIMIT).well();
        got_through(&town, &told);
    }
}

const NODE: &str = "
fetch('https://site.test/page').then(reply => reply.text()).then(text => console.log(text));
";

/// Node before 24 knows no proxy variable; there it goes straight, and this is about its roots alone.
#[tokio::test(flavor = "multi_thread")]
async fn node_reaches_a_site() {
    let mut town = town().await;
    let told = town.proxied(&client("node"), &["-e", NODE], &[], LIMIT).well();
    got_through(&town, &told);
}

#[tokio::test(flavor = "multi_thread")]
async fn node_24_reaches_a_site_through_the_tunnel() {
    let mut town = town().await;
    let told = town.proxied(&client("node24"), &["-e", NODE], &[], LIMIT).well();
    got_through(&town, &told);
    let nowhere = NODE.replace("site.test", "site.test:4443");
    by_the_proxy(&town.proxied(&client("node24"), &["-e", &nowhere], &[], LIMIT));
}

/// At a port where no site is, it was the proxy that told so.
#[track_caller]
fn by_the_proxy(told: &Told) {
    let all = told.all();
    assert!(all.contains("502") && !all.contains("ECONNREFUSED"), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_through_the_tunnel() {
    let mut town = Town::open().await;
    let npm = Path::new("npm");
    let about = r#"{ "name": "tiny-site", "version": "1.0.0", "main": "main.js" }"#;
    town.write("tiny/package.json", about);
    town.write("tiny/main.js", "module.exports = 'from the site'");
    // The machine's own settings of npm may name a CA file, which would count instead of the variable.
    town.write("npmrc", "");
    let settings = town.tools_home().join("npmrc");
    let alone = [("NPM_CONFIG_GLOBALCONFIG", path(&settings))];
    town.run(npm, &["pack", "../tiny"], &alone, LIMIT).well();
    let archive = std::fs::read(town.tools_home().join("work/tiny-site-1.0.0.tgz")).expect("an archive");
    let from = "/tiny-site/-/tiny-site-1.0.0.tgz";
    town.origin.at(from, Manner::Reply(Reply::new(200).body(archive)));
    let version = json!({
        "name": "tiny-site",
        "version": "1.0.0",
        "dist": { "tarball": format!("https://registry.test{from}") },
    });
    let package =
        json!({ "name": "tiny-site", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": version } });
    town.origin.at("/tiny-site", Manner::Reply(Reply::json(200, &package)));

    let words = ["install", "--no-audit", "--no-fund", "--fetch-retries=0", "--registry"];
    let install = |registry| [&words[..], &[registry, "tiny-site"]].concat();
    town.proxied(npm, &install("https://registry.test/"), &alone, LIMIT).well();
    let told = town.run(&client("node"), &["-e", "console.log(require('tiny-site'))"], &[], LIMIT).well();
    got_through(&town, &told);
    by_the_proxy(&town.proxied(npm, &install("https://registry.test:4443/"), &alone, LIMIT));
}

/// git is built with GnuTLS, and gives up on a proxy that closes without a word.
#[tokio::test(flavor = "multi_thread")]
async fn git_clones_through_the_tunnel() {
    let mut town = Town::open().await;
    let home = town.tools_home().join("origin.git");
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        let identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com", "-C", path(&home)];
        let done = git.args(identity).args(words).env("HOME", town.tools_home()).output().expect("git");
        assert!(done.status.success(), "{words:?}: {done:?}");
    };
    std::fs::create_dir(&home).expect("a folder");
    git(&["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(home.join("file"), "from the site\n").expect("a file");
    git(&["add", "file"]);
    git(&["commit", "--quiet", "--message=first"]);
    git(&["update-server-info"]);
    publish(&town, &home.join(".git"), "/repo.git");

    let words = ["clone", "--quiet", "https://site.test/repo.git", "copy"];
    town.proxied(Path::new("git"), &words, &[("GIT_TERMINAL_PROMPT", "0")], LIMIT).well();
    let copied = std::fs::read_to_string(town.tools_home().join("work/copy/file")).expect("the file");
    assert_eq!(copied, "from the site\n");
    assert!(!town.onward("/repo.git/info/refs").is_empty());
    town.nothing_leaked(&[]);
}

/// Every file of a folder on the stub, and nothing else.
fn publish(town: &Town, folder: &Path, at: &str) {
    town.origin.otherwise(Manner::Reply(Reply::plain(404, "none")));
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let inside = entry.path().strip_prefix(folder).expect("inside").display().to_string();
            let reply = Reply::new(200).body(std::fs::read(entry.path()).expect("a file"));
            town.origin.at(&format!("{at}/{inside}"), Manner::Reply(reply));
        }
    }
}

const WHEEL: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('tiny_site.py', 'said = \"from the site\"')
    about = 'tiny_site-1.0.dist-info/'
    wheel.writestr(about + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny-site\\nVersion: 1.0\\n')
    wheel.writestr(about + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(about + 'RECORD', 'tiny_site.py,,\\n')
";

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs_through_the_tunnel() {
    let mut town = Town::open().await;
    let name = "tiny_site-1.0-py3-none-any.whl";
    let file = town.tools_home().join(name);
    let python = client("python");
    town.run(&python, &["-c", WHEEL, path(&file)], &[], LIMIT).well();
    let page = format!("<html><body><a href=\"/files/{name}\">{name}</a></body></html>");
    let page = Reply::new(200).header("content-type", "text/html").body(page);
    town.origin.at("/simple/tiny-site/", Manner::Reply(page));
    let wheel = Reply::new(200).body(std::fs::read(&file).expect("a wheel"));
    town.origin.at(&format!("/files/{name}"), Manner::Reply(wheel));

    let words = ["-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"];
    let from = ["--index-url", "https://pypi.test/simple/", "--target", "site", "tiny-site"];
    town.proxied(&python, &[&words[..], &from].concat(), &[], LIMIT).well();
    let told = town.run(
        &python,
        &["-c", "import tiny_site; print(tiny_site.said)"],
        &[("PYTHONPATH", "site")],
        LIMIT,
    );
    got_through(&town, &told);
}
