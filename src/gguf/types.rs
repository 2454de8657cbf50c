//! The tensor types of ggml, and the names of file types.

/// One ggml tensor type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TensorType {
    pub(super) number: u32,
    pub(super) name: &'static str,
    /// Elements in a block.
    pub(super) block: u64,
    /// Bytes of a block.
    pub(super) size: u64,
    /// Whether the CPU back-end can multiply a matrix of this type: without a dot product the first decode
    /// jumps through a null pointer.
    pub(super) has_dot: bool,
}

impl TensorType {
    pub(super) fn is_integer(&self) -> bool {
        (I8..=I64).contains(&self.number)
    }
}

const fn t(number: u32, name: &'static str, block: u64, size: u64) -> TensorType {
    TensorType { number, name, block, size, has_dot: true }
}

const fn no_dot(number: u32, name: &'static str, block: u64, size: u64) -> TensorType {
    TensorType { number, name, block, size, has_dot: false }
}

pub(super) const F32: u32 = 0;
const I8: u32 = 24;
pub(super) const I32: u32 = 26;
const I64: u32 = 27;

/// Every type a file may hold, by number.
const TYPES: &[TensorType] = &[
    t(0, "F32", 1, 4),
    t(1, "F16", 1, 2),
    t(2, "Q4_0", 32, 18),
    t(3, "Q4_1", 32, 20),
    t(6, "Q5_0", 32, 22),
    t(7, "Q5_1", 32, 24),
    t(8, "Q8_0", 32, 34),
    no_dot(9, "Q8_1", 32, 36),
    t(10, "Q2_K", 256, 84),
    t(11, "Q3_K", 256, 110),
    t(12, "Q4_K", 256, 144),
    t(13, "Q5_K", 256, 176),
    t(14, "Q6_K", 256, 210),
    no_dot(15, "Q8_K", 256, 292),
    t(16, "IQ2_XXS", 256, 66),
    t(17, "IQ2_XS", 256, 74),
    t(18, "IQ3_XXS", 256, 98),
    t(19, "IQ1_S", 256, 50),
    t(20, "IQ4_NL", 32, 18),
    t(21, "IQ3_S", 256, 110),
    t(22, "IQ2_S", 256, 82),
    t(23, "IQ4_XS", 256, 136),
    no_dot(24, "I8", 1, 1),
    no_dot(25, "I16", 1, 2),
    no_dot(26, "I32", 1, 4),
    no_dot(27, "I64", 1, 8),
    no_dot(28, "F64", 1, 8),
    t(29, "IQ1_M", 256, 56),
    t(30, "BF16", 1, 2),
    t(34, "TQ1_0", 256, 54),
    t(35, "TQ2_0", 256, 66),
    t(39, "MXFP4", 32, 17),
    t(40, "NVFP4", 64, 36),
    t(41, "Q1_0", 128, 18),
    t(42, "Q2_0", 64, 18),
];

/// Types that older files hold and llama.cpp no longer reads.
const REMOVED: &[(u32, &str)] = &[
    (4, "Q4_2"),
    (5, "Q4_3"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
];

pub(super) fn tensor_type(number: u32) -> Option<&'static TensorType> {
    TYPES.iter().find(|t| t.number == number)
}

pub(super) fn removed_type(number: u32) -> Option<&'static str> {
    REMOVED.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)
}

/// What `general.file_type` means, as people write it in file names.
pub(super) fn file_type_name(number: u64) -> Option<&'static str> {
    Some(match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4_MOE",
        39 => "NVFP4",
        40 => "Q1_0",
        41 => "Q2_0",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_none_is_missing() {
        let known: Vec<u32> = TYPES.iter().map(|t| t.number).chain(REMOVED.iter().map(|r| r.0)).collect();
        for n in 0..43 {
            assert_eq!(known.iter().filter(|k| **k == n).count(), 1, "type {n}");
        }
        assert_eq!(known.len(), 43);
        assert!(tensor_type(43).is_none());
    }
}
