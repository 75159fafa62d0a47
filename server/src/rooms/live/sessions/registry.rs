//! All connections of this node, with the limits that hold for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Session;

/// All connections.
#[derive(Default)]
pub struct Registry {
    sessions: Mutex<HashMap<Arc<str>, Weak<Session>>>,
    taken: Arc<Mutex<Taken>>,
    tick: AtomicU64,
}

#[derive(Default)]
struct Taken {
    by_app: HashMap<Arc<str>, u32>,
    by_ip: HashMap<[u8; 16], u32>,
}

/// App and network of a connection.
type Place = (Arc<str>, Option<[u8; 16]>);

/// A connection's place under the limits, until it leaves.
pub struct Seat {
    taken: Arc<Mutex<Taken>>,
    place: Mutex<Option<Place>>,
}

/// What may be open at once.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Of one app.
    pub per_app: u32,
    /// Of one address.
    pub per_ip: u32,
}

impl Registry {
    /// A place for a connection; none when there is none left.
    #[must_use]
    pub fn seat(&self, app_id: &str, ip: Option<[u8; 16]>, most: Most) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.by_app.get(app_id).is_some_and(|n| *n >= most.per_app)
            || ip.is_some_and(|ip| taken.by_ip.get(&ip).is_some_and(|n| *n >= most.per_ip))
        {
            return None;
        }
        let known = taken.by_app.get_key_value(app_id).map(|(app, _)| Arc::clone(app));
        let app: Arc<str> = known.unwrap_or_else(|| app_id.into());
        *taken.by_app.entry(Arc::clone(&app)).or_default() += 1;
        if let Some(ip) = ip {
            *taken.by_ip.entry(ip).or_default() += 1;
        }
        drop(taken);
        Some(Seat { taken: Arc::clone(&self.taken), place: Mutex::new(Some((app, ip))) })
    }

    /// Adds a connection.
    pub fn add(&self, session: &Arc<Session>) {
        self.lock().insert(Arc::clone(&session.id), Arc::downgrade(session));
    }

    /// Takes a connection away.
    pub fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// A connection of this node.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().get(id)?.upgrade()
    }

    /// All connections.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The number of ticks so far; the job of the house moves it.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }

    /// The next tick.
    pub fn advance(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Gives the place back; a second time does nothing.
    pub fn leave(&self) {
        let Some((app, ip)) = self.place.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Taken { by_app, by_ip } = &mut *taken;
        if let Some(n) = by_app.get_mut(&app) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                by_app.remove(&app);
            }
        }
        if let Some(ip) = ip
            && let Some(n) = by_ip.get_mut(&ip)
        {
            *n = n.saturating_sub(1);
            if *n == 0 {
                by_ip.remove(&ip);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_app_and_address() {
        let registry = Registry::default();
        let most = Most { per_app: 2, per_ip: 1 };
        let ip = |n| Some([n; 16]);
        let a = registry.seat("app", ip(1), most).unwrap();
        assert!(registry.seat("app", ip(1), most).is_none());
        let b = registry.seat("app", ip(2), most).unwrap();
        assert!(registry.seat("app", ip(3), most).is_none());
        assert!(registry.seat("other", ip(3), most).is_some());
        a.leave();
        drop(a);
        assert!(registry.seat("app", ip(1), most).is_some());
        drop(b);
        let taken = registry.taken.lock().unwrap();
        assert!(taken.by_app.is_empty() && taken.by_ip.is_empty());
    }
}
