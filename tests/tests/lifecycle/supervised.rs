//! What a service manager does with the daemon: it keeps the sockets and hands them over, is told when it is ready, that it
//! lives and that it stops, and starts the next one on the same sockets.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::Machine;
use aigw_tests::raw::{Raw, get};

/// What systemd has of a user's units: the port, the control socket, and where it listens for news.
struct Manager {
    machine: Machine,
    port: TcpListener,
    control: UnixListener,
    news: UnixDatagram,
}

impl Manager {
    fn new(machine: Machine) -> Self {
        let run = machine.home().join("run");
        std::fs::create_dir(&run).unwrap();
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
        let control = UnixListener::bind(run.join("control.sock")).unwrap();
        std::fs::set_permissions(run.join("control.sock"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let news = UnixDatagram::bind(machine.home().join("news")).unwrap();
        news.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), machine, control, news }
    }

    fn address(&self) -> String {
        self.port.local_addr().unwrap().to_string()
    }

    /// Starts it with the sockets as files 3 and 4, and whatever else it is to find in its environment.
    fn start(&self, port: &dyn Fn() -> OwnedFd, more: &[(&str, &str)]) -> Child {
        let daemon = self.machine.aigwd(&["run"]);
        let mut command = Command::new("sh");
        // The variable names the process, which is the shell's own.
        let script = "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
        command.args(["-c", script, "sh"]).arg(daemon.get_program()).args(daemon.get_args());
        command.env_clear().envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("NOTIFY_SOCKET", self.machine.home().join("news")).envs(more.iter().copied());
        command.stdin(Stdio::from(port())).stdout(OwnedFd::from(self.control.try_clone().unwrap()));
        command.stderr(Stdio::null()).spawn().unwrap()
    }

    fn kept(&self) -> OwnedFd {
        self.port.try_clone().unwrap().into()
    }

    /// The next news of this kind.
    fn hears(&self, what: &str) -> String {
        let mut bytes = [0; 4096];
        for _ in 0..100 {
            let length = self.news.recv(&mut bytes).unwrap();
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.lines().any(|line| line.starts_with(what)) {
                return text;
            }
        }
        panic!("no {what}");
    }
}

fn end(mut daemon: Child) {
    assert!(Command::new("kill").arg(daemon.id().to_string()).status().unwrap().success());
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}

#[test]
fn it_serves_on_the_sockets_that_it_is_handed_and_says_how_it_is() {
    let manager = Manager::new(machine!());
    let daemon = manager.start(&|| manager.kept(), &[("WATCHDOG_USEC", "300000")]);
    let ready = manager.hears("READY=1");
    assert!(ready.contains(&format!("STATUS=listening on {}", manager.address())), "{ready}");
    let status = manager.machine.ask(&["status"]);
    assert_eq!(status["daemon"]["pid"], daemon.id());
    assert_eq!(status["daemon"]["listen"], serde_json::json!([manager.address()]));
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    // A reload is told as one, in the order that `Type=notify-reload` wants.
    assert!(Command::new("kill").args(["-HUP", &daemon.id().to_string()]).status().unwrap().success());
    assert!(manager.hears("RELOADING=1").contains("MONOTONIC_USEC="));
    manager.hears("READY=1");
    assert!(Command::new("kill").arg(daemon.id().to_string()).status().unwrap().success());
    manager.hears("STOPPING=1");
    end(daemon);
    // They are the manager's: nothing of them is taken away.
    assert!(manager.machine.home().join("run/control.sock").exists());
}

#[test]
fn who_connects_while_it_is_away_is_served_by_the_next_one() {
    let manager = Manager::new(machine!());
    let daemon = manager.start(&|| manager.kept(), &[]);
    manager.hears("READY=1");
    end(daemon);
    let mut waits = Raw::connect(&manager.address());
    waits.send(get(&manager.address(), "/healthz", "", &[]));
    let daemon = manager.start(&|| manager.kept(), &[]);
    assert_eq!(waits.answer().status, 200);
    end(daemon);
}

#[test]
fn a_socket_that_other_machines_can_reach_is_refused() {
    let manager = Manager::new(machine!());
    let open = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let mut daemon = manager.start(&|| open.try_clone().unwrap().into(), &[]);
    let code = eventually("it ends", || daemon.try_wait().unwrap()).code();
    assert_eq!(code, Some(64));
}

#[test]
fn another_port_than_the_configured_one_is_a_finding() {
    let mut machine = machine!();
    machine.set("AIGW_LISTEN_PORT", "2449");
    let manager = Manager::new(machine);
    let daemon = manager.start(&|| manager.kept(), &[]);
    manager.hears("READY=1");
    assert_eq!(manager.machine.findings(), ["service-port"]);
    end(daemon);
}
