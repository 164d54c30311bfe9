/// A place where a test may kill the process: `MOJITO_FAILPOINT=name:n` aborts when `name` is reached for the n-th
/// time. `name:n:panic` panics, and `name:n:<file>` keeps the thread until the file exists.
///
/// Without `--cfg mojito_internals` the call does nothing.
#[cfg(mojito_internals)]
pub fn reach(point: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<Option<(String, u64, Option<String>)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);

    let armed = ARMED.get_or_init(|| {
        let setting = std::env::var("MOJITO_FAILPOINT").ok()?;
        let mut parts = setting.split(':');
        Some((parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next().map(str::to_owned)))
    });
    if let Some((name, times, way)) = armed
        && name == point
        && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *times
    {
        match way.as_deref() {
            None => std::process::abort(),
            Some("panic") => panic!("the fail point {point}"),
            Some(file) => {
                while !std::path::Path::new(file).exists() {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
    }
}

/// A place where a test may kill the process. Without `--cfg mojito_internals` the call does nothing.
#[cfg(not(mojito_internals))]
#[inline(always)]
pub fn reach(_point: &str) {}
