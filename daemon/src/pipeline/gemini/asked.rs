//! What a path of the Gemini API asks for.

use aigw_shared::fault::{Fault, Kind};
use http::Method;
use url::form_urlencoded;

use super::Trouble;
use crate::translate::gemini::error;
use crate::translate::gemini::stream::Form;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// An answer.
    Generate {
        /// The client's name for the model.
        model: String,
        /// The form of the answer.
        form: Form,
    },
    /// A count of tokens.
    Count {
        /// The client's name for the model.
        model: String,
    },
    /// The list of models.
    Models,
    /// One model.
    Model(String),
}

/// Reads the path (after the provider) and the query.
///
/// # Errors
/// What no provider of the gateway has, in words that the tool shows and does not repeat.
pub fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Asked, Trouble> {
    let below = path.splitn(3, '/').nth(2).unwrap_or_default();
    let Some(rest) = below.strip_prefix("models").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        return Err(nobody(below));
    };
    let rest = decoded(rest.trim_matches('/'));
    match (method, rest.rsplit_once(':')) {
        (&Method::POST, Some((model, verb))) if !model.is_empty() => {
            let model = model.to_owned();
            match verb {
                "generateContent" => Ok(Asked::Generate { model, form: Form::Whole }),
                "streamGenerateContent" => Ok(Asked::Generate { model, form: form(query) }),
                "countTokens" => Ok(Asked::Count { model }),
                other => Err(nobody(other)),
            }
        }
        (&Method::GET | &Method::HEAD, _) if rest.is_empty() => Ok(Asked::Models),
        (&Method::GET | &Method::HEAD, _) => Ok(Asked::Model(rest)),
        _ => Err(Fault::new(Kind::MethodRefused, format!("the Gemini API has no {method} of {path}")).into()),
    }
}

/// An array, unless `alt=sse`.
fn form(query: Option<&str>) -> Form {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let events = pairs.any(|(name, value)| (name == "alt" || name == "$alt") && value == "sse");
    if events { Form::Events } else { Form::Array }
}

/// Escapes resolved: some clients write the colon as one.
fn decoded(text: &str) -> String {
    let plus = text.replace('+', "%2B");
    form_urlencoded::parse(plus.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

fn nobody(what: &str) -> Trouble {
    let what = if what.is_empty() { "this path" } else { what };
    Trouble::Shown(error::precondition(&format!(
        "aigw: {what} cannot be carried: the gateway's models are other makers', which have nothing like it. \
         Here are generateContent, streamGenerateContent, countTokens and models."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_is_asked_for() {
        let generate = |model: &str, form| Some(Asked::Generate { model: model.into(), form });
        for (method, path, query, what) in [
            (Method::POST, "/v1beta/models/m:generateContent", None, generate("m", Form::Whole)),
            (
                Method::POST,
                "/v1/models/org/m:streamGenerateContent",
                Some("alt=sse"),
                generate("org/m", Form::Events),
            ),
            (Method::POST, "/v1/models/m%3AstreamGenerateContent", None, generate("m", Form::Array)),
            (Method::POST, "/v1beta/models/m:countTokens", None, Some(Asked::Count { model: "m".into() })),
            (Method::GET, "/v1beta/models", Some("pageSize=5"), Some(Asked::Models)),
            (Method::GET, "/v1alpha/models/m", None, Some(Asked::Model("m".into()))),
            (Method::POST, "/v1beta/models/m:embedContent", None, None),
            (Method::POST, "/v1beta/models/m", None, None),
            (Method::POST, "/v1beta/cachedContents", None, None),
            (Method::GET, "/v1beta/modelsX", None, None),
        ] {
            assert_eq!(of(&method, path, query).ok(), what, "{method} {path}");
        }
    }
}
