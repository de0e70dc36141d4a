//! Door 2: requests of tools that were given us as their proxy. It tells who may come in; what it leads to does not
//! exist yet.

use aigw_shared::fault::{Fault, Kind};
use http::Response;

use crate::pipeline::admit::{self, Rules};
use crate::pipeline::body::Answer;
use crate::pipeline::inbound::Inbound;

/// Says why a request stops here.
pub fn request(mut inbound: Inbound, rules: &Rules<'_>) -> Result<Response<Answer>, Fault> {
    admit::proxy(&inbound.parts)?;
    admit::caller(&mut inbound.parts, inbound.caller.owner, rules, Kind::ProxyKeyMissing)?;
    Err(Fault::new(Kind::ProxyUnavailable, "this version of aigwd is no proxy yet"))
}
