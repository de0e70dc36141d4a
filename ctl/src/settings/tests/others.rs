//! Variables, JetBrains' options and shells' blocks before and after.

use super::*;

#[test]
fn variables_before_and_after() {
    let keys = [("URL", json!("http://127.0.0.1:1/v1")), ("FILE", json!("C:\\a b")), ("NONE", json!(""))];
    let new = "URL=http://127.0.0.1:1/v1\nFILE='C:\\a b'\nNONE=\"\"\n";
    rows(
        Format::Env,
        &keys,
        &[
            ("", new.to_owned()),
            ("# words", format!("# words\n{}", new.trim_end())),
            ("A=1\n\n", format!("A=1\n\n{new}")),
            (
                "export URL = \"old # \\\" \n x\" # mine\nB=a#b\nexport C\n",
                format!("export URL = http://127.0.0.1:1/v1 # mine\nB=a#b\nexport C\n{}", &new[26..]),
            ),
            ("URL=first\nURL=last\n", format!("URL=first\nURL=http://127.0.0.1:1/v1\n{}", &new[26..])),
        ],
    );
    for word in ["it's \"so\"", "a\nb"] {
        assert!(Format::Env.set("", &path("A"), &json!(word)).is_err(), "{word}");
    }
    assert!(Format::Env.set("", &path("A"), &json!(true)).is_err());
}

#[test]
fn what_variables_say() {
    let text = "A=1 # one\nB='a # \\n' \nC=\"a\\n\\\"b\\\" \\x\"\nD=a#b\nE=\n F = `x`\nA=2\nG=#none\n";
    let read = Format::Env.read(text).unwrap();
    assert_eq!(
        read,
        json!({ "A": "2", "B": "a # \\n", "C": "a\n\"b\" \\x", "D": "a#b", "E": "", "F": "x", "G": "" })
    );
}

#[test]
fn options_before_and_after() {
    let keys = [("Http.USE", json!("true")), ("Http.HOST", json!("a&\"b\""))];
    let options = "    <option name=\"USE\" value=\"true\" />\n    <option name=\"HOST\" value=\"a&amp;&quot;b&quot;\" />\n";
    let component = format!("  <component name=\"Http\">\n{options}  </component>\n");
    let whole = format!("<application>\n{component}</application>");
    rows(
        Format::Jetbrains,
        &keys,
        &[
            ("", format!("{whole}\n")),
            ("<application />", whole.clone()),
            ("<application>\n</application>\n", format!("{whole}\n")),
            (
                "<?xml version=\"1.0\"?>\n<application>\n  <component name=\"Z\" /> <!-- z -->\n  <!-- end -->\n</application>",
                format!(
                    "<?xml version=\"1.0\"?>\n<application>\n  <component name=\"Z\" /> <!-- z -->\n{component}  <!-- end -->\n</application>"
                ),
            ),
            (
                "<application>\n  <component name=\"Http\"/>\n</application>",
                whole.clone(),
            ),
            (
                "<application>\n  <component name=\"Http\">\n    <!-- why -->\n  </component>\n</application>",
                whole.replacen("Http\">\n", "Http\">\n    <!-- why -->\n", 1),
            ),
            (
                "<application>\n\t<component name='Http'>\n\t\t<option value='fal&#115;e' name='USE'/><option name=\"Z\"><list /></option>\n\t</component>\n</application>",
                "<application>\n\t<component name='Http'>\n\t\t<option value='true' name='USE'/><option name=\"Z\"><list /></option>\n\t\t<option name=\"HOST\" value=\"a&amp;&quot;b&quot;\" />\n\t</component>\n</application>".to_owned(),
            ),
        ],
    );
}

#[test]
fn blocks_before_and_after() {
    let keys = [("env", json!("export A=1\n\nexport B='2'"))];
    let block = "# >>> aigw env >>>\nexport A=1\n\nexport B='2'\n# <<< aigw env <<<\n";
    rows(
        Format::Shell,
        &keys,
        &[
            ("", block.to_owned()),
            ("alias a=b", format!("alias a=b\n{}", block.trim_end())),
            ("alias a=b\n\n", format!("alias a=b\n\n{block}")),
            ("a\n# >>> aigw env >>>\nold\n# <<< aigw env <<<\nb\n", format!("a\n{block}b\n")),
            (
                "# >>> aigw other >>>\n# <<< aigw other <<<\n",
                format!("# >>> aigw other >>>\n# <<< aigw other <<<\n{block}"),
            ),
        ],
    );
    let (now, touched) = set(Format::Shell, "a\n", &keys);
    let edited = now.replace("A=1", "A=2");
    let undone = undone(&touched, Some(&edited)).unwrap();
    assert_eq!((undone.text.as_deref(), &undone.theirs[..]), (Some(&*edited), &[path("env")][..]));
    for lines in ["# <<< aigw env <<<", "a\n# >>> aigw x >>>"] {
        assert!(Format::Shell.set("a\n", &path("env"), &json!(lines)).is_err(), "{lines}");
    }
}
