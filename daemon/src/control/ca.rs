//! What is asked about this machine's CA.

use std::sync::Arc;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::message::Response;
use aigw_shared::ipc::payload::CaAction;

use crate::app::App;

/// The answer to one action.
pub async fn to(_app: &Arc<App>, _action: CaAction) -> Result<Response, Fault> {
    Err(Fault::new(Kind::Impossible, "not yet"))
}
