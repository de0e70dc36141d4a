//! The log's own files: the newest takes lines up to a size, then becomes `.1`, and the older ones move on. Whatever the disk
//! does, a line that cannot be written is dropped and the daemon goes on.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// So many older files are kept.
const OLDER: u32 = 4;

/// A file that is replaced when it is full.
pub struct Rotated {
    path: PathBuf,
    /// In bytes.
    limit: u64,
    open: Option<File>,
}

impl Rotated {
    /// It is opened with the first line. No file becomes larger than `limit` bytes, unless a single line is.
    pub fn new(path: &Path, limit: u64) -> Self {
        Self { path: path.to_owned(), limit, open: None }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.opened()?,
        };
        if self.is_full(&file, line)? {
            // A daemon that only finishes writes to the same files as its successor, and either may have moved this one on.
            drop(file);
            file = self.opened()?;
            if self.is_full(&file, line)? {
                drop(file);
                self.move_on()?;
                file = self.opened()?;
            }
        }
        self.open.insert(file).write_all(line)
    }

    fn is_full(&self, file: &File, line: &[u8]) -> io::Result<bool> {
        let written = file.metadata()?.len();
        Ok(written != 0 && written + line.len() as u64 > self.limit)
    }

    fn opened(&self) -> io::Result<File> {
        // Our umask makes it private.
        File::options().create(true).append(true).open(&self.path)
    }

    fn move_on(&self) -> io::Result<()> {
        for number in (1..OLDER).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.older(1))
    }

    /// `aigwd.log.1` is the youngest of them.
    fn older(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Write for Rotated {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The next line opens the file anew.
        if self.append(line).is_err() {
            self.open = None;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(log: &mut Rotated, line: &str) {
        log.write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn files_are_full_and_few() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = Rotated::new(&path, 20);
        for number in 0..40 {
            write(&mut log, &format!("line {number:03}\n"));
        }
        // Another start goes on where this one ended.
        drop(log);
        let mut log = Rotated::new(&path, 20);
        write(&mut log, "line 040\n");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("log"), "line 040\n");
        assert_eq!(read("log.1"), "line 038\nline 039\n");
        assert_eq!(read("log.4"), "line 032\nline 033\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        write(&mut log, &"long ".repeat(10));
        write(&mut log, "short\n");
        assert_eq!((read("log").as_str(), read("log.1").len()), ("short\n", 50));
    }

    #[test]
    fn two_that_write_lose_nothing_to_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut two = [Rotated::new(&path, 40), Rotated::new(&path, 40)];
        for number in 0..20 {
            write(&mut two[number % 2], &format!("line {number:03}\n"));
        }
        let names = ["log.4", "log.3", "log.2", "log.1", "log"];
        let all: String = names.map(|name| fs::read_to_string(folder.path().join(name)).unwrap()).concat();
        assert_eq!(all.lines().count(), 20, "{all}");
        assert!(names.iter().all(|name| fs::metadata(folder.path().join(name)).unwrap().len() <= 40));
    }

    #[test]
    fn what_cannot_be_written_is_dropped_and_the_rest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/log");
        let mut log = Rotated::new(&path, 20);
        write(&mut log, "dropped\n");
        fs::create_dir(folder.path().join("gone")).unwrap();
        write(&mut log, "kept\n");
        write(&mut log, "kept, and full\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept\nkept, and full\n");
        // A folder in the way of the oldest: the newest stays as it is, and does not grow.
        fs::create_dir_all(folder.path().join("gone/log.4/full")).unwrap();
        fs::write(folder.path().join("gone/log.3"), "old").unwrap();
        for _ in 0..9 {
            write(&mut log, "more than fits\n");
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), 20);
        fs::remove_dir_all(folder.path().join("gone/log.4")).unwrap();
        write(&mut log, "more than fits\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "more than fits\n");
    }
}
