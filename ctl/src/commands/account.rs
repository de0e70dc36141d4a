//! What a deployment says of the account that is logged in: a part of `status`.

use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload;
use serde::Serialize;

use crate::daemon;
use crate::wording::Moment;

/// Null where the deployment does not say.
#[derive(Clone, Serialize)]
pub(super) struct Account {
    #[serde(skip)]
    pub(super) gateway: String,
    pub(super) user: Option<String>,
    pub(super) version: Option<String>,
    pub(super) entitlement: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) spent_micros: Option<i64>,
    pub(super) budget_micros: Option<i64>,
    pub(super) period_end: Option<Moment>,
}

/// All of them; none where the daemon does not know the question.
pub(super) async fn all() -> Vec<Account> {
    match daemon::ask(Request::Accounts).await {
        Ok(Response::Accounts(accounts)) => accounts.into_iter().map(Account::from).collect(),
        _ => Vec::new(),
    }
}

impl From<payload::Account> for Account {
    fn from(it: payload::Account) -> Self {
        Self {
            gateway: it.gateway,
            user: it.user,
            version: it.version,
            entitlement: it.entitlement,
            enabled: it.enabled,
            spent_micros: it.spent_micros,
            budget_micros: it.budget_micros,
            period_end: it.period_end.map(Moment),
        }
    }
}

impl Account {
    /// `Coder v2.36.0, AI gateway entitled`; nothing where nothing was said.
    pub(super) fn deployment_words(&self) -> Option<String> {
        let version = self.version.as_ref().map(|version| format!("Coder {version}"));
        let gateway = self.entitlement.as_ref().map(|word| {
            let off = if self.enabled == Some(false) { ", switched off" } else { "" };
            format!("AI gateway {}{off}", word.replace('_', " "))
        });
        let words: Vec<String> = version.into_iter().chain(gateway).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// `US$12.34 of US$100.00 spent, US$87.66 left until 2026-12-01 00:00 UTC`.
    pub(super) fn budget_words(&self) -> Option<String> {
        let spent = self.spent_micros?;
        let until = self.period_end.map(|end| format!(" until {}", end.words())).unwrap_or_default();
        Some(match self.budget_micros {
            Some(budget) => {
                let left = dollars((budget - spent).max(0));
                format!("{} of {} spent, {left} left{until}", dollars(spent), dollars(budget))
            }
            None => format!("{} spent, no limit{until}", dollars(spent)),
        })
    }
}

/// Cents, rounded.
fn dollars(micros: i64) -> String {
    let cents = (micros + 5_000) / 10_000;
    format!("US${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_put_into_words() {
        let mut account = Account {
            gateway: "default".into(),
            user: None,
            version: Some("v2.36.0".into()),
            entitlement: Some("grace_period".into()),
            enabled: Some(false),
            spent_micros: Some(12_345_000),
            budget_micros: Some(100_000_000),
            period_end: Some(Moment(1_796_119_200)),
        };
        assert_eq!(
            account.deployment_words().unwrap(),
            "Coder v2.36.0, AI gateway grace period, switched off"
        );
        assert_eq!(
            account.budget_words().unwrap(),
            "US$12.35 of US$100.00 spent, US$87.66 left until 2026-12-01 10:00 UTC"
        );
        account.budget_micros = Some(1);
        assert!(account.budget_words().unwrap().contains("US$0.00 left"));
        account.budget_micros = None;
        account.period_end = None;
        assert_eq!(account.budget_words().unwrap(), "US$12.35 spent, no limit");
        account.spent_micros = None;
        assert_eq!(account.budget_words(), None);
    }
}
