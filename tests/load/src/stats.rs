//! Numbers out of measured slices: rates, percentiles, medians, ratios of rounds that ran side by side.

/// What one contestant did in one round.
#[derive(Debug, Default, Clone)]
pub(crate) struct Slice {
    /// Length of the measured window, seconds.
    pub(crate) seconds: f64,
    /// One entry per operation that ended in the window: its nanoseconds.
    pub(crate) nanos: Vec<u64>,
    /// CPU seconds of the server's process in the window.
    pub(crate) server_cpu: f64,
    /// CPU seconds of this process in the window.
    pub(crate) client_cpu: f64,
}

impl Slice {
    /// Operations per second.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.nanos.len() as f64 / self.seconds
    }
}

/// One operation at one number of connections: all rounds.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// `sqlite`, `postgres`, …
    pub(crate) target: String,
    /// `login`, `register`, …
    pub(crate) operation: String,
    pub(crate) connections: usize,
    pub(crate) slices: Vec<Slice>,
}

impl Cell {
    /// One without rounds yet.
    pub(crate) fn new(target: &str, operation: &str, connections: usize) -> Self {
        Self { target: target.to_owned(), operation: operation.to_owned(), connections, slices: Vec::new() }
    }

    /// Median of the rounds' operations per second.
    pub(crate) fn rate(&self) -> f64 {
        median(self.slices.iter().map(Slice::rate).collect())
    }

    /// Percentiles over all rounds, milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds stay below 2^52")]
    pub(crate) fn latencies_ms<const N: usize>(&self, percents: [f64; N]) -> [f64; N] {
        let mut all: Vec<u64> = self.slices.iter().flat_map(|s| s.nanos.iter().copied()).collect();
        all.sort_unstable();
        percents.map(|p| percentile(&all, p) as f64 / 1e6)
    }

    /// CPU microseconds of the server and of the client per operation.
    pub(crate) fn cpu_us(&self) -> (f64, f64) {
        let per_op = |of: fn(&Slice) -> f64| {
            let (cpu, ops) = self.slices.iter().fold((0.0, 0.0), |(c, n), s| (c + of(s), n + s.rate() * s.seconds));
            if ops > 0.0 { cpu / ops * 1e6 } else { 0.0 }
        };
        (per_op(|s| s.server_cpu), per_op(|s| s.client_cpu))
    }

    /// The other's CPU per operation, server and client together, against this one's: the ratio of rates that a machine with
    /// nothing else to do would show, if CPU were all that is waited for.
    pub(crate) fn cpu_ratio_to(&self, other: &Self) -> f64 {
        let total = |cell: &Self| {
            let (server, client) = cell.cpu_us();
            server + client
        };
        total(other) / total(self)
    }

    /// Median over the rounds of this rate against the other's of the same round: a neighbour's noise hits both.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        median(self.slices.iter().zip(&other.slices).map(|(a, b)| a.rate() / b.rate()).collect())
    }
}

/// The value below which `percent` of the sorted values lie (nearest rank); 0 for none.
pub(crate) fn percentile(sorted: &[u64], percent: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank between 0 and the number of values"
    )]
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0)
}

/// The middle value, or the mean of the two in the middle; 0 for none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => at(n / 2),
        n => f64::midpoint(at(n / 2 - 1), at(n / 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!([0.0, 1.0, 50.0, 99.0, 99.1, 100.0].map(|p| percentile(&values, p)), [1, 1, 50, 99, 100, 100]);
        assert_eq!([percentile(&[7], 50.0), percentile(&[7], 99.0), percentile(&[], 50.0)], [7, 7, 0]);
        assert_eq!(percentile(&[1, 2, 3, 4], 50.0), 2);
    }

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }

    fn cell(counts: &[usize]) -> Cell {
        let slice = |n: &usize| Slice { seconds: 2.0, nanos: vec![1_000_000; *n], server_cpu: 1.0, client_cpu: 0.5 };
        Cell { target: "t".into(), operation: "o".into(), connections: 1, slices: counts.iter().map(slice).collect() }
    }

    #[test]
    fn ratios_pair_the_rounds() {
        // The machine halves its speed in the second and third round; the ratio does not move.
        let (fast, slow) = (cell(&[200, 100, 100]), cell(&[100, 50, 50]));
        assert_eq!(slow.ratio_to(&fast), 0.5);
        assert_eq!(fast.rate(), 50.0);
        assert_eq!(fast.latencies_ms([50.0, 99.0]), [1.0, 1.0]);
    }

    #[test]
    fn cpu_per_operation() {
        let (server, client) = cell(&[100, 100]).cpu_us();
        assert!((server - 10_000.0).abs() < 1e-6 && (client - 5_000.0).abs() < 1e-6);
        assert!((cell(&[100]).cpu_ratio_to(&cell(&[400])) - 0.25).abs() < 1e-9);
    }
}
