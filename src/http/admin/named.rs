//! The thing that an address names, by its id or its name.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use super::body::FieldsError;
use super::refusal::AdminError;

/// The last variable part of an address, decoded.
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        // What cannot be decoded is refused in the words of this API, not of the library.
        let named = Path::<String>::from_request_parts(parts, state).await;
        let Path(named) = named.map_err(|_| FieldsError::value("id", "is not UTF-8"))?;
        Ok(Self(named))
    }
}
