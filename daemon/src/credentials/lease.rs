//! What is in force for a gateway, and the knowledge when the last request that uses a token has ended: only then may
//! the deployment be told to forget it.

use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Held;

/// What requests use from now on. Each keeps it until its answer has ended.
#[derive(Default)]
pub struct InForce {
    held: Held,
    lease: Arc<Lease>,
}

/// One for each token, shared by all that is known of it at different times. Dropped with the last user.
#[derive(Default)]
struct Lease(CancellationToken);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl InForce {
    /// This, after that: the same token has the same lease.
    pub fn after(before: &Self, held: Held) -> Self {
        let lease = if held.token == before.held.token { before.lease.clone() } else { Arc::default() };
        Self { held, lease }
    }

    /// Ends when nobody uses this token any more. Whoever waits for it must hold none of these.
    pub fn unused(&self) -> impl Future<Output = ()> + Send + use<> {
        self.lease.0.clone().cancelled_owned()
    }
}

impl Deref for InForce {
    type Target = Held;

    fn deref(&self) -> &Held {
        &self.held
    }
}

#[cfg(test)]
mod tests {
    use aigw_shared::secret::Secret;
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_token_is_unused_when_its_last_user_is_gone() {
        let held = |token: &str| Held { token: Some(Secret::new(token)), ..Held::default() };
        let first = Arc::new(InForce::after(&InForce::default(), held("a")));
        let request = first.clone();
        let same = InForce::after(&first, Held { user: Some("ada".into()), ..held("a") });
        let mut unused = Box::pin(first.unused());
        let other = InForce::after(&same, held("b"));
        drop(first);
        drop(same);
        assert!((&mut unused).now_or_never().is_none());
        drop(request);
        assert!(unused.now_or_never().is_some());
        assert!(other.unused().now_or_never().is_none());
    }
}
