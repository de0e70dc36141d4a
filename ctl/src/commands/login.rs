//! `login`: finds a token, or fetches one from the person, and gives it to the daemon, which checks it with the deployment.

mod coder_cli;
mod environment;
mod ways;

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::Duration;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{self, BrowserLogin, Credential, LoggedIn, LoginNeeds, LoginQuery};
use aigw_shared::secret::Secret;
use serde::Serialize;

use self::ways::Tried;
use super::status::Token;
use crate::cli::Login;
use crate::output::{Answer, Output, STRONG};
use crate::wording::{Moment, tame};
use crate::{daemon, os};

/// More than any list of keys.
const STDIN_LIMIT: u64 = 64 * 1024;

pub(super) async fn run(arguments: &Login, output: &Output) -> Result<(), Failure> {
    if arguments.renew {
        return match daemon::ask(Request::RenewLogin(arguments.name.clone())).await? {
            Response::LoggedIn(logged_in) => output.show(&Accepted::from(logged_in)),
            _ => Err(daemon::unexpected()),
        };
    }
    let ca_file = arguments.ca_file.as_deref().map(absolute).transpose()?;
    let url = arguments.url.as_deref().map(with_scheme);
    let given = arguments.from_env.then(|| environment::find(url.as_deref())).transpose()?;
    let url = given.as_ref().map(|given| given.url.clone()).or(url);
    let gateway = LoginQuery { url, name: arguments.name.clone(), store: arguments.store.clone() };
    let needs = match daemon::ask(Request::LoginNeeds(gateway.clone())).await? {
        Response::LoginNeeds(needs) => needs,
        _ => return Err(daemon::unexpected()),
    };
    match ways::without_asking(&gateway, &needs, ca_file.as_ref(), given, arguments, output).await? {
        Tried::LoggedIn(logged_in) => return output.show(&Accepted::from(*logged_in)),
        // Where nobody can be asked, it is what went wrong that counts.
        Tried::None(Some(failed)) if !io::stdin().is_terminal() => return Err(failed),
        Tried::None(_) => {}
    }
    if arguments.unattended && !arguments.token_stdin {
        return Err(Fault::new(Kind::Usage, "nobody can be asked for a login here: there is no terminal")
            .cure_with("give a token: `aigwctl login URL --token-stdin`, or `aigwctl login --from-env`")
            .into());
    }
    if allows_in_browser(&needs, arguments)
        && let Some(logged_in) = in_browser(&gateway, ca_file.as_ref(), arguments.no_open, output).await?
    {
        return output.show(&Accepted::from(logged_in));
    }
    let credentials = gather(&needs, arguments, output)?;
    match daemon::ask(Request::Login(payload::Login { gateway, ca_file, credentials, borrowed: false }))
        .await?
    {
        Response::LoggedIn(logged_in) => output.show(&Accepted::from(logged_in)),
        _ => Err(daemon::unexpected()),
    }
}

/// Whether the person is to allow this machine on the deployment's page: nothing was given instead, and the browser is
/// where aigwd is.
fn allows_in_browser(needs: &LoginNeeds, arguments: &Login) -> bool {
    let given = arguments.token_stdin || arguments.paste;
    needs.token_page.is_some() && !given && os::variable("SSH_CONNECTION").is_none()
}

/// A login with the browser, if the deployment has that way.
async fn in_browser(
    gateway: &LoginQuery,
    ca_file: Option<&String>,
    no_open: bool,
    output: &Output,
) -> Result<Option<LoggedIn>, Failure> {
    // The login belongs to this connection: it is given up when this program ends.
    let mut daemon = daemon::connect().await?;
    let query = BrowserLogin { gateway: gateway.clone(), ca_file: ca_file.cloned() };
    let Response::LoginBegun(begun) = daemon.call(Request::BeginLogin(query)).await? else {
        return Err(daemon::unexpected());
    };
    let Some(page) = begun.page else {
        if let Some(why) = begun.why_not {
            output.note(&format!("The deployment cannot be logged in to with OAuth2: {}.", tame(&why)));
        }
        return Ok(None);
    };
    show_page(&page, no_open, output);
    output.note(&format!("Allow aigw there; this waits for {} minutes.", begun.patience_s / 60));
    let patience = Duration::from_secs(begun.patience_s);
    match daemon.call_with_person(Request::FinishLogin, patience).await? {
        Response::LoggedIn(logged_in) => Ok(Some(logged_in)),
        _ => Err(daemon::unexpected()),
    }
}

/// `coder.example.com` means `https://coder.example.com`.
pub(super) fn with_scheme(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("https://{url}") }
}

/// The daemon has another working folder.
pub(super) fn absolute(file: &Path) -> Result<String, Failure> {
    let unusable = |why: String| Fault::new(Kind::File, format!("{} cannot be used: {why}", file.display()));
    let path = std::path::absolute(file).map_err(|error| unusable(error.to_string()))?;
    std::fs::File::open(&path).map_err(|error| unusable(error.to_string()))?;
    Ok(path.into_os_string().into_string().map_err(|_| unusable("its name is not UTF-8".to_owned()))?)
}

fn gather(needs: &LoginNeeds, arguments: &Login, output: &Output) -> Result<Vec<Credential>, Failure> {
    if arguments.token_stdin {
        return from_text(&read_stdin()?, &needs.providers);
    }
    if !needs.providers.is_empty() {
        let ask = |provider: &String| {
            let secret =
                prompt(&format!("Key for {} at {} (not shown): ", tame(provider), tame(&needs.name)))?;
            credential(Some(provider), secret.reveal())
        };
        return needs.providers.iter().map(ask).collect();
    }
    if let Some(page) = &needs.token_page {
        show_page(page, arguments.no_open, output);
    }
    Ok(vec![credential(None, prompt("Paste the token here (not shown): ")?.reveal())?])
}

fn show_page(page: &str, no_open: bool, output: &Output) {
    let mut quiet = webbrowser::BrowserOptions::new();
    quiet.with_suppress_output(true);
    let opened =
        !no_open && webbrowser::open_browser_with_options(webbrowser::Browser::Default, page, &quiet).is_ok();
    let page = tame(page);
    output.note(&if opened {
        format!("Your browser opens {page}. If it does not, open that page yourself.")
    } else {
        format!("Open this page in a browser: {page}")
    });
}

pub(super) fn prompt(text: &str) -> Result<Secret, Failure> {
    let typed = rpassword::prompt_password(text).map_err(|error| {
        let what = match error.kind() {
            // Ctrl-C, Ctrl-D.
            io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => "nothing was entered".to_owned(),
            _ => format!("there is no terminal to ask on ({error})"),
        };
        Fault::new(Kind::Usage, what)
            .cure_with(
                "run it again and paste it; without a terminal: `aigwctl login URL --token-stdin`, or `--from-env`",
            )
    })?;
    Ok(Secret::new(typed))
}

pub(super) fn read_stdin() -> Result<Secret, Failure> {
    let mut text = String::new();
    io::stdin()
        .take(STDIN_LIMIT)
        .read_to_string(&mut text)
        .map_err(|error| Fault::new(Kind::File, format!("stdin cannot be read: {error}")))?;
    Ok(Secret::new(text))
}

/// A token; or a line `PROVIDER=KEY` for each provider, or just the key where there is one provider only. What goes
/// wrong is told without showing any of it.
fn from_text(text: &Secret, providers: &[String]) -> Result<Vec<Credential>, Failure> {
    if providers.is_empty() {
        return Ok(vec![credential(None, text.reveal())?]);
    }
    let mut keys: Vec<Credential> = Vec::new();
    let lines: Vec<&str> = text.reveal().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for line in &lines {
        let named = line.split_once('=').and_then(|(name, key)| {
            providers.iter().find(|provider| *provider == name.trim()).map(|provider| (provider, key))
        });
        let (provider, key) = match (named, providers) {
            (Some(named), _) => named,
            (None, [only]) if lines.len() == 1 => (only, *line),
            _ => return Err(bad_lines("a line on stdin is not PROVIDER=KEY", providers)),
        };
        if keys.iter().any(|given| given.provider.as_ref() == Some(provider)) {
            return Err(bad_lines(&format!("there are two keys for {provider} on stdin"), providers));
        }
        keys.push(credential(Some(provider), key)?);
    }
    let missing = |provider: &&String| !keys.iter().any(|key| key.provider.as_ref() == Some(*provider));
    match providers.iter().find(missing) {
        Some(provider) => Err(bad_lines(&format!("there is no key for {provider} on stdin"), providers)),
        None => Ok(keys),
    }
}

fn bad_lines(what: &str, providers: &[String]) -> Failure {
    let lines: Vec<String> = providers.iter().map(|provider| format!("{provider}=KEY")).collect();
    Fault::new(Kind::Usage, what).cure_with(format!("give these lines: {}", lines.join(", "))).into()
}

/// A provider's key, if it can be one.
pub(super) fn key_of(provider: &String, key: &Secret) -> Result<Credential, Failure> {
    credential(Some(provider), key.reveal())
}

/// Refuses what can be no token: the daemon would have to send it to find out.
fn credential(provider: Option<&String>, text: &str) -> Result<Credential, Failure> {
    let secret = Secret::new(text);
    let what = provider.map_or_else(|| "token".to_owned(), |provider| format!("key for {provider}"));
    if secret.is_empty() {
        return Err(Fault::new(Kind::Usage, format!("the {what} is empty"))
            .cure_with("paste the whole of it")
            .into());
    }
    if !secret.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(Kind::Usage, format!("the {what} holds blanks or odd characters"))
            .cure_with("copy it again, all of it and nothing else")
            .into());
    }
    Ok(Credential { provider: provider.cloned(), secret })
}

#[derive(Serialize)]
struct Accepted {
    name: String,
    url: Option<String>,
    user: Option<String>,
    expires_at: Option<Moment>,
    prefix: Option<String>,
    /// Whether the other side confirmed it; false where it has no way to ask.
    checked: bool,
    token: Option<Token>,
    /// Why no token was made for this machine.
    no_own_token: Option<String>,
    /// Where it is kept.
    store: String,
}

impl From<LoggedIn> for Accepted {
    fn from(it: LoggedIn) -> Self {
        Self {
            name: it.name,
            url: it.url,
            user: it.user,
            expires_at: it.expires_at.map(Moment),
            prefix: it.prefix,
            checked: it.checked,
            token: it.token.map(Token::from),
            no_own_token: it.no_own_token,
            store: it.store,
        }
    }
}

impl Answer for Accepted {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut words = self.words(Moment::now());
        words += place_words(&self.store);
        words.push('\n');
        write!(to, "{}", tame(&words))?;
        let next = os::shell_in_use().evaluate("aigwctl env");
        writeln!(to, "\nNext: {STRONG}{next}{STRONG:#}, then start your tool in that shell.")
    }
}

impl Accepted {
    fn words(&self, now: Moment) -> String {
        let place = self.url.as_deref().unwrap_or(&self.name);
        if !self.checked {
            return format!("Kept for {place}. Not checked: this gateway has no way to ask.");
        }
        let user = self.user.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
        let own = self.token.as_ref().and_then(|token| token.name.as_ref().zip(token.renews_at));
        let refreshed = self.token.as_ref().is_some_and(|token| token.lasting == "oauth");
        let end = match (own, self.expires_at) {
            _ if refreshed => " aigwd refreshes this login in time.".to_owned(),
            (Some((name, at)), _) => format!(
                "\nThis machine has a token of its own, {name}. aigwd replaces it {} ({}).",
                at.words(),
                at.seen_from(now)
            ),
            (None, Some(end)) => format!(" The token ends {} ({}).", end.words(), end.seen_from(now)),
            (None, None) => String::new(),
        };
        let used = if refreshed { "the login itself is kept" } else { "yours is used" };
        let why = self
            .no_own_token
            .as_ref()
            .map(|why| format!("\nThe deployment makes no token for this machine, so {used}: {why}."));
        format!("Logged in to {place}{user}.{end}{}", why.unwrap_or_default())
    }
}

/// What the person has to know about a place.
fn place_words(store: &str) -> &'static str {
    match store {
        "keyring" => " It is kept in the system's keyring.",
        "memory" => " It is kept in aigwd's memory alone, and gone when aigwd ends.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str, providers: &[&str]) -> Result<Vec<(Option<String>, String)>, String> {
        let providers: Vec<String> = providers.iter().map(|name| (*name).to_owned()).collect();
        from_text(&Secret::new(text), &providers)
            .map(|keys| keys.into_iter().map(|k| (k.provider, k.secret.reveal().to_owned())).collect())
            .map_err(|failure| failure.text + "; " + &failure.cure)
    }

    #[test]
    fn stdin_is_a_token_or_named_keys() {
        let some = |name: &str, key: &str| (Some(name.to_owned()), key.to_owned());
        assert_eq!(keys(" tok-en\n", &[]).unwrap(), [(None, "tok-en".to_owned())]);
        assert_eq!(keys("k==\n", &["openai"]).unwrap(), [some("openai", "k==")]);
        assert_eq!(keys("openai=k=1\r\n\r\n", &["openai"]).unwrap(), [some("openai", "k=1")]);
        assert_eq!(keys("b = 2\na=1\n", &["a", "b"]).unwrap(), [some("b", "2"), some("a", "1")]);
    }

    #[test]
    fn what_is_wrong_on_stdin_is_told_without_showing_it() {
        for (text, providers) in [
            ("", &[][..]),
            ("", &["a"]),
            ("hush hush", &[]),
            ("hush", &["a", "b"]),
            ("a=hush", &["a", "b"]),
            ("a=hush\na=hush2", &["a"]),
            ("hush\nhush2", &["a"]),
            ("c=hush\n", &["a", "b"]),
            ("h\u{fc}sh", &[]),
        ] {
            let told = keys(text, providers).unwrap_err();
            assert!(!told.contains("hush") && !told.contains("\u{fc}"), "{told}");
        }
    }

    #[test]
    fn a_url_without_scheme_is_https() {
        assert_eq!(with_scheme("coder.example.com:8443"), "https://coder.example.com:8443");
        assert_eq!(with_scheme("http://127.0.0.1:3000"), "http://127.0.0.1:3000");
    }

    #[test]
    fn the_person_reads_who_and_until_when() {
        let mut it = Accepted {
            name: "work".into(),
            url: Some("https://coder.example.com".into()),
            user: Some("ada".into()),
            expires_at: Some(Moment(1_796_119_200)),
            prefix: None,
            checked: true,
            token: None,
            no_own_token: None,
            store: "file".into(),
        };
        let now = Moment(1_796_119_200 - 7 * 86_400);
        assert_eq!(
            it.words(now),
            "Logged in to https://coder.example.com as ada. The token ends 2026-12-01 10:00 UTC (in 7 days)."
        );
        it.checked = false;
        assert!(it.words(now).contains("Not checked"));
    }
}
