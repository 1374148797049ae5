//! The little statistics that the reports need.

use serde::Serialize;

/// How the ratios of one round's pair of runs spread over the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// `None` for no values.
pub fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (least, most) = (*values.first()?, *values.last()?);
    let half = values.len() / 2;
    let median = match values.len() % 2 {
        1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    };
    Some(Spread {
        median,
        least,
        most,
    })
}

/// The geometric mean; `None` for no values.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| {
        (sum + value.ln(), count + 1.0)
    });
    (count > 0.0).then(|| f64::exp(sum / count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let expect = Spread {
            median: 2.0,
            least: 1.0,
            most: 9.0,
        };
        assert_eq!(spread([9.0, 1.0, 2.0]), Some(expect));
        assert_eq!(spread([4.0, 1.0, 3.0, 2.0]).map(|s| s.median), Some(2.5));
        assert_eq!(spread([]), None);
    }

    #[test]
    fn geometric_means() {
        assert!((geometric_mean([0.5, 2.0, 1.0, 8.0]).unwrap() - 8f64.powf(0.25)).abs() < 1e-12);
        assert_eq!(geometric_mean([]), None);
    }
}
