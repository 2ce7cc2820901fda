//! A shell in the folder of a world.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::world::World;

/// Runs the program with the manifests of a world.
pub struct Shell {
    /// The table, the manifests, and Braze.
    pub world: World,
}

/// What the program left behind.
#[derive(Debug)]
pub struct Done {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Done {
    /// Asserts an exit code and returns both streams, one after the other.
    #[track_caller]
    pub fn ends_with(&self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{}", self.err);
        format!("{}{}", self.out, self.err)
    }

    /// Asserts an exit code and that the output holds these words, line ends counting as spaces.
    #[track_caller]
    pub fn fails_with(&self, code: i32, words: &[&str]) {
        let text = self.ends_with(code);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in words {
            assert!(text.contains(words), "{words:?} is not in:\n{text}");
        }
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

impl Shell {
    /// A shell with an empty table.
    pub fn new() -> Self {
        Self { world: World::new() }
    }

    /// A shell with users of these ids.
    pub fn with_users(ids: std::ops::RangeInclusive<u32>) -> Self {
        let shell = Self::new();
        shell.insert(ids);
        shell
    }

    /// Adds users.
    pub fn insert(&self, ids: std::ops::RangeInclusive<u32>) {
        let rows: Vec<String> =
            ids.map(|id| format!("({id}, 'user{id}@example.com', 'User', 'pro', {id}, 1, 0)")).collect();
        self.world.sql(&format!("insert into users values {}", rows.join(", ")));
    }

    /// Writes the manifests as the world has them now.
    pub fn write(&self) {
        std::fs::write(self.file("manifests.yaml"), self.world.manifests()).expect("a file can be written");
    }

    /// A path in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.world.folder().join(name)
    }

    /// The program with these arguments, in the folder, without a terminal and on a faster clock.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.write();
        let mut command = Command::new(env!("CARGO_BIN_EXE_grouparoo"));
        command
            .args(arguments)
            .current_dir(self.world.folder())
            .env("GROUPAROO_CLOCK_FACTOR", "20")
            .env_remove("GROUPAROO_STATE")
            .env_remove("GROUPAROO_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        done(self.command(arguments).spawn().expect("the program starts"))
    }

    /// `grouparoo sync -f manifests.yaml` and more.
    pub fn sync(&self, more: &[&str]) -> Done {
        self.run(&[&["sync", "-f", "manifests.yaml"], more].concat())
    }

    /// `grouparoo plan -f manifests.yaml` and more.
    pub fn plan(&self, more: &[&str]) -> Done {
        self.run(&[&["plan", "-f", "manifests.yaml"], more].concat())
    }

    /// `grouparoo validate -f manifests.yaml` and more.
    pub fn validate(&self, more: &[&str]) -> Done {
        self.run(&[&["validate", "-f", "manifests.yaml"], more].concat())
    }
}

/// Waits for the end of a process.
pub fn done(child: Child) -> Done {
    let output = child.wait_with_output().expect("the program ends");
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
