//! The algorithms. Nothing that a store holds makes unpacking take more memory than the longest value, or panic.

use std::cell::RefCell;

use crate::store::entry::{Algorithm, Packed};

/// What the header's word needs for a packed payload.
const WORD: usize = 12;

/// LZ4 makes at most so many bytes of one.
const LZ4_MOST: usize = 255;

thread_local! {
    /// Making one costs more than packing a short value. A thread that packs keeps it, some hundreds of kilobytes.
    static ZSTD: RefCell<Option<(i32, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
    static UNZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The packed bytes, if there are fewer of them.
pub(super) fn pack(algorithm: Algorithm, level: i32, bytes: &[u8]) -> Option<Vec<u8>> {
    let packed = match algorithm {
        Algorithm::Zstd => ZSTD.with_borrow_mut(|kept| {
            if kept.as_ref().is_none_or(|(own, _)| *own != level) {
                let mut fresh = zstd::bulk::Compressor::new(level).ok()?;
                fresh.include_checksum(true).ok()?;
                *kept = Some((level, fresh));
            }
            kept.as_mut()?.1.compress(bytes).ok()
        })?,
        Algorithm::Lz4 => lz4_flex::block::compress(bytes),
    };
    (packed.len() + WORD < bytes.len()).then_some(packed)
}

/// The bytes that were packed; `None` if these are not packed bytes of that length.
pub(super) fn unpack(Packed { algorithm, length }: Packed, packed: &[u8]) -> Option<Vec<u8>> {
    let bytes = match algorithm {
        Algorithm::Zstd => UNZSTD.with_borrow_mut(|kept| {
            if kept.is_none() {
                *kept = Some(zstd::bulk::Decompressor::new().ok()?);
            }
            // Writes no more than there is room for.
            let mut bytes = Vec::with_capacity(length);
            kept.as_mut()?.decompress_to_buffer(packed, &mut bytes).ok()?;
            Some(bytes)
        })?,
        Algorithm::Lz4 => {
            if length / LZ4_MOST > packed.len() {
                return None;
            }
            let mut bytes = vec![0; length];
            let written = lz4_flex::block::decompress_into(packed, &mut bytes).ok()?;
            bytes.truncate(written);
            bytes
        }
    };
    (bytes.len() == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Zstd, Algorithm::Lz4];

    fn text(length: usize) -> Vec<u8> {
        b"{\"name\":\"a value that repeats itself\",\"n\":1}".iter().copied().cycle().take(length).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked_and_only_fewer_bytes_count() {
        for algorithm in BOTH {
            for length in [100, 1_000, 65_537, 3_000_000] {
                let bytes = text(length);
                let packed = pack(algorithm, 3, &bytes).unwrap();
                assert!(packed.len() < length);
                assert_eq!(unpack(Packed { algorithm, length }, &packed), Some(bytes));
            }
            for short in [&b""[..], b"1", b"0123456789"] {
                assert_eq!(pack(algorithm, 3, short), None);
            }
        }
    }

    #[test]
    fn levels_may_change_from_value_to_value() {
        let bytes = text(10_000);
        for level in [1, 19, 3, 1] {
            let packed = pack(Algorithm::Zstd, level, &bytes).unwrap();
            assert_eq!(unpack(Packed { algorithm: Algorithm::Zstd, length: bytes.len() }, &packed).as_ref(), Some(&bytes));
        }
    }

    #[test]
    fn other_lengths_damage_and_bombs_are_nothing() {
        for algorithm in BOTH {
            let bytes = text(5_000);
            let packed = pack(algorithm, 3, &bytes).unwrap();
            for length in [0, 1, 4_999, 5_001, 1 << 26] {
                assert_eq!(unpack(Packed { algorithm, length }, &packed), None, "{length}");
            }
            for end in 0..packed.len() {
                assert_eq!(unpack(Packed { algorithm, length: 5_000 }, &packed[..end]), None, "cut at {end}");
            }
            for noise in [&b""[..], b"\0", b"\xff\xff\xff\xff", &[0xff; 1000]] {
                assert_eq!(unpack(Packed { algorithm, length: 5_000 }, noise), None);
            }
            for at in 0..packed.len() {
                let mut damaged = packed.clone();
                damaged[at] ^= 0x55;
                let _ = unpack(Packed { algorithm, length: 5_000 }, &damaged);
            }
        }
        let bomb = pack(Algorithm::Zstd, 3, &vec![0; 64 << 20]).unwrap();
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(Packed { algorithm: Algorithm::Zstd, length: 1_000 }, &bomb), None);
    }
}
