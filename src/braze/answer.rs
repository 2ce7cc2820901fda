//! What the bodies of answers to writes say (braze-rest-api 3.1, 3.3).

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Refusal;

/// The errors that an answer lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Errors {
    /// Position in the array as sent, and why that object was refused; each position once.
    pub(super) tied: Vec<(usize, Refusal)>,
    /// An error that points at no object of the request.
    pub(super) untied: Option<Refusal>,
}

impl Errors {
    pub(super) fn is_empty(&self) -> bool {
        self.tied.is_empty() && self.untied.is_none()
    }
}

/// The one field that matters, left as text so that the common answer costs next to nothing.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
}

/// The errors in the body of an answer to a request with `objects` objects in the array `array`; `None` when
/// the body is not a JSON object.
pub(super) fn errors(body: &[u8], array: &str, objects: usize) -> Option<Errors> {
    // Serde would also take an array for a struct.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let head: Head<'_> = serde_json::from_slice(body).ok()?;
    let Some(raw) = head.errors else { return Some(Errors::default()) };
    let mut errors = Errors::default();
    match serde_json::from_str(raw.get()).ok()? {
        Value::Null => {}
        Value::Array(entries) => entries.iter().for_each(|entry| errors.add(entry, array, objects)),
        Value::Object(entries) if entries.is_empty() => {}
        Value::String(text) if text.is_empty() => {}
        other => errors.add(&other, array, objects),
    }
    Some(errors)
}

impl Errors {
    fn add(&mut self, entry: &Value, array: &str, objects: usize) {
        let refusal = entry
            .get("type")
            .or(Some(entry))
            .and_then(Value::as_str)
            .map_or(Refusal::ObjectRefused, Refusal::from_wording);
        let index = entry.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
        let ours = entry.get("input_array").and_then(Value::as_str) == Some(array);
        match index.filter(|&index| ours && index < objects) {
            Some(index) if self.tied.iter().any(|(known, _)| *known == index) => {}
            Some(index) => self.tied.push((index, refusal)),
            None => self.untied = self.untied.or(Some(refusal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<Errors> {
        errors(body.as_bytes(), "attributes", 5)
    }

    /// braze-rest-api 3.1: absent, null, empty; counters and unknown keys do not matter.
    #[test]
    fn an_answer_without_errors_has_none_in_every_shape() {
        for body in [
            r#"{"message":"success","attributes_processed":5}"#,
            r#" {"message":"queued"}"#,
            r#"{"message":"success","errors":null}"#,
            r#"{"message":"success","errors":[]}"#,
            r#"{"errors":{}}"#,
            r#"{"errors":""}"#,
            r#"{}"#,
        ] {
            assert!(of(body).expect(body).is_empty(), "{body}");
        }
    }

    /// braze-rest-api 3.3: array and index name the object.
    #[test]
    fn an_error_with_array_and_index_is_tied_to_its_object() {
        let body = r#"{"message":"success","errors":[
            {"type":"EMAIL_BAD_FORMAT","input_array":"attributes","index":1},
            {"type":"no such type","input_array":"attributes","index":4,"more":[1]},
            {"type":"BAD_LOCATION_UPDATE","input_array":"attributes","index":1}]}"#;
        let errors = of(body).expect("readable");
        assert_eq!(errors.tied, [(1, Refusal::BadEmail), (4, Refusal::ObjectRefused)]);
        assert_eq!(errors.untied, None);
    }

    /// braze-rest-api 3.3: no index, unknown array, index out of range; 3.1: strings and unknown shapes.
    #[test]
    fn an_error_that_points_at_nothing_is_untied() {
        for errors in [
            r#"["'email_subscribe' must be 'subscribed'"]"#,
            r#"[{"type":"t","input_array":"attributes"}]"#,
            r#"[{"type":"t","input_array":"events","index":0}]"#,
            r#"[{"type":"t","index":0}]"#,
            r#"[{"type":"t","input_array":"attributes","index":5}]"#,
            r#"[{"type":"t","input_array":"attributes","index":-1}]"#,
            r#"[{"type":"t","input_array":"attributes","index":"0"}]"#,
            r#"[null]"#,
            r#"[[]]"#,
            r#"[7]"#,
            r#""something""#,
            r#"{"0":"something"}"#,
            r#"true"#,
            r#"12"#,
        ] {
            let found = of(&format!(r#"{{"message":"success","errors":{errors}}}"#)).expect(errors);
            assert!(found.tied.is_empty() && found.untied.is_some(), "{errors}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_object_is_unreadable() {
        for body in
            ["", "  ", "<html>", "[]", "[null]", "null", r#"{"message":"succ"#, r#"{"a":1} x"#, "\u{0}"]
        {
            assert_eq!(of(body), None, "{body}");
        }
    }
}
