//! What a process costs, as the system's own books in `/proc` tell.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::Failure;

/// How often a running process is looked at. Its end is noticed within that time.
const LOOK: Duration = Duration::from_millis(2);

/// Ticks a second in `/proc`: the same on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// What a process cost.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// Processor time of all its threads.
    pub cpu: Duration,
    /// Most memory that it had at once (resident, in bytes).
    pub peak_memory: u64,
    /// How it ended.
    pub status: ExitStatus,
}

/// Runs a command to its end and measures it.
///
/// Memory and processor time are read from `/proc` while the process runs and once more between its end and its
/// burial, when both its times and nobody's children are in the books.
///
/// # Errors
/// When it does not start.
pub fn measure(command: &mut Command) -> Result<Usage, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error| Failure::Program(name.clone(), error);
    let start = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    let pid = child.id();
    let mut peak_memory = 0;
    loop {
        let status = read(pid, "status");
        peak_memory = peak_memory.max(field(&status, "VmHWM:").unwrap_or(0) * 1024);
        if status.is_empty() || status.contains("\nState:\tZ") {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let wall = start.elapsed();
    let cpu = own_cpu(pid);
    let status = child.wait().map_err(failed)?;
    Ok(Usage { wall, cpu, peak_memory, status })
}

/// Processor time of a process so far, without its children.
pub fn own_cpu(pid: u32) -> Duration {
    ticks(&read(pid, "stat"), 2)
}

/// Processor time of a process, of its living children and of those that it has buried.
pub fn tree_cpu(pid: u32) -> Duration {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let own = ticks(&read(pid, "stat"), 4);
    children.split_whitespace().filter_map(|child| child.parse().ok()).map(tree_cpu).fold(own, |a, b| a + b)
}

/// Processor time that the whole machine has spent on work so far.
pub fn machine_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|number| number.parse().ok())
        .collect();
    // user, nice, system; idle and iowait are no work; irq, softirq. The rest is counted in user already.
    let busy: u64 = [0, 1, 2, 5, 6].iter().filter_map(|&at| numbers.get(at)).sum();
    Duration::from_millis(busy * 1000 / TICKS)
}

fn read(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// The first so many of utime, stime, cutime and cstime, added up.
fn ticks(stat: &str, fields: usize) -> Duration {
    // The name stands in parentheses and may hold anything, so fields are counted behind it.
    let behind = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = behind.split_whitespace().skip(11).take(fields).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(times.sum::<u64>() * 1000 / TICKS)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_process_has_its_time_its_memory_and_its_status() {
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 3";
        let usage = measure(Command::new("sh").args(["-c", busy])).expect("a shell");
        assert_eq!(usage.status.code(), Some(3));
        assert!(usage.cpu > Duration::ZERO && usage.wall >= usage.cpu / 2, "{usage:?}");
        assert!((100_000..100_000_000).contains(&usage.peak_memory), "{usage:?}");
    }

    #[test]
    fn the_time_of_buried_children_is_in_the_tree() {
        let busy = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); read line";
        let mut shell = Command::new("sh")
            .args(["-c", busy])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell");
        // The shell reads on only after its child is buried; then its own books hold the child's time.
        let pid = shell.id();
        while own_children(pid) > 0 || tree_cpu(pid) == Duration::ZERO {
            std::thread::sleep(LOOK);
        }
        assert!(tree_cpu(pid) >= own_cpu(pid));
        drop(shell.stdin.take());
        shell.wait().expect("it ends");
        assert!(machine_cpu() > Duration::ZERO);
    }

    fn own_children(pid: u32) -> usize {
        let path = format!("/proc/{pid}/task/{pid}/children");
        std::fs::read_to_string(path).unwrap_or_default().split_whitespace().count()
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 0 0 0 150 50 25 25 20 0 1 0 1 1 1";
        assert_eq!(ticks(stat, 2), Duration::from_secs(2));
        assert_eq!(ticks(stat, 4), Duration::from_millis(2_500));
    }
}
