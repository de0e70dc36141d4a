//! YAML before and after.

use super::*;

#[test]
fn keys_before_and_after() {
    let keys = [("top", json!("x")), ("env.A", json!("yes")), ("env.B", json!(true))];
    let new = "top: x\nenv:\n  A: \"yes\"\n  B: true\n";
    rows(
        Format::Yaml,
        &keys,
        &[
            ("", new.to_owned()),
            ("# only words", format!("# only words\n{}", new.trim_end())),
            ("# only words\n\n", format!("# only words\n\n{new}")),
            ("---\n", format!("---\n{new}")),
            ("{}\n", new.to_owned()),
            ("a: 1", format!("a: 1\n{}", new.trim_end())),
            (
                "a: 1 # one\nenv:   # vars\n    # why\n    A:   'old' # mine\n    # end\n\n# z\nz: 1\n",
                "a: 1 # one\nenv:   # vars\n    # why\n    A:   \"yes\" # mine\n    # end\n    B: true\n\n# z\nz: 1\ntop: x\n".to_owned(),
            ),
            (
                "env: { A: old, \"z\": [1, 2] } # in braces\n",
                "env: { A: \"yes\", \"z\": [1, 2], B: true } # in braces\ntop: x\n".to_owned(),
            ),
            ("env:\n  A:\n    - old\n    # why\n    - it\n", "env:\n  A: \"yes\"\n  B: true\ntop: x\n".to_owned()),
            ("env: {} # none\nz: |\n  text\n  # text\n", "env: # none\n  A: \"yes\"\n  B: true\nz: |\n  text\n  # text\ntop: x\n".to_owned()),
            ("&a k: &b v\nl: *b\n", format!("&a k: &b v\nl: *b\n{new}")),
        ],
    );
}

#[test]
fn elements_before_and_after() {
    let keys = [
        ("models.[name=My model].apiBase", json!("http://127.0.0.1:1/v1")),
        ("models.[name=My model].roles", json!(["chat", "edit"])),
    ];
    let element = |indent: &str| {
        format!(
            "{indent}- name: \"My model\"\n{indent}  apiBase: http://127.0.0.1:1/v1\n{indent}  roles: [chat, edit]\n"
        )
    };
    let (flat, deep) = (element(""), element("  "));
    rows(
        Format::Yaml,
        &keys,
        &[
            ("name: Local\n", format!("name: Local\nmodels:\n{deep}")),
            ("models: []\nz: 1\n", format!("models:\n{deep}z: 1\n")),
            ("models: [] # none\n", format!("models: # none\n{deep}")),
            (
                "models:\n- name: other\n  model: m\n  # roles: [chat]\n\nz: 1\n",
                format!("models:\n- name: other\n  model: m\n  # roles: [chat]\n{flat}\nz: 1\n"),
            ),
            (
                "a:\n- b\nname: Local\n",
                format!("a:\n- b\nname: Local\nmodels:\n{flat}"),
            ),
            (
                "models:\n  -   apiBase: old # mine\n      name: My model\n  - name: z\n",
                "models:\n  -   apiBase: http://127.0.0.1:1/v1 # mine\n      name: My model\n      roles: [chat, edit]\n  - name: z\n".to_owned(),
            ),
            (
                "models: [{name: z}]\n",
                "models: [{name: z}, { name: \"My model\", apiBase: http://127.0.0.1:1/v1, roles: [chat, edit] }]\n".to_owned(),
            ),
            (
                "models: [\n  {name: z}, # z\n]\n",
                "models: [\n  {name: z}, { name: \"My model\", apiBase: http://127.0.0.1:1/v1, roles: [chat, edit] }, # z\n]\n".to_owned(),
            ),
        ],
    );
}

#[test]
fn a_list_at_the_root() {
    let keys = [("[model_id=a].api_base", json!("u")), ("[model_id=b].api_base", json!("u"))];
    let new = "- model_id: a\n  api_base: u\n- model_id: b\n  api_base: u\n";
    rows(
        Format::Yaml,
        &keys,
        &[
            ("", new.to_owned()),
            ("[]\n", new.to_owned()),
            ("# words\n- model_id: z # z\n", format!("# words\n- model_id: z # z\n{new}")),
        ],
    );
}
