//! Who pays: what the daemon has to let through so that a plan of the user's own can, and the way back.

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{GatewayChange, ProviderPays};

use super::choice::Choice;
use crate::daemon;
use crate::settings::ledger::{Ledger, Paid};
use crate::tools::Pays;

/// Has the daemon let the tool's own credential through, or not any more, and remembers who pays if somebody has said it.
pub(super) async fn settle(choice: &Choice, said: bool, ledger: &mut Ledger) -> Result<(), Failure> {
    let id = choice.tool.id;
    if !said && !ledger.pays.contains_key(id) {
        return Ok(());
    }
    let mut paid = Paid { who: choice.pays, switched: None };
    match choice.pays {
        Pays::Company => leave(id, ledger).await?,
        Pays::Own => {
            if let Some(provider) = choice.tool.own.as_ref().and_then(|own| own.provider) {
                let shared = ledger.pays.values().any(|paid| paid.switched.as_deref() == Some(provider));
                if let_through(provider, true).await? || shared {
                    paid.switched = Some(provider.to_owned());
                }
            }
        }
    }
    if ledger.pays.get(id) != Some(&paid) {
        ledger.pays.insert(id.to_owned(), paid);
        ledger.save()?;
    }
    Ok(())
}

/// It is set up no more.
pub(in super::super) async fn no_more(tool: &str, ledger: &mut Ledger) -> Result<(), Failure> {
    let left = leave(tool, ledger).await;
    ledger.pays.remove(tool);
    left
}

/// Takes back what was switched for this tool, unless another still needs it.
async fn leave(tool: &str, ledger: &Ledger) -> Result<(), Failure> {
    let Some(provider) = ledger.pays.get(tool).and_then(|paid| paid.switched.as_deref()) else {
        return Ok(());
    };
    let needs = |(other, paid): (&String, &Paid)| other != tool && paid.switched.as_deref() == Some(provider);
    if !ledger.pays.iter().any(needs) {
        let_through(provider, false).await?;
    }
    Ok(())
}

/// Whether that was otherwise before.
async fn let_through(provider: &str, own: bool) -> Result<bool, Failure> {
    let pays = ProviderPays { gateway: None, provider: provider.to_owned(), own };
    match daemon::ask(Request::Gateway(GatewayChange::Pays(pays))).await? {
        Response::GatewayChanged(changed) => Ok(changed.new),
        _ => Err(daemon::unexpected()),
    }
}
