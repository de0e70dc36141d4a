use super::*;

use std::path::Path;

use aigw_shared::config::{self, Sources};
use aigw_shared::paths::Paths;

/// Settings as a user would write them.
fn config(text: &str) -> Config {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::under(home.path());
    std::fs::create_dir_all(&paths.config).unwrap();
    std::fs::write(paths.config_file(), text).unwrap();
    let sources = Sources {
        user: paths.config_file(),
        policy: Path::new("/nonexistent/policy").into(),
        ..Sources::default()
    };
    config::load(&sources).unwrap().config
}

const TWO: &str = r#"
default_gateway = "work"
[gateway.work]
url = "https://coder.example.com"
[gateway.work.providers.mantle]
dialect = "anthropic"
[gateway.work.providers.openai]
mode = "auto"
[gateway.lite]
kind = "generic"
[gateway.lite.providers.openai]
base_url = "https://lite.example.com/v1"
[gateway.lite.providers.anthropic]
base_url = "https://lite.example.com/anthropic"
"#;

#[test]
fn paths_lead_to_routes() {
    use Dialect::{Anthropic as A, OpenAi as O};
    let config = config(TWO);
    for (path, provider, right, dialect, mended) in [
        ("/anthropic/v1/messages", "anthropic", "/v1/messages", A, false),
        ("/anthropic/api/hello", "anthropic", "/api/hello", A, false),
        ("/anthropic", "anthropic", "", A, false),
        ("/anthropic/messages", "anthropic", "/v1/messages", A, true),
        ("/anthropic/messages/count_tokens", "anthropic", "/v1/messages/count_tokens", A, true),
        ("/anthropic/v1/v1/messages", "anthropic", "/v1/messages", A, true),
        ("/anthropic//v1/messages", "anthropic", "/v1/messages", A, true),
        ("/openai/v1/responses", "openai", "/v1/responses", O, false),
        ("/openai/v1/responses/resp_1/cancel", "openai", "/v1/responses/resp_1/cancel", O, false),
        ("/openai/responses", "openai", "/v1/responses", O, true),
        ("/openai/chat/completions", "openai", "/v1/chat/completions", O, true),
        ("/openai/models", "openai", "/v1/models", O, true),
        ("/openai/modelsX", "openai", "/modelsX", O, false),
        ("/chatgpt/v1/responses", "chatgpt", "/v1/responses", O, false),
        ("/copilot/responses", "copilot", "/responses", O, false),
        ("/copilot/v1/messages", "copilot", "/v1/messages", A, false),
        ("/copilot/v1/v1/responses", "copilot", "/responses", O, true),
        ("/copilot-business/v1/chat/completions", "copilot-business", "/chat/completions", O, true),
        ("/mantle/messages", "mantle", "/v1/messages", A, true),
        ("/azure/v1/chat/completions", "azure", "/v1/chat/completions", O, false),
        ("/bedrock/v1/messages", "bedrock", "/v1/messages", A, false),
        ("/api/v2/aibridge/anthropic/v1/messages", "anthropic", "/v1/messages", A, false),
        ("/api/v2/ai-gateway/openai/v1/models", "openai", "/v1/models", O, false),
        ("/openai/v1/models/org%2Fname", "openai", "/v1/models/org%2Fname", O, false),
    ] {
        let route = decide(&config, None, path).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        let got = (route.provider.as_str(), route.path.as_str(), route.dialect, route.mended.is_some());
        assert_eq!(got, (provider, right, dialect, mended), "{path}");
        assert_eq!(route.gateway, "work");
    }
}

/// Google's dialect is translated for everybody but a gateway that has it, or has something else by that name.
#[test]
fn googles_dialect_is_translated() {
    let own = "[gateway.own]\nkind = \"generic\"\n[gateway.own.providers.gemini]\n\
               base_url = \"https://lite.example.com/gemini\"\ndialect = \"gemini\"\n";
    let config = config(&format!("{TWO}{own}"));
    for (gateway, path, right, translated) in [
        ("work", "/gemini/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent", true),
        ("work", "/gemini/v1/models", "/v1/models", true),
        ("lite", "/gemini/v1alpha/models/m", "/v1alpha/models/m", true),
        ("work", "/gemini/models/m:countTokens", "/v1beta/models/m:countTokens", true),
        ("work", "/gemini/v1beta/v1beta/models", "/v1beta/models", true),
        ("work", "/gemini/v1/chat/completions", "/v1/chat/completions", false),
        ("work", "/gemini/other", "/other", false),
        ("own", "/gemini/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent", false),
    ] {
        let route = decide(&config, Some(gateway), path).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        assert_eq!((route.path.as_str(), route.translated), (right, translated), "{path}");
        let google = route.dialect == Dialect::Gemini;
        assert_eq!(google, translated || gateway == "own", "{path}");
    }
    let route = decide(&config, Some("own"), "/gemini/v1beta/models").unwrap();
    assert_eq!(below_base_url(&config.gateways["own"], &route).unwrap(), "/v1beta/models");
}

/// F7: nothing leaves the prefix, and the user's history stays where it is.
#[test]
fn f7_tricks_and_management_paths_are_refused() {
    let config = config(TWO);
    for (path, kind) in [
        ("/anthropic/../sessions", Kind::BadRequest),
        ("/anthropic/%2e%2e/sessions", Kind::BadRequest),
        ("/anthropic/..%2fsessions", Kind::BadRequest),
        ("/anthropic/.%2E/v1", Kind::BadRequest),
        ("/anthropic/%2E./v1", Kind::BadRequest),
        ("/anthropic/./v1", Kind::BadRequest),
        ("/anthropic/..;/v1", Kind::BadRequest),
        ("/anthropic\\..\\sessions", Kind::BadRequest),
        ("/anthropic/..%5csessions", Kind::BadRequest),
        ("/anthropic/v1%00", Kind::BadRequest),
        ("/sessions", Kind::ManagementRoute),
        ("//sessions", Kind::ManagementRoute),
        ("/api/v2/aibridge/sessions", Kind::ManagementRoute),
        ("/api/v2/ai-gateway/interceptions/x", Kind::ManagementRoute),
        ("/models", Kind::ManagementRoute),
        ("/keys", Kind::ManagementRoute),
        ("/proxy/ca-cert.pem", Kind::ManagementRoute),
        ("/", Kind::NoSuchRoute),
        ("/api/v2/users/me", Kind::NoSuchRoute),
        ("/api/v2/aibridgeX/anthropic/v1/messages", Kind::NoSuchRoute),
        ("/v1/messages", Kind::NoSuchRoute),
        ("/%61nthropic/v1/messages", Kind::NoSuchRoute),
        ("/_aigw/status", Kind::NoSuchRoute),
        ("/Anthropic/v1/messages", Kind::NoSuchRoute),
    ] {
        let fault = decide(&config, None, path).expect_err(path);
        assert_eq!(fault.kind, kind, "{path}");
    }
    assert_eq!(decide(&config, None, "/anthropicX/v1/messages").unwrap_err().kind, Kind::NoSuchRoute);
}

#[test]
fn modes_come_from_the_provider_the_settings_and_the_gateway() {
    let config = config(TWO);
    let mode = |gateway, path| decide(&config, gateway, path).unwrap().mode;
    assert_eq!(mode(None, "/anthropic/v1/messages"), Mode::Central);
    assert_eq!(mode(None, "/openai/v1/responses"), Mode::Auto);
    assert_eq!(mode(None, "/copilot/responses"), Mode::Byok);
    assert_eq!(mode(Some("lite"), "/openai/v1/responses"), Mode::Central);
    assert_eq!(decide(&config, Some("lite"), "/copilot/responses").unwrap_err().kind, Kind::NoSuchRoute);
    assert_eq!(decide(&config, Some("other"), "/openai/v1/models").unwrap_err().kind, Kind::NoGateway);
}

#[test]
fn a_base_url_stands_for_the_prefix() {
    let config = config(TWO);
    let below = |path| {
        let route = decide(&config, Some("lite"), path)?;
        below_base_url(&config.gateways["lite"], &route).map(str::to_owned)
    };
    assert_eq!(below("/openai/v1/chat/completions").unwrap(), "/chat/completions");
    assert_eq!(below("/openai/responses").unwrap(), "/responses");
    assert_eq!(below("/anthropic/v1/messages").unwrap(), "/v1/messages");
    assert_eq!(below("/openai/other").unwrap_err().kind, Kind::NoSuchRoute);
}
