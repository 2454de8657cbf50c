//! The logarithm of a softmax's denominator, over a vocabulary's width in vector code.

use std::f32::consts::LOG2_E;

/// How many numbers are added up in 32 bits before they go into 64.
const BLOCK: usize = 1024;

/// `ln Σ exp(x)`. NaN or infinity among the numbers (beside minus infinity) gives no finite result.
pub(super) fn log_sum_exp(logits: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 8];
    let chunks = logits.chunks_exact(8);
    let rest = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    let max = lanes.iter().copied().fold(rest, f32::max);
    let sum: f64 = logits.chunks(BLOCK).map(|block| f64::from(sum_exp(block, max))).sum();
    max + sum.ln() as f32
}

fn sum_exp(block: &[f32], max: f32) -> f32 {
    let mut lanes = [0f32; 8];
    let chunks = block.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().map(|x| exp(x - max)).sum();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += exp(x - max);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// `exp(x)` for x of 0 or less, within 3e-7 of its size; a libm call a number would take longer than the model does.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: what is added to it is rounded to a whole number, which is then in its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // Not `max`, which would hide a NaN.
    let x = if x < -87.0 { -87.0 } else { x };
    let whole = x * LOG2_E + ROUND;
    // ln 2 in two parts, so that the difference is exact.
    let n = whole - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    p * f32::from_bits((whole.to_bits() << 23).wrapping_add(1.0f32.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(logits: &[f32]) -> f64 {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        f64::from(max) + logits.iter().map(|x| (f64::from(*x) - f64::from(max)).exp()).sum::<f64>().ln()
    }

    #[test]
    fn exp_is_near() {
        for i in 0..87_000 {
            let x = -(i as f32) / 1000.0;
            let relative = (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(relative < 3e-7, "{x}: {relative}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn what_is_not_finite_shows() {
        for at in [0, 5, 1023, 1024, 1999] {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut logits = vec![0.5; 2000];
                logits[at] = bad;
                assert!(!log_sum_exp(&logits).is_finite(), "{bad} at {at}");
            }
        }
        assert!(!log_sum_exp(&[f32::NEG_INFINITY; 9]).is_finite());
        assert!((log_sum_exp(&[f32::NEG_INFINITY, 1.0]) - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn sums_are_near(values in proptest::collection::vec(-60.0f32..60.0, 1..3000)) {
            prop_assert!((f64::from(log_sum_exp(&values)) - exact(&values)).abs() < 1e-5);
        }
    }
}
