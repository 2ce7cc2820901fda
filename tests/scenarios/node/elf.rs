//! As much of a program's file as tells whether it is static and stripped.

/// Type of a segment that names the loader of a program that is linked dynamically (PT_INTERP).
const INTERPRETER: u64 = 3;
/// Type of the segment of dynamic linking, and in it of an entry that names a library (DT_NEEDED).
const DYNAMIC: u64 = 2;
const NEEDED: u64 = 1;
/// Type of the section that holds symbols for a debugger or a profiler (SHT_SYMTAB).
const SYMBOLS: u64 = 2;

/// A program's file of ELF, 64 bits, little endian.
pub struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    /// That of these bytes, which must be one.
    pub fn read(bytes: &'a [u8]) -> Self {
        assert_eq!(bytes.get(..6), Some(&b"\x7fELF\x02\x01"[..]), "not a program of 64 bits for Linux");
        Self(bytes)
    }

    /// Whether it names a loader.
    pub fn has_a_loader(&self) -> bool {
        self.segments().any(|at| self.number(at, 4) == INTERPRETER)
    }

    /// How many libraries it wants to be loaded.
    pub fn libraries(&self) -> usize {
        let dynamic = self.segments().filter(|&at| self.number(at, 4) == DYNAMIC);
        let entries = dynamic.flat_map(|at| {
            let (start, length) = (self.number(at + 8, 8), self.number(at + 32, 8));
            (start..start + length).step_by(16)
        });
        entries.filter(|&at| self.number(at, 8) == NEEDED).count()
    }

    /// Whether it has a table of symbols.
    pub fn has_symbols(&self) -> bool {
        self.sections().any(|at| self.number(at + 4, 4) == SYMBOLS)
    }

    fn segments(&self) -> impl Iterator<Item = u64> + use<'_> {
        let (start, length, count) = (self.number(32, 8), self.number(54, 2), self.number(56, 2));
        assert!(count > 0, "a program without segments");
        (0..count).map(move |index| start + index * length)
    }

    fn sections(&self) -> impl Iterator<Item = u64> + use<'_> {
        let (start, length, count) = (self.number(40, 8), self.number(58, 2), self.number(60, 2));
        (0..count).map(move |index| start + index * length)
    }

    fn number(&self, at: u64, bytes: usize) -> u64 {
        let at = usize::try_from(at).expect("an address of this machine");
        let bytes = self.0.get(at..at + bytes).expect("inside the file");
        bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }
}

/// Whether these bytes occur among those.
pub fn holds(all: &[u8], wanted: &[u8]) -> bool {
    let Some(&first) = wanted.first() else { return true };
    let mut rest = all;
    while let Some(at) = rest.iter().position(|&byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(wanted) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The reader can tell: this test is linked dynamically and has its symbols.
#[test]
fn a_program_that_is_linked_dynamically_is_told_from_a_static_one() {
    let own = std::fs::read(std::env::current_exe().expect("this program")).expect("it can be read");
    let program = Program::read(&own);
    assert!(program.has_a_loader() && program.libraries() > 0 && program.has_symbols());
    assert!(holds(&own, env!("CARGO_MANIFEST_DIR").as_bytes()), "a path of this machine is not seen");
    assert!(!holds(b"abcabd", b"abe") && holds(b"ababd", b"abd"));
}
