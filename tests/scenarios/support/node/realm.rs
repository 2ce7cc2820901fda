//! A realm: processes with a network, mounts and process ids of their own, all of which the kernel ends together.
//!
//! A shell beside it holds the reading end of a pipe. When the tests' process is gone, in whatever way, the pipe closes,
//! the first process of the realm ends, and with it the kernel ends all others and lets go of the network and of every
//! mount. What is left then, groups of the kernel's accounting and a folder, the shell removes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::support::control_plane::{Lines, Process};

/// Address of the realm on its own network. It and the two below are of ranges that are for documentation: nothing can
/// leave, and nothing can collide with what the machine is connected to.
pub const ADDRESS: &str = "192.0.2.1";
/// Addresses of Pods.
pub const PODS: &str = "192.0.2.0/24";
/// Addresses of Services.
pub const SERVICES: &str = "198.51.100.0/24";

/// Removes what realms of dead processes left, makes one, waits until standard input ends, and removes what it leaves.
const OUTSIDE: &str = r#"
    exec 3<&0
    groups() { ls -d /sys/fs/cgroup/*/"$1" /sys/fs/cgroup/"$1" 2>/dev/null; }
    remove() {
        for group in $(groups "$1"); do
            # A process that was killed leaves its group a moment later.
            for attempt in 1 2 3 4 5 6 7 8 9 10; do
                find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
                [ -d "$group" ] || break
                sleep 0.1
            done
        done
    }
    for old in $(groups 'grouparoo-tests-*'); do
        [ -d "/proc/${old##*-}" ] || remove "${old##*/}"
    done
    for old in "${FOLDER%/*}"/scenarios-node-*; do
        [ -d "$old" ] && [ ! -d "/proc/${old##*-}" ] && rm -rf --one-file-system "$old"
    done
    for group in /sys/fs/cgroup/*/; do
        [ ! -e "${group}cgroup.procs" ] || mkdir -p "$group$GROUP" 2>/dev/null
    done
    [ ! -e /sys/fs/cgroup/cgroup.procs ] || mkdir -p "/sys/fs/cgroup/$GROUP"
    unshare --pid --net --mount --fork --kill-child=KILL --propagation private sh -c "$INSIDE" realm 3<&3
    exec >/dev/null 2>&1
    remove "$GROUP"
    rm -rf --one-file-system "$FOLDER"
"#;

/// First process of the realm: tells its process id as the machine sees it, and waits.
const INSIDE: &str = r#"
    set -e
    # /proc is still that of the machine.
    read -r pid rest </proc/self/stat
    mount -t proc proc /proc
    # Volumes with propagation expect it.
    mount --make-rshared /
    # What container runtimes write at places that no flag changes stays here.
    for place in /run /var/lib /var/log; do mount -t tmpfs tmpfs $place; done
    mkdir -p /run/lock
    # The kubelet sets these for the whole machine: here it sets a copy.
    for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
        kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
        [ -e /proc/sys/$setting ] || continue
        copy=/run/setting-$(echo $setting | tr / -)
        cat /proc/sys/$setting >$copy
        mount --bind $copy /proc/sys/$setting
    done
    ip link set lo up
    ip link add cni0 type bridge
    ip address add "$ADDRESS/24" dev cni0
    ip link set cni0 up
    ip route add default dev cni0
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo "$pid"
    exec >/dev/null 2>&1
    cat <&3 &
    set +e
    wait $!
    exit 0
"#;

/// Processes apart from the machine's.
pub struct Realm {
    /// Where everything that runs in it may write; removed at the end.
    pub folder: PathBuf,
    /// Name of its group in the kernel's accounting, below which Pods are.
    pub group: String,
    /// Its first process, as the machine counts.
    pid: u32,
    /// Keeps the pipe open; dropping it ends the realm.
    watchdog: Child,
}

impl Realm {
    /// Makes one.
    ///
    /// # Panics
    /// With what is needed, where this machine or user cannot.
    pub fn new() -> Self {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("scenarios-node-{id}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let group = format!("grouparoo-tests-{id}");
        let mut watchdog = Command::new("sh")
            .args(["-c", OUTSIDE, "watchdog"])
            .env("FOLDER", &folder)
            .env("GROUP", &group)
            .env("INSIDE", INSIDE)
            .env("ADDRESS", ADDRESS)
            .env("PATH", path(None))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut told = String::new();
        let mut stdout = BufReader::new(watchdog.stdout.take().expect("a pipe"));
        stdout.read_line(&mut told).expect("a pipe can be read");
        let Ok(pid) = told.trim().parse() else {
            drop(watchdog.stdin.take());
            let output = watchdog.wait_with_output().expect("the shell ends");
            panic!(
                "A whole Kubernetes node needs root and namespaces of its own (unshare of pid, net and mount, as in a \
                 virtual machine or a privileged container), which this process may not have: {}\n\
                 GROUPAROO_E2E=skip leaves the tests on a node out.",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        };
        Self { folder, group, pid, watchdog }
    }

    /// Runs something in a thread of this process whose network is the realm's: its sockets, its threads and its
    /// children are there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                let network = File::open(format!("/proc/{}/ns/net", self.pid)).expect("the realm is there");
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter a network");
                work()
            });
            running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The words before a program that make it run in the realm.
    fn entering(&self) -> Vec<String> {
        let target = format!("--target={}", self.pid);
        [&target, "--pid", "--net", "--mount", "--"].map(str::to_owned).into()
    }

    /// Starts a server in the realm. It ends with it, or before.
    pub fn start<S: AsRef<OsStr>>(&self, program: &Path, arguments: impl IntoIterator<Item = S>) -> Process {
        let mut all: Vec<std::ffi::OsString> = self.entering().into_iter().map(Into::into).collect();
        all.extend([
            "env".into(),
            format!("PATH={}", path(program.parent())).into(),
            program.as_os_str().to_owned(),
        ]);
        all.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        Process::start(Path::new("nsenter"), all, None, Lines::default())
    }

    /// Runs a program in the realm to its end, and returns its standard output.
    ///
    /// # Panics
    /// With its words, when it fails.
    pub fn run<S: AsRef<OsStr>>(&self, program: &Path, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = Command::new("nsenter");
        command.args(self.entering()).arg(program).args(arguments).env("PATH", path(program.parent()));
        let output = command.stdin(Stdio::null()).output().expect("nsenter runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {text}{errors}", program.display());
        text
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Where programs are found: first in this folder.
fn path(first: Option<&Path>) -> String {
    let rest = std::env::var("PATH").unwrap_or_default();
    let first = first.map(|folder| format!("{}:", folder.display())).unwrap_or_default();
    format!("{first}{rest}:/usr/sbin:/sbin:/usr/bin:/bin")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::support::control_plane::{in_runtime, until};
    use crate::support::node::is_left_out;

    /// Tells a copy of this program to be the one that is killed.
    const VICTIM: &str = "GROUPAROO_SCENARIOS_REALM";

    #[test]
    fn a_realm_and_all_in_it_are_gone_when_the_tests_are_killed() {
        if is_left_out() {
            return;
        }
        if std::env::var_os(VICTIM).is_some() {
            let realm = Realm::new();
            // Somebody who does not end by itself, and holds a mount.
            let script = format!(
                "mkdir {0}/held && mount -t tmpfs held {0}/held && exec sleep 1000",
                realm.folder.display()
            );
            let process = realm.start(Path::new("/bin/sh"), ["-c", &script]);
            println!("realm {} {}", realm.pid, realm.folder.display());
            // Until we are killed.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            drop((process, realm));
            return;
        }
        let name = "support::node::realm::tests::a_realm_and_all_in_it_are_gone_when_the_tests_are_killed";
        let mut victim = Command::new(std::env::current_exe().expect("a program"))
            .args(["--exact", name, "--nocapture"])
            .env(VICTIM, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program runs");
        let lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines();
        let told =
            lines.map_while(Result::ok).find_map(|line| line.split_once("realm ").map(|it| it.1.to_owned()));
        let told = told.expect("the realm is there");
        let (pid, folder) = told.split_once(' ').expect("two words");
        let (process, folder) = (PathBuf::from(format!("/proc/{pid}")), PathBuf::from(folder));
        let group = PathBuf::from(format!("/sys/fs/cgroup/memory/grouparoo-tests-{}", victim.id()));
        assert!(process.exists() && folder.exists());
        victim.kill().expect("it can be killed");
        victim.wait().expect("it is gone");
        let gone = in_runtime(until(|| async { !process.exists() && !folder.exists() && !group.exists() }));
        assert!(gone, "{told} or {} is left over", group.display());
    }
}
