//! Windows: whatever the console and the session's end say, stops.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff,
    ctrl_shutdown,
};

use super::Asked;

/// The signals, as a stream.
pub struct Signals {
    interrupt: CtrlC,
    /// What reaches a process group of its own, as ours is when `aigwctl start` has made it.
    interrupt_group: CtrlBreak,
    /// The window was closed, the user has logged off, the machine goes down: Windows ends us some seconds later.
    closed: CtrlClose,
    logged_off: CtrlLogoff,
    shutdown: CtrlShutdown,
}

impl Signals {
    /// Takes the signals over from their default effect.
    ///
    /// # Errors
    /// When the system has no more room for handlers.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            interrupt_group: ctrl_break()?,
            closed: ctrl_close()?,
            logged_off: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.interrupt_group.recv() => {}
            _ = self.closed.recv() => {}
            _ = self.logged_off.recv() => {}
            _ = self.shutdown.recv() => {}
        }
        Asked::Stop
    }
}
