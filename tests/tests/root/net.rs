//! Networks that nobody else sees, and cables between them.

use std::fs;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use aigw_tests::eventually::eventually;
use aigw_tests::machine::told;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace. It goes with the process that holds it.
pub struct Net(Child);

impl Net {
    pub fn new() -> Self {
        let mut holder = Command::new("unshare");
        holder.args(["-n", "setpriv", "--pdeathsig", "KILL", "sleep", "infinity"]).stdin(Stdio::null());
        let net = Self(holder.spawn().unwrap());
        let own = fs::read_link("/proc/thread-self/ns/net").unwrap();
        eventually("the namespace is there", || {
            let theirs = fs::read_link(format!("/proc/{}/ns/net", net.0.id())).ok()?;
            let name = fs::read_to_string(format!("/proc/{}/comm", net.0.id())).ok()?;
            (theirs != own && name.trim() == "sleep").then_some(())
        });
        net.ip("link set lo up");
        net
    }

    /// Takes this thread there: the sockets that it makes, and the programs that it starts, are of that network.
    pub fn enter(&self) {
        let file = fs::File::open(format!("/proc/{}/ns/net", self.0.id())).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// `ip` with these words.
    pub fn ip(&self, words: &str) {
        let mut command = Command::new("nsenter");
        let output = command
            .args(["-n", "-t", &self.0.id().to_string(), "ip"])
            .args(words.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "ip {words}: {}", told(&output));
    }

    /// A cable between two of them, in the network `10.9.CABLE.0/24`: ours is 2, the other's is 1.
    pub fn plug(&self, other: &Net, cable: u8) {
        let pid = other.0.id();
        self.ip(&format!("link add c{cable} type veth peer name c{cable} netns {pid}"));
        for (net, host) in [(self, 2), (other, 1)] {
            net.ip(&format!("addr add 10.9.{cable}.{host}/24 dev c{cable}"));
            net.ip(&format!("link set c{cable} up"));
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
