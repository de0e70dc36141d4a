//! The greeting: twelve bytes that are the same in every version there will ever be.

/// The newest version of the conversation that this build speaks.
pub const NEWEST: u16 = 1;
/// The oldest one it still speaks.
pub const OLDEST: u16 = 1;
/// Length of a greeting in bytes.
pub const LEN: usize = 12;

const MAGIC: [u8; 4] = *b"AIGW";

/// One side's greeting: `AIGW`, newest and oldest version as little-endian u16, four bytes zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Newest version spoken.
    pub newest: u16,
    /// Oldest version spoken.
    pub oldest: u16,
}

impl Hello {
    /// What this build says.
    pub const OURS: Self = Self { newest: NEWEST, oldest: OLDEST };

    /// The bytes on the wire.
    pub fn encode(self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&self.newest.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.oldest.to_le_bytes());
        bytes
    }

    /// Reads the other side's. `None` when it is no greeting of ours; the last four bytes are left for later use and
    /// not looked at.
    pub fn decode(bytes: [u8; LEN]) -> Option<Self> {
        let hello = Self {
            newest: u16::from_le_bytes([bytes[4], bytes[5]]),
            oldest: u16::from_le_bytes([bytes[6], bytes[7]]),
        };
        (bytes[..4] == MAGIC && hello.oldest <= hello.newest).then_some(hello)
    }

    /// The version to speak with the other side, if there is one in common.
    pub fn common(self, theirs: Self) -> Option<u16> {
        let version = self.newest.min(theirs.newest);
        (version >= self.oldest.max(theirs.oldest)).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_never_change() {
        let hello = Hello { newest: 3, oldest: 2 };
        assert_eq!(hello.encode(), *b"AIGW\x03\0\x02\0\0\0\0\0");
        assert_eq!(Hello::decode(hello.encode()), Some(hello));
        assert_eq!(Hello::decode(*b"HTTP\x03\0\x02\0\0\0\0\0"), None);
        assert_eq!(Hello::decode(*b"AIGW\x01\0\x02\0\0\0\0\0"), None);
    }

    #[test]
    fn the_lower_newest_is_spoken_unless_too_old() {
        let v = |oldest, newest| Hello { newest, oldest };
        assert_eq!(v(1, 3).common(v(2, 5)), Some(3));
        assert_eq!(v(1, 1).common(v(2, 5)), None);
        assert_eq!(v(4, 5).common(v(1, 3)), None);
    }
}
