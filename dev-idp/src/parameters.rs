//! Parameters of a query or a form, read as RFC 6749 §3.1 wants: an empty value counts as omitted, and none may be
//! repeated but `resource` (RFC 8707 §2).

use axum::extract::{FromRequest, RawForm, Request};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use crate::error::{ErrorCode, OAuthError};

/// Name and value pairs in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(raw: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(raw)
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// Every value of `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of `name`, if it is there.
    pub(crate) fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, OAuthError> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            let description = format!("{name} is given more than once");
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        Ok(first)
    }

    /// The value of `name`.
    pub(crate) fn required<'a>(&'a self, name: &'a str) -> Result<&'a str, OAuthError> {
        self.one(name)?
            .ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, format!("{name} is missing")))
    }
}

impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = Response;

    /// The query of a GET, the form of a POST.
    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match RawForm::from_request(request, state).await {
            Ok(RawForm(bytes)) => Ok(Self::parse(&bytes)),
            Err(rejection) => {
                let description = format!(
                    "expected a form (Content-Type: application/x-www-form-urlencoded) of at most 64 KiB: {rejection}"
                );
                Err(OAuthError::new(ErrorCode::InvalidRequest, description).into_response())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_counts_as_omitted() {
        let parameters = Parameters::parse(b"state=&scope=a+b");
        assert_eq!(parameters.one("state"), Ok(None));
        assert_eq!(parameters.one("scope"), Ok(Some("a b")));
    }

    #[test]
    fn only_all_reads_a_repeated_parameter() {
        let parameters = Parameters::parse(b"resource=x&resource=y");
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["x", "y"]);
        let refusal = parameters.one("resource").unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidRequest);
    }
}
