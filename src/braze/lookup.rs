//! `/users/export/ids`: which users exist, and under which `braze_id`.

/// A user that Braze knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExportedUser {
    /// The user's present primary id.
    pub external_id: String,
    /// The id that Braze assigned; a re-created user has another one.
    pub braze_id: String,
}
