//! Padmé padding, so that an object's length says little about what is in it.

/// The length to pad `bytes` to: at most 12% more, and from few enough different lengths that one
/// leaks only O(log log) bits (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
/// Communication with PURBs", PoPETs 2019, algorithm 1).
pub fn padme(bytes: u64) -> u64 {
    if bytes < 2 {
        return bytes;
    }
    let exponent = bytes.ilog2();
    let mantissa_bits = exponent.ilog2() + 1;
    let zero_bits = exponent.saturating_sub(mantissa_bits);
    let mask = (1u64 << zero_bits) - 1;
    bytes.checked_add(mask).map_or(bytes, |sum| sum & !mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_costs_at_most_12_percent_and_is_stable() {
        for bytes in (0..100_000).chain((20..60).flat_map(|b| [(1 << b) - 1, 1 << b, (1 << b) + 1]))
        {
            let padded = padme(bytes);
            assert!(padded >= bytes, "{bytes}");
            assert!((padded - bytes) as f64 <= bytes as f64 * 0.12, "{bytes} {padded}");
            assert_eq!(padme(padded), padded, "{bytes}");
        }
        assert_eq!(padme(u64::MAX), u64::MAX);
    }
}
