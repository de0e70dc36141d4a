//! `models`: what a gateway's providers list, for tools that have to be told the names of models.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::payload::ProviderModels;
use serde::Serialize;

use crate::output::{Answer, LABEL, Output, STRONG, WARN};
use crate::tools::models;
use crate::wording::tame;

#[derive(Serialize)]
struct Models {
    providers: Vec<Provider>,
}

#[derive(Serialize)]
struct Provider {
    provider: String,
    /// For chat.
    models: Vec<String>,
    /// For anything else.
    others: Vec<String>,
    /// Why it could not be asked.
    error: Option<String>,
}

impl From<ProviderModels> for Provider {
    fn from(row: ProviderModels) -> Self {
        let (models, others) = row.models.into_iter().partition(|id| models::is_for_chat(id));
        Self { provider: row.provider, models, others, error: row.trouble.map(|failure| failure.text) }
    }
}

pub(super) async fn run(gateway: Option<String>, output: &Output) -> Result<(), Failure> {
    let rows = models::listed(gateway).await?;
    output.show(&Models { providers: rows.into_iter().map(Provider::from).collect() })
}

impl Answer for Models {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for provider in &self.providers {
            writeln!(to, "{STRONG}{}{STRONG:#}", provider.provider)?;
            if let Some(error) = &provider.error {
                writeln!(to, "  {WARN}{}{WARN:#}", tame(error))?;
            } else if provider.models.is_empty() {
                writeln!(to, "  {LABEL}none{LABEL:#}")?;
            }
            provider.models.iter().try_for_each(|id| writeln!(to, "  {}", tame(id)))?;
            if !provider.others.is_empty() {
                writeln!(to, "  {LABEL}not for chat:{LABEL:#} {}", tame(&provider.others.join(", ")))?;
            }
        }
        Ok(())
    }
}
