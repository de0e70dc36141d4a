//! Unix: a socket pair, of which the successor gets one end as its standard input. File descriptors travel on it (`SCM_RIGHTS`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, PipeWriter, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use aigw_shared::os::socket::{Adopted, Handle};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// So many descriptors travel at once; Linux takes 253.
const AT_ONCE: usize = 100;
/// Length of what follows, and whether it is the end of the message: two little-endian numbers.
const HEAD: usize = 8;
/// Longer is no message of ours.
const LONGEST: usize = 64 * 1024 * 1024;
/// What a service manager has said of another process than the successor.
const NOT_FOR_IT: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

/// One end of the link. Messages are sent and received one at a time.
pub struct Link(Mutex<UnixStream>);

impl Link {
    /// Sends words, and handles with them.
    pub async fn send(&self, words: &[u8], handles: &[Handle]) -> io::Result<()> {
        let mut stream = self.0.lock().await;
        for some in handles.chunks(AT_ONCE) {
            send_head(&stream, 0, false, some).await?;
        }
        send_head(&stream, words.len(), true, &[]).await?;
        stream.write_all(words).await
    }

    /// Receives the next message. An error of the kind `UnexpectedEof` when the other side has ended.
    pub async fn receive(&self) -> io::Result<(Vec<u8>, Vec<Handle>)> {
        let mut stream = self.0.lock().await;
        let mut handles = Vec::new();
        loop {
            let (length, last) = receive_head(&mut stream, &mut handles).await?;
            if !last {
                continue;
            }
            if length > LONGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut words = vec![0; length];
            stream.read_exact(&mut words).await?;
            return Ok((words, handles));
        }
    }

    /// A handle of this end, for somebody else who wants to know when the other side ends.
    pub fn handle(&self) -> io::Result<Handle> {
        self.0.try_lock().map_err(io::Error::other)?.as_fd().try_clone_to_owned()
    }

    /// The link of a handle.
    pub fn of(handle: Handle) -> io::Result<Self> {
        let stream = StdStream::from(handle);
        stream.set_nonblocking(true)?;
        Ok(Self(Mutex::new(UnixStream::from_std(stream)?)))
    }
}

async fn send_head(stream: &UnixStream, length: usize, last: bool, handles: &[Handle]) -> io::Result<()> {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
    head[4..].copy_from_slice(&u32::from(last).to_le_bytes());
    let borrowed: Vec<_> = handles.iter().map(AsFd::as_fd).collect();
    stream
        .async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !borrowed.is_empty() {
                ancillary.push(SendAncillaryMessage::ScmRights(&borrowed));
            }
            // Eight bytes go as a whole or not at all.
            sendmsg(stream, &[IoSlice::new(&head)], &mut ancillary, SendFlags::empty())?;
            Ok(())
        })
        .await
}

async fn receive_head(stream: &mut UnixStream, handles: &mut Vec<Handle>) -> io::Result<(usize, bool)> {
    let mut head = [0; HEAD];
    let had = stream
        .async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let into = &mut [IoSliceMut::new(&mut head)];
            let received = recvmsg(&*stream, into, &mut ancillary, RecvFlags::empty())?;
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    handles.extend(descriptors);
                }
            }
            Ok(received.bytes)
        })
        .await?;
    if had == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stream.read_exact(&mut head[had..]).await?;
    // Not every system closes them to the programs that we run by itself.
    handles.iter().try_for_each(|handle| fcntl_setfd(handle, FdFlags::CLOEXEC))?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Ok((usize::try_from(number(0)).unwrap_or(usize::MAX), number(4) == 1))
}

/// It is no child of ours but of whoever started us, or adopts us: a service manager that is told of a main process which is
/// not its child kills it at once where it would wait for one to end (systemd's `service_enter_signal`).
pub(super) fn start(program: &Path, words: impl Iterator<Item = OsString>) -> io::Result<(Link, u32)> {
    let (ours, theirs) = StdStream::pair()?;
    let (mut told, tells) = io::pipe()?;
    let mut command = Command::new(program);
    for name in NOT_FOR_IT {
        command.env_remove(name);
    }
    // Its output goes where ours does.
    command.args(words).stdin(Stdio::from(OwnedFd::from(theirs))).process_group(0);
    adopted(&mut command, tells);
    let between = command.spawn();
    // Our end of what it writes to goes with it.
    drop(command);
    between?.wait()?;
    let mut pid = [0; 4];
    told.read_exact(&mut pid)?;
    Ok((Link::of(ours.into())?, u32::from_ne_bytes(pid)))
}

/// Has the command run in a child of the process that is made for it, which ends and leaves that child to others.
#[expect(unsafe_code, reason = "no safe call makes a process that is not a child")]
fn adopted(command: &mut Command, tells: PipeWriter) {
    let between = move || {
        // SAFETY: this process has one thread, and what follows in either uses neither memory nor locks of the others.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(()),
            pid => {
                // Who cannot read it says so.
                let _ = rustix::io::write(&tells, &pid.to_ne_bytes());
                // SAFETY: it only ends the process.
                unsafe { libc::_exit(0) }
            }
        }
    };
    // SAFETY: as above; between a fork and what it runs, nothing else is allowed.
    unsafe { command.pre_exec(between) };
}

pub(super) fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // It may have ended.
    let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
}

pub(super) fn inherited() -> io::Result<Link> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let input = File::from(input);
    if !input.metadata()?.file_type().is_socket() {
        return Err(io::Error::other("it is for an aigwd that hands over, and nobody else"));
    }
    // It stays the standard input, too, which no program that we run ourselves gets.
    Link::of(input.into())
}

pub(super) fn check(program: &Path) -> io::Result<()> {
    if !program.is_absolute() {
        return Err(io::Error::other("it is no absolute path"));
    }
    let file = std::fs::metadata(program)?;
    let us = rustix::process::geteuid().as_raw();
    let mode = file.mode();
    if !file.is_file() || mode & 0o111 == 0 {
        return Err(io::Error::other("it is no program"));
    }
    if ![us, 0].contains(&file.uid()) {
        return Err(io::Error::other(format!("it belongs to user {}", file.uid())));
    }
    if mode & 0o022 != 0 {
        return Err(io::Error::other(format!("others may write it: its mode is {:03o}", mode & 0o777)));
    }
    Ok(())
}

pub(super) fn of_tcp(listener: &tokio::net::TcpListener) -> io::Result<Handle> {
    listener.as_fd().try_clone_to_owned()
}

pub(super) fn of_file(file: &File) -> io::Result<Handle> {
    file.as_fd().try_clone_to_owned()
}

pub(super) fn again(handle: &Handle) -> io::Result<Handle> {
    handle.try_clone()
}

pub(super) fn tcp(handle: Handle) -> io::Result<std::net::TcpListener> {
    Ok(handle.into())
}

pub(super) fn control(handle: Handle) -> io::Result<Adopted> {
    Adopted::new(handle.into())
}

pub(super) fn file(handle: Handle, place: &Path) -> io::Result<File> {
    let file = File::from(handle);
    let (ours, theirs) = (std::fs::metadata(place)?, file.metadata()?);
    if (ours.dev(), ours.ino()) != (theirs.dev(), theirs.ino()) {
        return Err(io::Error::other(format!("it is not {}", place.display())));
    }
    Ok(file)
}
