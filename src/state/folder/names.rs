//! Names as parts of a path: one part each, whatever they contain.

/// Longest name of a file on common file systems, in bytes.
const LONGEST: usize = 255;

/// The part of a path for a name. `None`: the name is too long for a file system.
///
/// Lower-case letters, digits, `-`, `_` and inner dots stand for themselves, every other byte is written `%XX`:
/// no two names share a part, also where upper and lower case are one, and none leaves its folder.
pub(super) fn part_of(name: &str) -> Option<String> {
    let mut part = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => part.push(byte.into()),
            b'.' if at > 0 => part.push('.'),
            _ => part.push_str(&format!("%{byte:02X}")),
        }
    }
    if part.is_empty() {
        part.push('%');
    }
    (part.len() <= LONGEST).then_some(part)
}

/// The name of a part. `None`: it is not a part that [`part_of`] makes.
pub(super) fn name_of(part: &str) -> Option<String> {
    let mut name = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' && part.len() > 1 {
            let digits = [bytes.next()?, bytes.next()?];
            name.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else if byte != b'%' {
            name.push(byte);
        }
    }
    let name = String::from_utf8(name).ok()?;
    (part_of(&name).as_deref() == Some(part)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_part_of_its_own_that_stays_in_the_folder() {
        let names =
            ["", ".", "..", "../../etc", "a/b", "a%2Fb", "crm-customers", "Ä b", "A", "a", "a.b", "%", "x\0"];
        let mut parts = std::collections::HashSet::new();
        for name in names {
            let part = part_of(name).expect("not too long");
            assert!(
                !part.contains(['/', '\\', '\0']) && part != "." && part != ".." && !part.is_empty(),
                "{part}"
            );
            assert_eq!(name_of(&part).as_deref(), Some(name));
            assert!(parts.insert(part.to_lowercase()), "{part}");
        }
        assert_eq!(part_of("crm-customers").as_deref(), Some("crm-customers"));
    }

    #[test]
    fn names_too_long_and_parts_of_others_are_told() {
        assert_eq!(part_of(&"n".repeat(256)), None);
        assert!(part_of(&"n".repeat(253)).is_some());
        for part in ["lost+found", "%2e", ".hidden", "%zz", "A", "%1"] {
            assert_eq!(name_of(part), None, "{part}");
        }
    }
}
