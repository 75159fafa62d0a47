//! Letters in parts: PostgreSQL takes less than 8,000 bytes at once.

use std::collections::{HashMap, VecDeque};

/// Bytes of a part.
const MOST: usize = 7_000;
/// Letters in parts that are awaited at once; the oldest is given up.
const AWAITED: usize = 256;
/// Parts of a letter at most: 16 MiB.
const MAX_PARTS: usize = 2_400;

/// Cuts a letter into parts: `1/1:text`, or `id.number/count:text`.
pub(super) fn cut(node: &str, number: u64, text: &str) -> Vec<String> {
    if text.len() <= MOST {
        return vec![format!("1/1:{text}")];
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(MOST);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    let count = parts.len();
    parts.iter().enumerate().map(|(at, part)| format!("{node}:{number}.{}/{count}:{part}", at + 1)).collect()
}

/// Puts parts together. They come in order from each node.
#[derive(Default)]
pub(super) struct Parts {
    open: HashMap<String, (usize, String)>,
    order: VecDeque<String>,
}

impl Parts {
    /// Takes a part; gives the letter that it completes. What is no part is ignored.
    pub(super) fn take(&mut self, part: &str) -> Option<String> {
        if let Some(text) = part.strip_prefix("1/1:") {
            return Some(text.to_owned());
        }
        let (node, rest) = part.split_once(':')?;
        let (place, text) = rest.split_once(':')?;
        let (number, place) = place.split_once('.')?;
        let (at, count) = place.split_once('/')?;
        let (at, count): (usize, usize) = (at.parse().ok()?, count.parse().ok()?);
        let id = format!("{node}:{number}");
        if at == 1 {
            if self.order.len() >= AWAITED
                && let Some(oldest) = self.order.pop_front()
            {
                self.open.remove(&oldest);
            }
            self.order.push_back(id.clone());
            self.open.insert(id, (1, text.to_owned()));
            return None;
        }
        let (have, letter) = self.open.get_mut(&id)?;
        if *have + 1 != at || count > MAX_PARTS {
            self.forget(&id);
            return None;
        }
        *have = at;
        letter.push_str(text);
        (at == count).then(|| self.forget(&id)).flatten()
    }

    fn forget(&mut self, id: &str) -> Option<String> {
        self.order.retain(|other| other != id);
        self.open.remove(id).map(|(_, letter)| letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_out_as_they_went_in() {
        let mut parts = Parts::default();
        let long = "ä€x".repeat(10_000);
        assert_eq!(cut("n", 1, "short").iter().filter_map(|p| parts.take(p)).collect::<Vec<_>>(), ["short"]);
        let (a, b) = (cut("n", 2, &long), cut("m", 2, &long));
        assert!(a.len() > 5 && a.iter().all(|p| p.len() < 8_000));
        let mixed = a.iter().zip(&b).flat_map(|(a, b)| [a, b]);
        assert_eq!(mixed.filter_map(|p| parts.take(p)).collect::<Vec<_>>(), [long.clone(), long.clone()]);
        // A lost part loses its letter only.
        assert_eq!(a.iter().skip(1).filter_map(|p| parts.take(p)).count(), 0);
        assert_eq!(a.iter().filter_map(|p| parts.take(p)).count(), 1);
        assert!(parts.open.is_empty() && parts.order.is_empty());
        assert_eq!(parts.take("nonsense"), None);
    }
}
