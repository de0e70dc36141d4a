//! What a model takes, told by its name.

/// Names that begin so reason first, and then take no word on how words are picked.
const REASONING: [&str; 5] = ["gpt-5", "gpt-6", "o1", "o3", "o4"];
/// But not those with these in them.
const PLAIN: [&str; 1] = ["-chat"];
/// From here on a model can be told not to reason; before, to do it hardly.
const MINIMAL: [&str; 1] = ["gpt-5"];

/// Whether the model reasons.
pub fn reasons(model: &str) -> bool {
    let name = bare(model);
    (REASONING.iter().any(|begin| name.starts_with(begin)) || name.contains("codex"))
        && !PLAIN.iter().any(|part| name.contains(part))
}

/// The least effort that it takes.
pub fn least_effort(model: &str) -> &'static str {
    let name = bare(model);
    if name.contains("codex") {
        return "low";
    }
    let (generation, rest) = name.split_at(name.len().min(MINIMAL[0].len()));
    match (generation, rest.strip_prefix('.')) {
        ("gpt-5", Some(_)) | ("gpt-6", _) => "none",
        ("gpt-5", None) => "minimal",
        _ => "low",
    }
}

/// Without the maker's name, which some gateways put in front.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_it_reasons_and_how_little() {
        for (model, does, least) in [
            ("gpt-5", true, "minimal"),
            ("gpt-5-mini", true, "minimal"),
            ("gpt-5.1", true, "none"),
            ("gpt-5-codex", true, "low"),
            ("openai/o3", true, "low"),
            ("gpt-5-chat-latest", false, "minimal"),
            ("gpt-4.1", false, "low"),
        ] {
            assert_eq!((reasons(model), least_effort(model)), (does, least), "{model}");
        }
    }
}
