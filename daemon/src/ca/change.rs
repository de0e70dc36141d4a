//! A new authority takes the place of the old one, in two steps: first it stands beside the old one, which goes on
//! signing, until people have had their stores trust it; then it takes over. Where the old one is of no use there is
//! nothing to wait for.

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;

use super::authority::{self, Authority};
use super::certificates::{Certificates, Files};
use super::list::{self, List};
use super::{Ca, check_time};

impl Ca {
    /// Makes a new authority. It only waits, unless the old one cannot sign.
    ///
    /// # Errors
    /// When it cannot be made; the old one is then as it was.
    pub fn rotate(&self, names: &[String]) -> Result<(), Fault> {
        let _one_at_a_time = self.lock();
        let (old, damage) = match self.list() {
            Ok(old) => (old, None),
            Err(fault) => (None, Some(fault)),
        };
        let usable = |list: &List| {
            let authority = self.open(list)?;
            check_time(&authority.certificates, crate::now())
        };
        let state = old.as_ref().map(usable);
        // Closed to others only after it was looked at.
        files::create_private_dir(&self.folder)?;
        let waiting = old.as_ref().and_then(|list| list.next.clone()).filter(|next| self.is_fit(next, names));
        let next = match waiting {
            Some(next) => next,
            None => self.make(names)?,
        };
        let mut list = old.clone().unwrap_or_default();
        if damage.is_some() {
            let others = list::authorities(&self.folder).into_iter().filter(|name| *name != next);
            others.for_each(|name| self.retire(&mut list, &name));
        }
        if matches!(state, Some(Ok(()))) {
            list.next = Some(next);
            list.write(&self.folder)?;
            self.publish(Some(&list));
            return Ok(());
        }
        if damage.is_some() {
            set_aside(&list::file(&self.folder));
        }
        if let Some(old) = &old {
            self.retire(&mut list, &old.current);
            if self.is_damaged(&old.current) {
                set_aside(&self.folder.join(&old.current));
            }
        }
        self.take_over(list, next)
    }

    /// The new authority signs from now on, and the old one is forgotten.
    ///
    /// # Errors
    /// When none is waiting, or it cannot be trusted.
    pub fn finish(&self) -> Result<(), Fault> {
        let _one_at_a_time = self.lock();
        let mut list = self.list()?.unwrap_or_default();
        let next = list.next.take().ok_or_else(|| {
            Fault::new(Kind::Usage, "no new CA is waiting to take over")
                .cure_with("make one: `aigwctl ca rotate`")
        })?;
        self.check_folder()?;
        check_time(&Authority::open(&self.folder.join(&next))?.certificates, crate::now())?;
        let current = list.current.clone();
        self.retire(&mut list, &current);
        self.take_over(list, next)
    }

    pub(super) fn take_over(&self, mut list: List, next: String) -> Result<(), Fault> {
        list.current = next;
        list.next = None;
        list.company = false;
        list.write(&self.folder)?;
        self.forget_opened();
        tracing::info!("a new CA has taken over");
        self.publish(Some(&list));
        Ok(())
    }

    /// A folder with a new authority, which no list names yet.
    fn make(&self, names: &[String]) -> Result<String, Fault> {
        let name = list::new_name()?;
        Authority::make(&self.folder.join(&name), names)?;
        Ok(name)
    }

    /// Whether this waiting authority is what a new one would be.
    fn is_fit(&self, name: &str, names: &[String]) -> bool {
        Authority::open(&self.folder.join(name)).is_ok_and(|authority| {
            let known = authority.certificates;
            known.outgrown_by(names).is_empty() && !known.ends_within(super::OFFERED, crate::now())
        })
    }

    /// Its root is not to be trusted any more, if it is one of ours: a company's stays what it is.
    pub(super) fn retire(&self, list: &mut List, name: &str) {
        if let Ok(known) = Certificates::read(&self.folder.join(name))
            && authority::is_own_root(&known.root)
        {
            list.retire(known.fingerprint());
        }
    }

    /// Whether its files are not as we wrote them; that others may know the key is no damage to keep.
    fn is_damaged(&self, name: &str) -> bool {
        let folder = self.folder.join(name);
        let key = Files::in_folder(&folder).key;
        let is_closed = files::check_private_dir(&folder).is_ok() && files::check_private(&key).is_ok();
        folder.exists()
            && (Certificates::read(&folder).is_err()
                || !key.exists()
                || (is_closed && Authority::open(&folder).is_err()))
    }
}

/// What is damaged is kept for whoever wants to know why. That it cannot be is no reason to go without a CA.
fn set_aside(path: &std::path::Path) {
    match files::set_aside(path) {
        Ok(aside) => tracing::warn!("kept what was damaged as {}", aside.display()),
        Err(fault) => tracing::warn!("{fault}"),
    }
}
