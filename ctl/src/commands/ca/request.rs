//! `ca request`: what a company's CA is asked to sign.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::CaAction;
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, Output};

#[derive(Serialize)]
struct Requested {
    request_pem: String,
    permitted: Vec<String>,
}

impl Answer for Requested {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        write!(to, "{}", self.request_pem)
    }
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Ca(CaAction::Request)).await? {
        Response::CaRequest(request) => {
            output.show(&Requested { request_pem: request.pem, permitted: request.permitted })?;
            if !output.is_json() {
                output.note(
                    "The key stays with aigwd. The company's CA must sign with the extensions of the request;\n\
                     then: aigwctl ca import chain.pem",
                );
            }
            Ok(())
        }
        _ => Err(daemon::unexpected()),
    }
}
