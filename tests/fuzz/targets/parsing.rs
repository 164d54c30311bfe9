#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mojito_fuzz::parsing(input));
