//! The files of this user's processes, through `proc_pidfdinfo`. Those of others cannot be looked at.

use std::cmp::Reverse;
use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use libproc::libproc::bsd_info::BSDInfo;
use libproc::libproc::file_info::{ListFDs, ProcFDType, pidfdinfo};
use libproc::libproc::net_info::{InSIAddr, SocketFDInfo, SocketInfo, SocketInfoKind, TcpSIState};
use libproc::libproc::proc_pid::{self, listpidinfo, pidinfo};
use libproc::processes::{ProcFilter, pids_by_type};

use super::Socket;

/// Bit of `insi_vflag`: the connection is one of IPv4, also on a socket of IPv6.
const IS_V4: u8 = 1;

/// A search through all processes costs milliseconds. So whoever was found last is asked first, for a tool opens many
/// connections; then the youngest.
pub(super) fn first(wanted: &dyn Fn(&Socket) -> bool) -> Option<Socket> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let pids = iter::once(LAST.load(Ordering::Relaxed)).chain(iter::once_with(ours).flatten());
    // It may have become another user's process of the same number.
    let found = pids.filter(|pid| is_ours(*pid)).find_map(|pid| of(pid).into_iter().find(wanted))?;
    LAST.store(found.process, Ordering::Relaxed);
    Some(found)
}

pub(super) fn all(wanted: &dyn Fn(&Socket) -> bool) -> Vec<Socket> {
    ours().into_iter().flat_map(of).filter(wanted).collect()
}

pub(super) fn is_ours(process: u32) -> bool {
    let us = rustix::process::geteuid().as_raw();
    pid(process).and_then(|pid| pidinfo::<BSDInfo>(pid, 0).ok()).is_some_and(|info| info.pbi_uid == us)
}

pub(super) fn name_of(process: u32) -> Option<String> {
    proc_pid::name(pid(process)?).ok()
}

fn pid(process: u32) -> Option<i32> {
    i32::try_from(process).ok().filter(|pid| *pid > 0)
}

/// The youngest first, as far as numbers tell.
fn ours() -> Vec<u32> {
    let us = rustix::process::geteuid().as_raw();
    let mut pids = pids_by_type(ProcFilter::ByUID { uid: us }).unwrap_or_default();
    pids.sort_unstable_by_key(|pid| Reverse(*pid));
    pids
}

fn of(process: u32) -> Vec<Socket> {
    let look = || {
        let pid = pid(process)?;
        let room = pidinfo::<BSDInfo>(pid, 0).ok()?.pbi_nfiles as usize + 16;
        let files = listpidinfo::<ListFDs>(pid, room).ok()?;
        let sockets = files.into_iter().filter(|file| matches!(file.proc_fdtype.into(), ProcFDType::Socket));
        let info = move |fd| pidfdinfo::<SocketFDInfo>(pid, fd).ok();
        Some(sockets.filter_map(move |file| socket(&info(file.proc_fd)?.psi, process)).collect())
    };
    look().unwrap_or_default()
}

#[expect(
    unsafe_code,
    reason = "a kind says which field of a union holds; the crate leaves that to its users"
)]
fn socket(info: &SocketInfo, process: u32) -> Option<Socket> {
    if !matches!(info.soi_kind.into(), SocketInfoKind::Tcp) {
        return None;
    }
    // SAFETY: of this kind; all fields of the union are plain numbers.
    let tcp = unsafe { info.soi_proto.pri_tcp };
    let (end, is_v4) = (tcp.tcpsi_ini, tcp.tcpsi_ini.insi_vflag & IS_V4 != 0);
    let address = |address: InSIAddr| {
        // SAFETY: the flag says which of the two it is; both are plain numbers.
        let ip = unsafe {
            if is_v4 {
                IpAddr::from(Ipv4Addr::from(address.ina_46.i46a_addr4.s_addr.to_ne_bytes()))
            } else {
                IpAddr::from(Ipv6Addr::from(address.ina_6.s6_addr))
            }
        };
        ip.to_canonical()
    };
    // In network order, in the lower half.
    let port = |port: i32| u16::from_be(port as u16);
    let listens = matches!(tcp.tcpsi_state.into(), TcpSIState::Listen);
    let remote = (!listens).then(|| SocketAddr::new(address(end.insi_faddr), port(end.insi_fport)));
    Some(Socket { local: SocketAddr::new(address(end.insi_laddr), port(end.insi_lport)), remote, process })
}
