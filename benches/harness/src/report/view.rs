//! A view of the results for the report: medians, ratios, and values for people.

use measure::statistics::{median, quantile};

use crate::peers::{PEERS, Peer};
use crate::results::{Phase, Quantity, Results};

/// The share of the processors from which on other processes may have changed a sample.
pub(super) const DISTURBED: f64 = 0.1;

pub(super) struct View<'a>(pub(super) &'a Results);

/// Which samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) workload: &'a str,
    pub(super) phase: Phase,
    pub(super) peer: &'a str,
    pub(super) quantity: Quantity,
}

impl<'a> Of<'a> {
    /// The times of a phase.
    pub(super) fn seconds(workload: &'a str, phase: Phase, peer: &'a str) -> Of<'a> {
        Of {
            workload,
            phase,
            peer,
            quantity: Quantity::Seconds,
        }
    }
}

/// How one median relates to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) value: f64,
    /// Quartiles of the ratios of samples that were taken in the same round.
    pub(super) quartiles: (f64, f64),
}

impl View<'_> {
    pub(super) fn values(&self, of: Of) -> Vec<f64> {
        self.0.values(of.workload, of.phase, of.peer, of.quantity)
    }

    pub(super) fn median(&self, of: Of) -> Option<f64> {
        median(&self.values(of))
    }

    /// The median of one part of a quantity.
    pub(super) fn median_of_part(&self, of: Of, part: &str) -> Option<f64> {
        let values = self
            .0
            .values_of_part(of.workload, of.phase, of.peer, of.quantity, part);
        median(&values)
    }

    pub(super) fn ratio(&self, above: Of, below: Of) -> Option<Ratio> {
        ratio(&self.values(above), &self.values(below))
    }

    /// The peer with the smallest median, and that median.
    pub(super) fn fastest<'p>(
        &self,
        peers: impl Iterator<Item = &'p Peer>,
        workload: &str,
        phase: Phase,
    ) -> Option<(&'p Peer, f64)> {
        peers
            .filter_map(|peer| {
                let median = self.median(Of::seconds(workload, phase, peer.name))?;
                Some((peer, median))
            })
            .min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// Peers that have samples of the workload, in their usual order.
    pub(super) fn peers_of(&self, workload: &str) -> Vec<&'static Peer> {
        let has = |peer: &&Peer| {
            let mut cells = self.0.cells.iter();
            cells.any(|cell| cell.workload == workload && cell.peer == peer.name)
        };
        PEERS.iter().filter(has).collect()
    }

    /// The number of samples that other processes may have changed, and of all samples for which this is known.
    pub(super) fn disturbed(&self) -> (usize, usize) {
        let cells = self.0.cells.iter().flat_map(|cell| &cell.samples);
        let known: Vec<f64> = cells.filter_map(|sample| sample.foreign).collect();
        let disturbed = known.iter().filter(|share| **share >= DISTURBED).count();
        (disturbed, known.len())
    }
}

fn ratio(above: &[f64], below: &[f64]) -> Option<Ratio> {
    let pairs: Vec<f64> = above
        .iter()
        .zip(below)
        .map(|(one, other)| one / other)
        .collect();
    Some(Ratio {
        value: median(above)? / median(below)?,
        quartiles: (quantile(&pairs, 0.25)?, quantile(&pairs, 0.75)?),
    })
}

/// A time, with three digits that matter.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.1 => format!("{:.0} ms", s * 1e3),
        s if s >= 0.01 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.2} ms", s * 1e3),
    }
}

/// A size, in millions of bytes.
pub(super) fn size(bytes: f64) -> String {
    match bytes / 1e6 {
        megabytes if megabytes >= 100.0 => format!("{megabytes:.0} MB"),
        megabytes if megabytes >= 10.0 => format!("{megabytes:.1} MB"),
        megabytes => format!("{megabytes:.2} MB"),
    }
}

/// A value of the quantity.
pub(super) fn value(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Seconds
        | Quantity::OwnObjectsSeconds
        | Quantity::GroupSeconds
        | Quantity::GroupCriticalSeconds
        | Quantity::ProcessorSeconds
        | Quantity::AfterLibrariesSeconds => time(value),
        Quantity::PeakMemory
        | Quantity::TargetBytes
        | Quantity::ExecutableBytes
        | Quantity::GroupBytes => size(value),
        Quantity::CompiledDependencies
        | Quantity::LoadedParts
        | Quantity::GroupsMade
        | Quantity::MostLinks => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{results, seconds};
    use crate::results::{Measured, Sample};

    #[test]
    fn values_have_three_digits() {
        let shown = [123.4, 12.34, 1.234, 0.1234, 0.01234, 0.001234].map(time);
        assert_eq!(
            shown,
            ["123 s", "12.3 s", "1.23 s", "123 ms", "12.3 ms", "1.23 ms"]
        );
        assert_eq!(
            [2.5e8, 2.5e7, 2.5e6].map(size),
            ["250 MB", "25.0 MB", "2.50 MB"]
        );
        assert_eq!(value(Quantity::CompiledDependencies, 0.0), "0");
    }

    #[test]
    fn ratio_is_of_medians_and_its_spread_of_rounds() {
        let found = ratio(&[4.0, 6.0, 5.0], &[2.0, 2.0, 2.5]).unwrap();
        assert_eq!(found.value, 2.5);
        assert_eq!(found.quartiles, (2.0, 2.5));
        assert_eq!(ratio(&[], &[1.0]), None);
        assert_eq!(ratio(&[1.0], &[]), None);
    }

    #[test]
    fn fastest_is_the_smallest_median() {
        let mut results = results();
        for (peer, values) in [("static-lld", [3.0, 1.0, 3.0]), ("static-mold", [2.0; 3])] {
            for value in values {
                results.record("app", Phase::Link, peer, seconds(value));
            }
        }
        let view = View(&results);
        let (peer, median) = view.fastest(PEERS.iter(), "app", Phase::Link).unwrap();
        assert_eq!((peer.name, median), ("static-mold", 2.0));
        assert!(view.fastest(PEERS.iter(), "cargo", Phase::Link).is_none());
    }

    #[test]
    fn disturbed_samples_are_counted() {
        let mut results = results();
        for foreign in [None, Some(0.02), Some(0.5)] {
            let measured = Measured {
                sample: Sample {
                    value: 1.0,
                    foreign,
                },
                ..seconds(1.0)
            };
            results.record("app", Phase::Cold, "ours-lld", measured);
        }
        assert_eq!(View(&results).disturbed(), (1, 2));
    }
}
