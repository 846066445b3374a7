//! Simulations that a seed drives. A seed that fails is a test case.

/// Runs `simulate` with this many seeds; `HAWSER_SEEDS` multiplies them, for long runs. With `HAWSER_SEED`, it runs that seed alone, and
/// `simulate` traces it.
pub(crate) fn run(name: &str, count: u64, simulate: impl Fn(u64, bool) + std::panic::RefUnwindSafe) {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("HAWSER_SEED") {
        return simulate(seed, true);
    }
    for seed in 0..count * number("HAWSER_SEEDS").unwrap_or(1) {
        if let Err(panic) = std::panic::catch_unwind(|| simulate(seed, false)) {
            let text = panic.downcast_ref::<String>().map_or("", String::as_str);
            panic!("{name}: seed {seed}: {text}");
        }
    }
}
