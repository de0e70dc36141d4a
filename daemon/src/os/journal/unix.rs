//! systemd: `JOURNAL_STREAM` names the device and the inode of the stream that it made (systemd.exec(5)). A shell may have
//! inherited it and lead standard error elsewhere, so both are compared.

pub(super) fn has_stderr() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|stream| named == format!("{}:{}", stream.st_dev, stream.st_ino))
}
