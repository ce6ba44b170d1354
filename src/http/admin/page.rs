//! Lists in pages: newest first, from a cursor that is the id of the last one seen.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::body::FieldsError;
use super::query::Query;
use super::refusal::AdminError;

/// How many are listed where nobody says.
const USUAL: u32 = 20;
/// How many are listed at most.
const MOST: u32 = 100;

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many at most.
    #[param(required = false, minimum = 1, maximum = 100, default = 20)]
    pub limit: u32,
    /// The id of the last one on the page before; without it the list begins with the newest.
    #[param(required = false, max_length = 64, nullable = false)]
    pub after: Option<String>,
}

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What it is: `list`.
    #[schema(pattern = "^list$")]
    pub object: &'static str,
    /// What there is.
    pub data: Vec<T>,
    /// Whether there are more after these.
    pub has_more: bool,
    /// The id of the first of these; nothing if there are none.
    pub first_id: Option<String>,
    /// The id of the last of these, for `after`; nothing if there are none.
    pub last_id: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        let mut query = Query::of(&parts.uri);
        let paging = Self::read(&mut query)?;
        query.finish()?;
        Ok(paging)
    }
}

impl Paging {
    /// Reads `limit` and `after`, beside which there may be others.
    ///
    /// # Errors
    /// One of the two is none.
    pub fn read(query: &mut Query) -> Result<Self, FieldsError> {
        let limit = match query.take("limit") {
            None => USUAL,
            Some(text) => {
                let is_count = |it: &u32| (1..=MOST).contains(it) && !text.starts_with('+');
                let read = text.parse().ok().filter(is_count);
                read.ok_or_else(|| FieldsError::value("limit", "takes a number from 1 to 100"))?
            }
        };
        let after = query.take("after");
        if after.as_ref().is_some_and(|it| it.len() > 64) {
            return Err(FieldsError::value(
                "after",
                "takes the id of the last one seen",
            ));
        }
        Ok(Self { limit, after })
    }

    /// The page of all of `items`, which have ids that grow with time.
    pub fn of<I, K: Display, T>(
        &self,
        items: impl IntoIterator<Item = I>,
        id: impl Fn(&I) -> K,
        told: impl Fn(I) -> T,
    ) -> Page<T> {
        let named = items.into_iter().map(|it| (id(&it).to_string(), it));
        let is_after = |(id, _): &(String, I)| self.after.as_ref().is_none_or(|after| id < after);
        let mut left: Vec<(String, I)> = named.filter(is_after).collect();
        left.sort_by(|(one, _), (other, _)| other.cmp(one));
        self.cut(left, told)
    }

    /// The page that begins with `items`, of which there is one more than are wanted if there are more.
    pub fn cut<I, T>(&self, mut items: Vec<(String, I)>, told: impl Fn(I) -> T) -> Page<T> {
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = items.len() > wanted;
        items.truncate(wanted);
        let id = |it: Option<&(String, I)>| it.map(|(id, _)| id.clone());
        Page {
            object: "list",
            has_more,
            first_id: id(items.first()),
            last_id: id(items.last()),
            data: items.into_iter().map(|(_, it)| told(it)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_every_item_once_newest_first() {
        let items = [3_u32, 1, 2, 5, 4];
        let mut paging = Paging {
            limit: 2,
            after: None,
        };
        let mut seen = Vec::new();
        loop {
            let page = paging.of(items, |it| *it, |it| it);
            seen.extend(page.data);
            assert_eq!(page.has_more, seen.len() < items.len());
            if !page.has_more {
                break;
            }
            paging.after = page.last_id;
        }
        assert_eq!(seen, [5, 4, 3, 2, 1]);
        paging.after = Some("0".to_owned());
        let none = paging.of(items, |it| *it, |it| it);
        assert_eq!(
            (none.first_id, none.last_id, none.has_more),
            (None, None, false)
        );
    }
}
