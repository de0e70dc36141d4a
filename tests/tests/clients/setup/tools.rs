//! The tools that are driven after setup, one row each.

use super::trial::{By, Edit, Trial};

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
        variables: &[crate::claude_code::QUIET],
        by: By::Files(Edit { had: Some((".claude/settings.json", "{\n  \"env\": { \"DISABLE_TELEMETRY\": \"1\" }\n}\n")), rewrites: false }),
        path: "/anthropic/v1/messages",
    };
    claude_code_by_the_proxy: Trial {
        tool: "claude-code",
        program: "claude",
        words: &["-p", "say hi"],
        variables: &[],
        by: By::ProxyInFiles(Edit {
            // As it writes that file itself, which it does when it asks its maker.
            had: Some((".claude/settings.json", "{\n  \"env\": {\n    \"ANTHROPIC_API_KEY\": \"sk-ant-api03-own\"\n  }\n}\n")),
            rewrites: false,
        }),
        path: "/anthropic/v1/messages",
    };
    codex: Trial {
        tool: "codex",
        program: "codex",
        words: &["exec", "--skip-git-repo-check", "say hi"],
        variables: &[],
        by: By::Files(Edit { had: Some((".codex/config.toml", "# mine\n[analytics]\nenabled = false\n[features]\nplugins = false\napps = false\n")), rewrites: false }),
        path: "/openai/v1/responses",
    };
    codex_by_the_proxy: Trial {
        tool: "codex",
        program: "codex",
        words: &["exec", "--skip-git-repo-check", "say hi"],
        variables: &[("CODEX_API_KEY", "sk-proj-somebodys-own")],
        by: By::ProxyInFiles(Edit { had: Some((".codex/.env", "# mine\nEDITOR=vi\n")), rewrites: false }),
        path: "/openai/v1/responses",
    };
    opencode: Trial {
        tool: "opencode",
        program: "opencode",
        words: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        variables: &[NO_MODELS],
        // Without $schema it would put that in by itself.
        by: By::Files(Edit { had: Some((".config/opencode/opencode.json", "{\n  \"$schema\": \"https://opencode.ai/config.json\", // mine\n  \"share\": \"disabled\"\n}\n")), rewrites: false }),
        path: "/anthropic/v1/messages",
    };
    pi: Trial {
        tool: "pi",
        program: "pi",
        words: &["--provider", "openai", "--model", "gpt-5", "-p", "say hi"],
        variables: &[],
        by: By::Files(Edit { had: None, rewrites: false }),
        path: "/openai/v1/responses",
    };
    copilot: Trial {
        tool: "copilot-cli",
        program: "copilot",
        words: &["-p", "say hi"],
        variables: &[("COPILOT_OFFLINE", "true")],
        by: By::Run,
        path: "/openai/v1/chat/completions",
    };
    copilot_by_the_proxy: Trial {
        tool: "copilot-cli",
        program: "copilot",
        words: &["-p", "say hi"],
        variables: &[("COPILOT_GITHUB_TOKEN", "gho_somebodysown0000000000000000000000000")],
        by: By::ProxyAndSystem(Edit { had: None, rewrites: false }),
        path: "/copilot/responses",
    };
    cn: Trial {
        tool: "continue",
        program: "cn",
        words: &["-p", "say hi"],
        variables: &[("CONTINUE_TELEMETRY_ENABLED", "0")],
        by: By::Files(Edit { had: Some((".continue/config.yaml", "name: mine\nversion: 1.0.0 # first\n")), rewrites: false }),
        path: "/anthropic/v1/messages",
    };
    gemini: Trial {
        tool: "gemini-cli",
        program: "gemini",
        words: &["-m", "gemini-2.5-flash", "-p", "say hi"],
        variables: &[("GEMINI_CLI_TRUST_WORKSPACE", "true")],
        by: By::Files(Edit { had: Some((".gemini/settings.json", "{\n  // mine\n  \"ui\": { \"hideTips\": true }\n}\n")), rewrites: false }),
        path: "/anthropic/v1/messages",
    };
    #[cfg(feature = "heavy-clients")]
    qwen: Trial {
        tool: "qwen",
        program: "qwen",
        words: &["-p", "say hi"],
        variables: &[],
        by: By::Files(Edit { had: Some((".qwen/settings.json", "{\n  // mine\n  \"ui\": { \"theme\": \"Default\" }\n}\n")), rewrites: true }),
        path: "/openai/v1/chat/completions",
    };
    #[cfg(feature = "heavy-clients")]
    kilo: Trial {
        tool: "kilo",
        program: "kilo",
        words: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        variables: &[NO_MODELS, ("KILO_DISABLE_MODELS_FETCH", "1")],
        by: By::Files(Edit { had: Some((".config/kilo/kilo.json", "{\n  \"share\": \"disabled\"\n}\n")), rewrites: true }),
        path: "/anthropic/v1/messages",
    };
    #[cfg(feature = "heavy-clients")]
    droid: Trial {
        tool: "factory",
        program: "droid",
        words: &["exec", "-m", "custom:claude-opus-4-5-(aigw)-0", "say hi"],
        variables: &[],
        by: By::Files(Edit { had: Some((".factory/settings.json", "{\n  // mine\n  \"sound\": \"off\"\n}\n")), rewrites: false }),
        path: "/anthropic/v1/messages",
    };
    #[cfg(feature = "heavy-clients")]
    cline: Trial {
        tool: "cline",
        program: "cline",
        words: &["say hi"],
        variables: &[],
        by: By::Files(Edit { had: None, rewrites: true }),
        path: "/openai/v1/chat/completions",
    };
    #[cfg(feature = "heavy-clients")]
    aider: Trial {
        tool: "aider",
        program: "aider",
        words: &["--no-git", "--yes-always", "--no-check-update", "--analytics-disable", "--message", "say hi"],
        variables: &[("LITELLM_LOCAL_MODEL_COST_MAP", "True")],
        by: By::Files(Edit { had: Some((".aider.conf.yml", "# mine\ndark-mode: true\n")), rewrites: false }),
        path: "/openai/v1/chat/completions",
    };
    #[cfg(feature = "heavy-clients")]
    llm: Trial {
        tool: "llm",
        program: "llm",
        words: &["-m", "aigw/gpt-5", "say hi"],
        variables: &[],
        by: By::Files(Edit { had: None, rewrites: false }),
        path: "/openai/v1/chat/completions",
    };
    openai_python: Trial {
        tool: "openai-python",
        program: "openai-python",
        words: &["-c", OPENAI_PY],
        variables: &[],
        by: By::Library,
        path: "/openai/v1/responses",
    };
    anthropic_python: Trial {
        tool: "anthropic-python",
        program: "anthropic-python",
        words: &["-c", ANTHROPIC_PY],
        variables: &[],
        by: By::Library,
        path: "/anthropic/v1/messages",
    };
    google_python: Trial {
        tool: "google-genai-python",
        program: "google-genai-python",
        words: &["-c", GOOGLE_PY],
        variables: &[],
        by: By::Library,
        path: "/anthropic/v1/messages",
    };
    #[cfg(feature = "heavy-clients")]
    google_js: Trial {
        tool: "google-genai-js",
        program: "google-genai-js",
        words: &["-e", GOOGLE_JS],
        variables: &[],
        by: By::Library,
        path: "/openai/v1/responses",
    };
    #[cfg(feature = "heavy-clients")]
    openai_js: Trial {
        tool: "openai-js",
        program: "openai-js",
        words: &["-e", OPENAI_JS],
        variables: &[],
        by: By::Library,
        path: "/openai/v1/responses",
    };
    #[cfg(feature = "heavy-clients")]
    anthropic_js: Trial {
        tool: "anthropic-js",
        program: "anthropic-js",
        words: &["-e", ANTHROPIC_JS],
        variables: &[],
        by: By::Library,
        path: "/anthropic/v1/messages",
    };
}

const OPENAI_PY: &str = "
import openai
print(openai.OpenAI().responses.create(model='gpt-5', input='say hi').output_text)
";
const ANTHROPIC_PY: &str = "
import anthropic
asked = [{'role': 'user', 'content': 'say hi'}]
answer = anthropic.Anthropic().messages.create(model='claude-sonnet-4-5', max_tokens=99, messages=asked)
print(answer.content[0].text)
";
const GOOGLE_PY: &str = "
from google import genai
# One that nobody keeps is closed.
client = genai.Client()
print(client.models.generate_content(model='gemini-2.5-flash', contents='say hi').text)
";
#[cfg(feature = "heavy-clients")]
const GOOGLE_JS: &str = "
const { GoogleGenAI } = require('@google/genai');
// It reads the address from the variable, and the key.
const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
ai.models.generateContent({ model: 'gpt-5', contents: 'say hi' }).then((answer) => console.log(answer.text));
";
#[cfg(feature = "heavy-clients")]
const OPENAI_JS: &str = "
const OpenAI = require('openai');
new OpenAI().responses.create({ model: 'gpt-5', input: 'say hi' }).then((answer) => console.log(answer.output_text));
";
#[cfg(feature = "heavy-clients")]
const ANTHROPIC_JS: &str = "
const Anthropic = require('@anthropic-ai/sdk');
const messages = [{ role: 'user', content: 'say hi' }];
new Anthropic().messages.create({ model: 'claude-sonnet-4-5', max_tokens: 99, messages })
    .then((answer) => console.log(answer.content[0].text));
";
