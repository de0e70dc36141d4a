//! Every plan for every system as text, compared with files (`AIGW_BLESS=1` writes them), and the files that plans write held
//! against what their readers know.

use std::path::{Path, PathBuf};

use roxmltree::{Document, Node, ParsingOptions};

use super::{Act, Host, Manager, Place, State, launchd, systemd, words};
use crate::steps::Step;

const SYSTEMS: [(&str, Manager); 3] =
    [("linux", Manager::Systemd), ("macos", Manager::Launchd), ("windows", Manager::TaskScheduler)];

/// A user with odd folders.
fn place(manager: Manager) -> Place {
    let (settings, aigwd, control) = match manager {
        Manager::Systemd => {
            ("/home/ada/.config", "/home/ada/.cargo/bin/aigwd", "/run/user/1001/aigw/control.sock")
        }
        Manager::Launchd => (
            "/Users/ada",
            "/usr/local/bin/aigwd",
            "/Users/ada/Library/Application Support/aigw/run/control.sock",
        ),
        Manager::TaskScheduler => (
            "C:/Users/ada/AppData/Local/aigw",
            "C:/Program Files/aigw/aigwd.exe",
            r"\\.\pipe\aigw-0123456789abcdef",
        ),
    };
    Place {
        manager,
        settings: settings.into(),
        aigwd: aigwd.into(),
        environment: Vec::new(),
        control: control.into(),
        port: 2449,
        has_ipv6: true,
        user: if manager == Manager::TaskScheduler { "S-1-5-21-1-2-3-1001" } else { "501" }.to_owned(),
    }
}

fn odd(manager: Manager) -> Place {
    let environment = vec![("AIGW_HOME", "/srv/100% \"mine\" $HOME \\ <&>".to_owned())];
    Place {
        aigwd: "/opt/a b/100%/$x/<aigwd>".into(),
        environment,
        port: 2450,
        has_ipv6: false,
        ..place(manager)
    }
}

fn told(steps: &[Step]) -> String {
    steps.iter().map(|step| format!("{}\n", words(step))).collect()
}

/// All plans there are.
fn plans(manager: Manager) -> String {
    let place = place(manager);
    let act = |act| told(&place.act(act));
    let logs =
        |journal, follow| format!("{}\n", place.logs(journal, follow, 200, Path::new("/LOG")).join(" "));
    let linger = |on| match place.linger(on) {
        Ok(step) => told(&[step]),
        Err(failure) => format!("{}\n", failure.text),
    };
    let host = Host {
        manager,
        user: "build".into(),
        aigwd: "/usr/local/bin/aigwd".into(),
        port: 2450,
        has_others: false,
    };
    let of_host = |plan: Result<Vec<Step>, aigw_shared::fault::Failure>| match plan {
        Ok(steps) => told(&steps),
        Err(failure) => format!("{}\n", failure.text),
    };
    let sections = [
        ("install", told(&place.install())),
        ("uninstall", told(&place.uninstall(true))),
        ("uninstall, and the manager does not answer", told(&place.uninstall(false))),
        ("start", act(Act::Start)),
        ("stop", act(Act::Stop)),
        ("restart", act(Act::Restart)),
        ("status", format!("{:?}\n", place.question())),
        ("logs", logs(true, false)),
        ("logs -f", logs(true, true)),
        ("logs, not of the service", logs(false, false)),
        ("logs -f, not of the service", logs(false, true)),
        ("install --linger", linger(true)),
        ("uninstall after --linger", linger(false)),
        ("install --system build", of_host(host.install())),
        ("uninstall --system build", of_host(host.uninstall())),
        (
            "install with an odd program, an odd home, another port and without IPv6",
            told(&odd(manager).install()),
        ),
    ];
    sections.map(|(name, text)| format!("==== {name}\n{text}")).join("\n")
}

#[test]
fn every_plan_of_every_system_is_as_it_was() {
    for (name, manager) in SYSTEMS {
        let file =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/os/service/fixtures/{name}.txt"));
        let now = plans(manager);
        if std::env::var_os("AIGW_BLESS").is_some() {
            std::fs::write(&file, &now).unwrap();
        }
        let meant = std::fs::read_to_string(&file).unwrap();
        for (now, meant) in now.lines().zip(meant.lines()) {
            assert_eq!(now, meant, "{name}");
        }
        assert_eq!(now.len(), meant.len(), "{name}");
    }
}

// -- property lists ---------------------------------------------------------------------------------------------------

/// The keys of launchd.plist(5) that are used, with the types of their values.
const KEYS: [(&str, &str); 17] = [
    ("Label", "string"),
    ("UserName", "string"),
    ("ProgramArguments", "array of string"),
    ("EnvironmentVariables", "dict"),
    ("Sockets", "dict"),
    ("Sockets/tools", "array of dict"),
    ("Sockets/tools/SockNodeName", "string"),
    ("Sockets/tools/SockServiceName", "string"),
    ("Sockets/control", "dict"),
    ("Sockets/control/SockPathName", "string"),
    ("Sockets/control/SockPathMode", "integer"),
    ("RunAtLoad", "true"),
    ("KeepAlive", "dict"),
    ("KeepAlive/Crashed", "true"),
    ("Umask", "integer"),
    ("ExitTimeOut", "integer"),
    ("ProcessType", "string"),
];

fn elements<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(Node::is_element)
}

/// Goes through a dictionary; a key of each path that it has is noted.
fn walk<'a>(dict: Node<'a, 'a>, at: &str, seen: &mut Vec<String>) {
    let all: Vec<_> = elements(dict).collect();
    assert_eq!(all.len() % 2, 0, "{at}: a key without a value");
    for pair in all.chunks(2) {
        let [key, value] = pair else { unreachable!() };
        assert_eq!(key.tag_name().name(), "key", "{at}");
        let path = format!("{at}{}", key.text().unwrap_or_default());
        let mut kind = value.tag_name().name().to_owned();
        if kind == "array" {
            let first = elements(*value).next().unwrap();
            assert!(elements(*value).all(|item| item.tag_name() == first.tag_name()), "{path}");
            kind = format!("array of {}", first.tag_name().name());
        }
        if at == "EnvironmentVariables/" {
            assert_eq!(kind, "string", "{path}");
            continue;
        }
        let known = KEYS.iter().find(|(known, _)| *known == path);
        assert_eq!(known.map(|(_, kind)| *kind), Some(&*kind), "{path}");
        match &*kind {
            "dict" => walk(*value, &format!("{path}/"), seen),
            "array of dict" => elements(*value).for_each(|item| walk(item, &format!("{path}/"), seen)),
            "integer" => assert!(value.text().unwrap().parse::<u32>().is_ok(), "{path}"),
            "true" => assert_eq!(value.text(), None, "{path}"),
            _ => {}
        }
        seen.push(path);
    }
}

fn plist(text: &str) -> Vec<String> {
    for place in ["@AIGWD@", "@ENVIRONMENT@", "@PORT@", "@CONTROL@", "@LABEL@", "@USER@", "@HOME@"] {
        assert!(!text.contains(place), "{text}");
    }
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).unwrap();
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("version")), ("plist", Some("1.0")));
    let mut seen = Vec::new();
    walk(elements(root).next().unwrap(), "", &mut seen);
    seen
}

fn written(steps: &[Step]) -> String {
    let text = steps.iter().find_map(|step| match step {
        Step::Write { content, .. } => Some(String::from_utf8(content.0.clone()).unwrap()),
        _ => None,
    });
    text.unwrap()
}

#[test]
fn property_lists_have_known_keys_of_the_right_types() {
    for place in [place(Manager::Launchd), odd(Manager::Launchd)] {
        let agent = plist(&written(&place.install()));
        for key in
            ["Label", "Sockets/tools/SockServiceName", "Sockets/control/SockPathMode", "KeepAlive/Crashed"]
        {
            assert!(agent.iter().any(|seen| seen == key), "{key}");
        }
        assert!(!agent.contains(&"UserName".to_owned()));
    }
    let host = Host {
        manager: Manager::Launchd,
        user: "ada".into(),
        aigwd: "/opt/<a>&b".into(),
        port: 2449,
        has_others: false,
    };
    let daemon = plist(&written(&host.install().unwrap()));
    assert!(daemon.contains(&"UserName".to_owned()) && !daemon.contains(&"Sockets".to_owned()), "{daemon:?}");
}

#[test]
fn octal_modes_are_decimal_in_a_property_list() {
    let text = written(&place(Manager::Launchd).install());
    let after = |key: &str| {
        text.split(&format!("<key>{key}</key>")).nth(1).unwrap().split(['<', '>']).nth(2).unwrap()
    };
    assert_eq!(after("SockPathMode").parse::<u32>().unwrap(), 0o600);
    assert_eq!(after("Umask").parse::<u32>().unwrap(), 0o077);
}

// -- the task ---------------------------------------------------------------------------------------------------------

/// Children in the order that the schema of tasks wants, version 1.2 (MS-TSCH 2.5). A sequence is one in that schema.
const SEQUENCES: [(&str, &[&str]); 5] = [
    ("Task", &["RegistrationInfo", "Triggers", "Principals", "Settings", "Data", "Actions"]),
    (
        "LogonTrigger",
        &["Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", "UserId", "Delay"],
    ),
    ("Principal", &["UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"]),
    ("RestartOnFailure", &["Interval", "Count"]),
    ("Exec", &["Command", "Arguments", "WorkingDirectory"]),
];
/// Those of `Settings` may come in any order.
const SETTINGS: [&str; 5] = [
    "MultipleInstancesPolicy",
    "DisallowStartIfOnBatteries",
    "StopIfGoingOnBatteries",
    "ExecutionTimeLimit",
    "RestartOnFailure",
];

#[test]
fn the_task_is_well_formed_and_in_the_order_of_its_schema() {
    for place in [place(Manager::TaskScheduler), odd(Manager::TaskScheduler)] {
        let text = written(&place.install());
        let document = Document::parse(&text).unwrap();
        let space = "http://schemas.microsoft.com/windows/2004/02/mit/task";
        assert!(
            document
                .descendants()
                .filter(Node::is_element)
                .all(|it| it.tag_name().namespace() == Some(space))
        );
        for (parent, order) in SEQUENCES {
            let node = document.descendants().find(|node| node.tag_name().name() == parent).expect(parent);
            let places: Vec<_> = elements(node)
                .map(|child| order.iter().position(|name| *name == child.tag_name().name()))
                .map(|place| place.unwrap_or_else(|| panic!("a child that {parent} does not know")))
                .collect();
            assert!(places.is_sorted(), "{parent}: {places:?}");
        }
        let settings = document.descendants().find(|node| node.tag_name().name() == "Settings").unwrap();
        assert!(elements(settings).all(|child| SETTINGS.contains(&child.tag_name().name())));
        // Without it the task would be everybody's, which takes an administrator.
        let named = |node: &Node| node.tag_name().name() == "UserId" && node.text() == Some(&place.user);
        assert_eq!(document.descendants().filter(named).count(), 2);
        let arguments = document.descendants().find(|node| node.tag_name().name() == "Arguments").unwrap();
        let aigwd = place.aigwd.to_string_lossy();
        let begin = format!("--headless \"{aigwd}\" run");
        assert!(arguments.text().unwrap().starts_with(&begin), "{:?}", arguments.text());
    }
}

// -- what managers say ------------------------------------------------------------------------------------------------

#[test]
fn what_systemd_and_launchd_say_is_read() {
    let said = "NRestarts=0\nId=aigwd.socket\nActiveState=active\nUnitFileState=enabled\n\n\
                NRestarts=3\nId=aigwd.service\nActiveState=failed\nUnitFileState=enabled\n";
    let meant = State { enabled: true, words: "failed".into(), restarts: Some(3), listens: true };
    assert_eq!(systemd::read(said), meant);
    assert_eq!(systemd::read(""), State::default());
    let said = "gui/501/dev.aigw.aigwd = {\n\tactive count = 1\n\tstate = running\n\tpid = 77\n}\n";
    assert_eq!(launchd::read(said).words, "running");
}
