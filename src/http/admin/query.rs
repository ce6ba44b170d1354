//! The parameters of an address: each is known and said once.

use http::Uri;
use tollward_config::closest;

use super::body::FieldsError;

/// Parameters that were not taken yet.
pub struct Query {
    left: Vec<(String, String)>,
    asked: Vec<&'static str>,
    twice: Option<String>,
}

impl Query {
    /// Those of an address.
    pub fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        Self {
            left: pairs.into_owned().collect(),
            asked: Vec::new(),
            twice: None,
        }
    }

    /// Takes a parameter out; `None` where it is not said.
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        let (named, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.left)
            .into_iter()
            .partition(|(it, _)| it == name);
        self.left = left;
        if named.len() > 1 {
            self.twice = Some(name.to_owned());
        }
        named.into_iter().next().map(|(_, value)| value)
    }

    /// # Errors
    /// There is a parameter that nobody asked for, or one that was said twice.
    pub fn finish(self) -> Result<(), FieldsError> {
        if let Some(name) = self.twice {
            return Err(FieldsError::value(&name, "is said more than once"));
        }
        let Some((name, _)) = self.left.into_iter().next() else {
            return Ok(());
        };
        let meant = closest(&name, self.asked.iter().copied()).map(str::to_owned);
        let known = self.asked;
        Err(FieldsError::Unknown { name, meant, known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_and_said_once() {
        let query = |text: &'static str| {
            let mut query = Query::of(&Uri::from_static(text));
            let taken = query.take("after");
            (taken, query.finish().map_err(|it| it.to_string()))
        };
        assert_eq!(query("/a?after=%20b"), (Some(" b".to_owned()), Ok(())));
        assert_eq!(query("/a"), (None, Ok(())));
        let (_, refused) = query("/a?aftr=b");
        let told = "there is no field `aftr`; did you mean `after`?";
        assert_eq!(refused, Err(told.to_owned()));
        assert!(query("/a?after=b&after=c").1.is_err());
    }
}
