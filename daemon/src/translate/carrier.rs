//! What a model thought, on its way through a client that keeps only an opaque signature of it: all that the next turn
//! needs is inside. Compact, since it comes back with every later request of the session; in strictly valid base64,
//! since a client drops the whole turn otherwise.

use super::conversation::Thought;
use super::{Origin, Target, base64};

/// Ours, in this form. Other signatures are Google's, or placeholders.
const MAGIC: &[u8] = b"aigw\x01";

/// A signature that holds these thoughts, for the same model of the same provider.
pub fn pack(origin: &Origin, thoughts: &[Thought]) -> String {
    let mut bytes = MAGIC.to_vec();
    bytes.push(target_byte(origin.target));
    put(&mut bytes, &origin.provider);
    put(&mut bytes, &origin.model);
    for thought in thoughts {
        match thought {
            Thought::Signed { text, signature } => {
                bytes.push(b's');
                put(&mut bytes, text);
                put(&mut bytes, signature);
            }
            Thought::Redacted { data } => {
                bytes.push(b'r');
                put(&mut bytes, data);
            }
            Thought::Sealed { summary, content } => {
                bytes.push(b'o');
                put(&mut bytes, content);
                put_length(&mut bytes, summary.len());
                summary.iter().for_each(|text| put(&mut bytes, text));
            }
        }
    }
    base64::encode(&bytes)
}

/// The thoughts in a signature, if it is one of ours for this origin.
pub fn unpack(origin: &Origin, signature: &str) -> Option<Vec<Thought>> {
    let bytes = base64::decode(signature)?;
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let rest = &mut rest;
    let ours = byte(rest)? == target_byte(origin.target)
        && take(rest)? == origin.provider
        && take(rest)? == origin.model;
    if !ours {
        return None;
    }
    let mut thoughts = Vec::new();
    while !rest.is_empty() {
        thoughts.push(match byte(rest)? {
            b's' => Thought::Signed { text: take(rest)?, signature: take(rest)? },
            b'r' => Thought::Redacted { data: take(rest)? },
            b'o' => {
                let content = take(rest)?;
                let count = take_length(rest)?;
                Thought::Sealed { summary: (0..count).map(|_| take(rest)).collect::<Option<_>>()?, content }
            }
            _ => return None,
        });
    }
    Some(thoughts)
}

fn target_byte(target: Target) -> u8 {
    match target {
        Target::Anthropic => b'A',
        Target::Responses => b'R',
    }
}

/// Its length in groups of seven bits, the lowest first, then the text.
fn put(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let mut length = 0usize;
    for shift in (0..35).step_by(7) {
        let next = byte(rest)?;
        length |= usize::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

fn take(rest: &mut &[u8]) -> Option<String> {
    let length = take_length(rest)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}
