//! Calls and their results, brought together: Google's clients leave ids out, change them between requests, and leave
//! calls without an answer when the user stops a turn. Providers want an answer for each, in the turn that follows.

use super::calls::{made_up, safe};
use super::request::Purpose;
use super::turns::{Piece, Raw};
use crate::translate::Refused;
use crate::translate::conversation::{Call, CallResult, Part, Role, Turn};

/// Said for a call that nobody answered.
const CANCELLED: &str = "The call was cancelled.";

/// A call that waits for its result.
struct Open {
    id: String,
    name: String,
}

/// The turns with ids everywhere, results first in each turn of the user.
///
/// # Errors
/// A result without a call, unless tokens are only counted.
pub fn settle(raw: Vec<Raw>, purpose: Purpose) -> Result<Vec<Turn>, Refused> {
    let mut turns: Vec<Turn> = Vec::with_capacity(raw.len() + 1);
    let mut open: Vec<Open> = Vec::new();
    for (index, turn) in raw.into_iter().enumerate() {
        match turn.role {
            Role::Model => turns.push(calls(turn.pieces, index, &mut open)?),
            Role::User => turns.push(results(turn.pieces, &mut open, purpose)?),
        }
    }
    if !open.is_empty() {
        let parts = open.drain(..).map(cancelled).collect();
        turns.push(Turn { role: Role::User, parts });
    }
    turns.retain(|turn| !turn.parts.is_empty());
    Ok(turns)
}

fn calls(pieces: Vec<Piece>, turn: usize, open: &mut Vec<Open>) -> Result<Turn, Refused> {
    let mut parts = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.into_iter().enumerate() {
        match piece {
            Piece::Call { id, name, arguments, thoughts } => {
                if !thoughts.is_empty() {
                    parts.push(Part::Thoughts(thoughts));
                }
                let id = id.map_or_else(|| made_up(turn, index, &name), |id| safe(&id));
                open.push(Open { id: id.clone(), name: name.clone() });
                parts.push(Part::Call(Call { id, name, arguments }));
            }
            Piece::Text(text) => parts.push(Part::Text(text)),
            // A model of Google's may have drawn it; no other takes an image as its own words.
            Piece::Media(_) => {
                return Err(Refused(
                    "an image or a document in a turn of the model cannot be carried".into(),
                ));
            }
            Piece::Result { name, .. } => {
                return Err(Refused(format!(
                    "the functionResponse of {name:?} stands in a turn of the model"
                )));
            }
        }
    }
    Ok(Turn { role: Role::Model, parts })
}

fn results(pieces: Vec<Piece>, open: &mut Vec<Open>, purpose: Purpose) -> Result<Turn, Refused> {
    let (mut first, mut after) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Result { id, name, text, media, is_error } => match claim(open, id, &name) {
                Some(id) => first.push(Part::Result(CallResult { id, text, media, is_error })),
                None if purpose == Purpose::Count => {
                    after.extend(Some(text).filter(|text| !text.is_empty()).map(Part::Text));
                    after.extend(media.into_iter().map(Part::Media));
                }
                None => {
                    return Err(Refused(format!("the functionResponse of {name:?} answers no functionCall")));
                }
            },
            Piece::Text(text) => after.push(Part::Text(text)),
            Piece::Media(media) => after.push(Part::Media(media)),
            Piece::Call { name, .. } => {
                return Err(Refused(format!("the functionCall of {name:?} stands in a turn of the user")));
            }
        }
    }
    first.extend(open.drain(..).map(cancelled));
    first.append(&mut after);
    Ok(Turn { role: Role::User, parts: first })
}

/// The call that a result is of: by its id, else the first of that name.
fn claim(open: &mut Vec<Open>, id: Option<String>, name: &str) -> Option<String> {
    let id = id.map(|id| safe(&id));
    let by_id = open.iter().position(|call| Some(&call.id) == id.as_ref());
    let at = by_id.or_else(|| open.iter().position(|call| call.name == name))?;
    Some(open.remove(at).id)
}

fn cancelled(call: Open) -> Part {
    Part::Result(CallResult { id: call.id, text: CANCELLED.to_owned(), media: Vec::new(), is_error: true })
}
