//! The tools that are driven after setup, one row each.

use super::trial::Trial;

/// A test for each of these.
macro_rules! trials {
    ($($(#[$condition:meta])* $name:ident: $trial:expr;)*) => {
        $($(#[$condition])* #[tokio::test(flavor = "multi_thread")] async fn $name() { $trial.run().await })*
    };
}

const NO_MODELS: (&str, &str) = ("OPENCODE_DISABLE_MODELS_FETCH", "1");

trials! {
    claude_code: Trial {
        tool: "claude-code",
        program: "claude",
        words: &["-p", "say hi"],
        quiet: &[crate::claude_code::QUIET],
        had: Some((".claude/settings.json", "{\n  \"env\": { \"DISABLE_TELEMETRY\": \"1\" }\n}\n")),
        path: "/anthropic/v1/messages",
        rewrites: false,
    };
    codex: Trial {
        tool: "codex",
        program: "codex",
        words: &["exec", "--skip-git-repo-check", "say hi"],
        quiet: &[],
        had: Some((".codex/config.toml", "# mine\n[analytics]\nenabled = false\n[features]\nplugins = false\napps = false\n")),
        path: "/openai/v1/responses",
        rewrites: false,
    };
    opencode: Trial {
        tool: "opencode",
        program: "opencode",
        words: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        quiet: &[NO_MODELS],
        // Without $schema it would put that in by itself.
        had: Some((".config/opencode/opencode.json", "{\n  \"$schema\": \"https://opencode.ai/config.json\", // mine\n  \"share\": \"disabled\"\n}\n")),
        path: "/anthropic/v1/messages",
        rewrites: false,
    };
    pi: Trial {
        tool: "pi",
        program: "pi",
        words: &["--provider", "openai", "--model", "gpt-5", "-p", "say hi"],
        quiet: &[],
        had: None,
        path: "/openai/v1/responses",
        rewrites: false,
    };
    cn: Trial {
        tool: "continue",
        program: "cn",
        words: &["-p", "say hi"],
        quiet: &[("CONTINUE_TELEMETRY_ENABLED", "0")],
        had: Some((".continue/config.yaml", "name: mine\nversion: 1.0.0 # first\n")),
        path: "/anthropic/v1/messages",
        rewrites: false,
    };
    #[cfg(feature = "heavy-clients")]
    qwen: Trial {
        tool: "qwen",
        program: "qwen",
        words: &["-p", "say hi"],
        quiet: &[],
        had: Some((".qwen/settings.json", "{\n  // mine\n  \"ui\": { \"theme\": \"Default\" }\n}\n")),
        path: "/openai/v1/chat/completions",
        rewrites: true,
    };
    #[cfg(feature = "heavy-clients")]
    kilo: Trial {
        tool: "kilo",
        program: "kilo",
        words: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        quiet: &[NO_MODELS, ("KILO_DISABLE_MODELS_FETCH", "1")],
        had: Some((".config/kilo/kilo.json", "{\n  \"share\": \"disabled\"\n}\n")),
        path: "/anthropic/v1/messages",
        rewrites: true,
    };
    #[cfg(feature = "heavy-clients")]
    droid: Trial {
        tool: "factory",
        program: "droid",
        words: &["exec", "-m", "custom:claude-opus-4-5-(aigw)-0", "say hi"],
        quiet: &[],
        had: Some((".factory/settings.json", "{\n  // mine\n  \"sound\": \"off\"\n}\n")),
        path: "/anthropic/v1/messages",
        rewrites: false,
    };
    #[cfg(feature = "heavy-clients")]
    cline: Trial {
        tool: "cline",
        program: "cline",
        words: &["say hi"],
        quiet: &[],
        had: None,
        path: "/openai/v1/chat/completions",
        rewrites: true,
    };
    #[cfg(feature = "heavy-clients")]
    aider: Trial {
        tool: "aider",
        program: "aider",
        words: &["--no-git", "--yes-always", "--no-check-update", "--analytics-disable", "--message", "say hi"],
        quiet: &[("LITELLM_LOCAL_MODEL_COST_MAP", "True")],
        had: Some((".aider.conf.yml", "# mine\ndark-mode: true\n")),
        path: "/openai/v1/chat/completions",
        rewrites: false,
    };
    #[cfg(feature = "heavy-clients")]
    llm: Trial {
        tool: "llm",
        program: "llm",
        words: &["-m", "aigw/gpt-5", "say hi"],
        quiet: &[],
        had: None,
        path: "/openai/v1/chat/completions",
        rewrites: false,
    };
}
