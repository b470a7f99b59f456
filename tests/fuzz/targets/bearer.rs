//! Feeds `usher::fuzzing::bearer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| usher::fuzzing::bearer(data));
