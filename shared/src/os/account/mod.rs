//! Who runs a process and may use what it makes, on Windows: users have no numbers there, and files no modes. What
//! the system says is text (SDDL), so that any system can test what is made of it.

#[cfg(any(windows, test))]
mod rules;
#[cfg(windows)]
mod windows;

#[cfg(windows)]
pub(crate) use rules::{closed, managed, owned_by, private_folder, private_pipe};
#[cfg(windows)]
pub(crate) use windows::{close_folder, me, of_file, of_handle, of_registry};
#[cfg(windows)]
pub use windows::{is_ours, name_of, user};
