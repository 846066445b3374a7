#![no_main]
#![allow(dead_code, reason = "the other targets")]

#[path = "../../__test__/rust/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::router(data));
