//! What Windows says of users and rights. The only calls for it are C's: all of those that this crate makes about
//! users stand here.
#![expect(unsafe_code, reason = "Windows tells of users and rights through C functions only")]

use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use widestring::{U16CStr, U16CString};
use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT, SE_KERNEL_OBJECT, SE_OBJECT_TYPE, SE_REGISTRY_KEY,
    SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, GetTokenInformation,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, TOKEN_QUERY,
    TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION,
    QueryFullProcessImageNameW,
};

/// What is asked of a thing: whose it is, and who may use it.
const ASKED: u32 = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

/// The user of this process, spelled as in what [`of_file`] and the others return.
pub(crate) fn me() -> io::Result<String> {
    // Some users have two letters there: `LA` for the first administrator.
    let descriptor = parse(&format!("O:{}", sid_of_this_process()?))?;
    let text = text_of(descriptor.0)?;
    Ok(text.trim_start_matches("O:").to_owned())
}

/// The number of the user of this process: `S-1-5-21-…`.
///
/// # Errors
/// When the system does not tell.
pub fn user() -> io::Result<String> {
    sid_of_this_process()
}

/// Whether a process runs as the user of this one. One that cannot be looked at does not.
pub fn is_ours(process: u32) -> bool {
    let theirs = open(process).and_then(|process| sid_of(process.as_raw_handle()));
    theirs.is_ok_and(|theirs| sid_of_this_process().is_ok_and(|ours| ours == theirs))
}

/// The file name of a process's program, if it can be looked at.
pub fn name_of(process: u32) -> Option<String> {
    let process = open(process).ok()?;
    let mut text = [0u16; 1024];
    let mut length = text.len() as u32;
    // SAFETY: the buffer is as long as `length` says; the handle is open.
    let done = unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            PROCESS_NAME_WIN32,
            text.as_mut_ptr(),
            &mut length,
        )
    };
    let path = String::from_utf16_lossy(text.get(..length as usize).filter(|_| done != 0)?);
    Some(path.rsplit('\\').next()?.to_owned())
}

/// Owner and rights of a file or folder.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    named(path, SE_FILE_OBJECT)
}

/// Those of a registry key: `MACHINE\SOFTWARE\Policies\aigw`.
pub(crate) fn of_registry(key: &str) -> io::Result<String> {
    named(Path::new(key), SE_REGISTRY_KEY)
}

/// Those of an open pipe.
pub(crate) fn of_handle(handle: BorrowedHandle<'_>) -> io::Result<String> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the handle is open; what is not asked for may be null.
    let code = unsafe {
        GetSecurityInfo(
            handle.as_raw_handle(),
            SE_KERNEL_OBJECT,
            ASKED,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &mut descriptor,
        )
    };
    taken(code, descriptor)
}

/// Replaces the rights of a folder, of what is in it, and of what will be, by these.
pub(crate) fn close_folder(path: &Path, sddl: &str) -> io::Result<()> {
    let descriptor = parse(sddl)?;
    let (mut present, mut list, mut by_default) = (0, null_mut::<ACL>(), 0);
    // SAFETY: the descriptor was made by the system, and lives until the end of this function, as the list in it does.
    let found = unsafe { GetSecurityDescriptorDacl(descriptor.0, &mut present, &mut list, &mut by_default) };
    if found == 0 || present == 0 || list.is_null() {
        return Err(io::Error::other("no list of rights"));
    }
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    let path = wide(path)?;
    // SAFETY: the path ends with a zero; `list` is valid, see above; what is not set may be null.
    let code = unsafe {
        SetNamedSecurityInfoW(path.as_ptr(), SE_FILE_OBJECT, what, null_mut(), null_mut(), list, null())
    };
    ok(code)
}

fn named(name: &Path, kind: SE_OBJECT_TYPE) -> io::Result<String> {
    let name = wide(name)?;
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the name ends with a zero; what is not asked for may be null.
    let code = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            kind,
            ASKED,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &mut descriptor,
        )
    };
    taken(code, descriptor)
}

fn taken(code: u32, descriptor: PSECURITY_DESCRIPTOR) -> io::Result<String> {
    let descriptor = Local(descriptor);
    ok(code)?;
    text_of(descriptor.0)
}

fn ok(code: u32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code.cast_signed())) }
}

/// Memory that the system gave, and takes back.
struct Local(*mut std::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a function that says to free it so, and nobody else does; null is nothing.
        unsafe { LocalFree(self.0) };
    }
}

fn parse(sddl: &str) -> io::Result<Local> {
    let text = U16CString::from_str(sddl).map_err(io::Error::other)?;
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the text ends with a zero; the length is not asked for.
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &mut descriptor,
            null_mut(),
        )
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(Local(descriptor)) }
}

fn text_of(descriptor: PSECURITY_DESCRIPTOR) -> io::Result<String> {
    let mut text: *mut u16 = null_mut();
    // SAFETY: the descriptor is one of the system's; the length is not asked for.
    let done = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            ASKED,
            &mut text,
            null_mut(),
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    string(text)
}

/// Takes over a text of the system's.
fn string(text: *mut u16) -> io::Result<String> {
    let owned = Local(text.cast());
    // SAFETY: the system returned it as a text that ends with a zero; it is freed after this.
    let text = unsafe { U16CStr::from_ptr_str(owned.0.cast()) };
    text.to_string().map_err(io::Error::other)
}

fn open(process: u32) -> io::Result<OwnedHandle> {
    // SAFETY: takes numbers only.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    owned(handle)
}

fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just opened it for us.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn sid_of_this_process() -> io::Result<String> {
    // SAFETY: returns a constant that stands for this process, and need not be closed.
    sid_of(unsafe { GetCurrentProcess() })
}

fn sid_of(process: HANDLE) -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the handle is open, or stands for this process.
    if unsafe { OpenProcessToken(process, TOKEN_QUERY, &mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let token = owned(token)?;
    // As aligned as a `TOKEN_USER` needs it. A SID has at most 68 bytes.
    let mut answer = [0u64; 32];
    let mut length = 0;
    let size = size_of_val(&answer) as u32;
    // SAFETY: the buffer is as long as `size` says.
    let done = unsafe {
        GetTokenInformation(token.as_raw_handle(), TokenUser, answer.as_mut_ptr().cast(), size, &mut length)
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut text: *mut u16 = null_mut();
    // SAFETY: the system has put a `TOKEN_USER` there, whose SID lies in the same buffer.
    let done = unsafe {
        let user = answer.as_ptr().cast::<TOKEN_USER>();
        ConvertSidToStringSidW((*user).User.Sid, &mut text)
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { string(text) }
}

fn wide(path: &Path) -> io::Result<U16CString> {
    U16CString::from_vec(path.as_os_str().encode_wide().collect::<Vec<_>>()).map_err(io::Error::other)
}
