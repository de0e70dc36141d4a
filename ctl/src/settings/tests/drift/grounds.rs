//! The formats as somebody writes them, and as others change them.

use super::super::*;

/// A format, as somebody writes it and as others change it.
pub(super) struct Ground {
    pub(super) format: Format,
    pub(super) keys: &'static [(&'static str, &'static str)],
    /// Pieces of a file: `#` stands for a number, `~` for words. Those that begin with `!` are there once at most.
    pub(super) pieces: &'static [&'static str],
    pub(super) frame: (&'static str, &'static str),
    /// What others put in.
    pub(super) put: &'static [&'static str],
    /// All that undo may take out of a file in which nothing of ours was before.
    pub(super) ink: &'static str,
}

pub(super) const JSON: Ground = Ground {
    format: Format::Json,
    keys: &[
        ("top", "\"aigw\""),
        ("env.A", "\"ours\""),
        ("env.deep.B", "true"),
        ("models.[name=aigw].url", "\"u\""),
        ("models.[name=aigw].roles", "[\"chat\",{\"n\":1}]"),
        ("models.[name=aigw].in.[id=m].size", "5"),
    ],
    pieces: &[
        "  // ~\n",
        "  /* ~ */\n",
        "  \"k#\" : { \"deep\":[ #,2 ] }, // ~\n",
        "\t\"s#\": \"~\",",
        "  \"env\": { \"MINE\": \"1\" },\n",
        "\"env\": {\n    \"A\" :\"old#\" // ~\n  }, \n",
        "  \"models\" : [ { \"name\": \"other#\" }, ],\n",
        "  \"models\": [\n    {\"name\":\"aigw\", \"mine\": [] } // ~\n  ],\n",
        "\n",
    ],
    frame: ("{\n", "}\n"),
    put: &[
        "\n",
        " ",
        "// note\n",
        "/* note */",
        "\"n1\": 1, ",
        ", \"n2\": {\"x\": 2}",
        "{\"name\": \"n3\"}, ",
        "9",
    ],
    ink: "\"top\":\"aigw\",\"env\":{\"A\":\"ours\",\"deep\":{\"B\":true},},\"models\":[{\"name\":\"aigw\",\"url\":\"u\",\"roles\":[\"chat\",{\"n\":1}],\"in\":[{\"id\":\"m\",\"size\":5},],},],",
};

pub(super) const JSON_LIST: Ground = Ground {
    format: Format::Json,
    keys: &[("[name=aigw].url", "\"u\""), ("[name=aigw].models.[id=m].size", "5"), ("[name=b].k", "\"x\"")],
    pieces: &[
        "  // ~\n",
        "  { \"name\": \"o#\", \"models\": [{\"id\": \"m\"},] }, // ~\n",
        "\t{\"name\":\"aigw\" , \"url\" : \"old\" },",
        "  [ #, \"~\" ],\n",
        "\n",
    ],
    frame: ("[\n", "]\n"),
    put: &["\n", " ", "// note\n", "/* note */", "\"n1\": 1, ", "{\"name\": \"n3\"}, ", ", 7", "9"],
    ink: "[{\"name\":\"aigw\",\"url\":\"u\",\"models\":[{\"id\":\"m\",\"size\":5},],},{\"name\":\"b\",\"k\":\"x\"},]",
};

pub(super) const TOML: Ground = Ground {
    format: Format::Toml,
    keys: &[("top", "\"aigw\""), ("env.A", "\"ours\""), ("env.deep.B", "true")],
    pieces: &[
        "# ~\n",
        "[k#] # ~\n  deep=[ #,2 ]\n",
        "s# = \"~\"\n",
        "[env.x#]\nMINE = 1\n",
        "[env]\n  A = 'old#' # ~\n",
        "\n",
    ],
    frame: ("", ""),
    put: &["\n", " ", "# note\n", " # note", "n1 = 1\n", "\n[n2]\nx = 1\n", "\n", "9"],
    ink: "top=\"aigw\"[env]A=\"ours\"[env.deep]B=true",
};

pub(super) const YAML: Ground = Ground {
    format: Format::Yaml,
    keys: &[("top", "\"aigw\""), ("env.A", "\"ours\""), ("env.deep.B", "true")],
    pieces: &[
        "# ~\n",
        "   # ~\n",
        "k#: # ~\n  deep: [ #, 2 ]\n",
        "\"s#\" : \"~\"\n",
        "!env:\n    MINE: 1\n    # ~\n",
        "!env:\n  A:   old# # ~\n",
        "!env: { A: old#, \"b\": 2 }  # ~\n",
        "!env: {}\n",
        "w#: |\n  ~\n   # no comment\n\n",
        "\n",
    ],
    frame: ("", ""),
    put: &["\n", " ", "# note\n", " # note", "n1: 1\n", "\n- n3\n", "\n  ", ", n2: {x: 2}", "9"],
    ink: "top:aigwenv:A:oursdeep:B:true{{}},,,",
};

pub(super) const YAML_MODELS: Ground = Ground {
    format: Format::Yaml,
    keys: &[
        ("models.[name=aigw].url", "\"http://127.0.0.1:1/v1\""),
        ("models.[name=aigw].roles", "[\"chat\",{\"n\":1}]"),
        ("models.[name=aigw].in.[id=m].size", "5"),
    ],
    pieces: &[
        "# ~\n",
        "k#: # ~\n  - deep\n",
        "!models:\n- name: other#\n  url:\n    - a\n    # ~\n",
        "!models:\n  - # ~\n    name: aigw\n    url: >-\n      old\n      text\n  -  name: z\n",
        "!models:\n  - url: old # ~\n    name: aigw\n    in: []\n",
        "!models: [] # ~\n",
        "!models: [ {name: other#}, ] # ~\n",
        "\n",
    ],
    frame: ("", ""),
    put: &["\n", " ", "# note\n", " # note", "n1: 1\n", "\n- name: n3\n", "\n  ", ", n2: {x: 2}", "9"],
    ink: "models:[{-name:aigw,url:http://127.0.0.1:1/v1,roles:[chat,{\"n\":1}],in:[{-id:m,size:5}]}],,,",
};

pub(super) const YAML_LIST: Ground = Ground {
    format: Format::Yaml,
    keys: &[("[name=aigw].url", "\"u\""), ("[name=aigw].models.[id=m].size", "5"), ("[name=b].k", "\"x y\"")],
    pieces: &[
        "# ~\n",
        "- name: o#\n  models:\n  - id: m # ~\n",
        "-   url: old # ~\n    name: aigw\n",
        "- { name: f# } # ~\n",
        "- - ~\n  - #\n",
        "\n",
    ],
    frame: ("", ""),
    put: &["\n", " ", "# note\n", " # note", "  n1: 1\n", "\n- name: n3\n", "\n  ", "- 7\n", "9"],
    ink: "-name:aigwurl:umodels:-id:msize:5-name:bk:\"xy\"",
};

pub(super) const ENV: Ground = Ground {
    format: Format::Env,
    keys: &[("TOP", "\"http://127.0.0.1:1/v1\""), ("KEY", "\"it's\""), ("FILE", "\"C:\\\\a b\"")],
    pieces: &[
        "# ~\n",
        "  export S# = x~y # ~\n",
        "S#=\"a # \\\" ~\nb\" # ~\n",
        "S#='$~'\n",
        "KEY=old# # ~\n",
        "export TOP='old'\n",
        "TOP=\"o\nld\"\n",
        "export NOTHING\n",
        "\n",
    ],
    frame: ("", ""),
    put: &["\n", " ", "# note\n", " # note", "N1=1\n", "\nexport N2='x\ny'\n", "'", "9"],
    ink: "TOP=http://127.0.0.1:1/v1KEY=\"it's\"FILE='C:\\ab'",
};

pub(super) const JETBRAINS: Ground = Ground {
    format: Format::Jetbrains,
    keys: &[("Http.USE", "\"true\""), ("Http.HOST", "\"<&'\\\">\""), ("Other.PORT", "\"1\"")],
    pieces: &[
        "  <!-- ~ -->\n",
        "  <component name=\"C#\" x=\">\"> <option name=\"A\" value=\"~\" /></component>\n",
        "\t<component name=\"L#\">\n\t\t<list>\n<option value=\"#\"/></list> ~\n</component>\n",
        "!<component name=\"Http\">\n    <option name=\"USE\" value='old#'/> <!-- ~ -->\n  </component>\n",
        "!  <component name=\"Http\" />\n",
        "!  <component name=\"Http\">\n    <!-- ~ -->\n  </component>\n",
        "\n",
    ],
    frame: ("<application>\n", "</application>\n"),
    put: &[
        "\n",
        " ",
        "<!-- note -->",
        "<option name=\"N\" value=\"1\" />\n",
        "<component name=\"N2\"/>\n",
        "<n/>",
        "x",
        "9",
    ],
    ink: "<componentname=\"Http\"><optionname=\"USE\"value=\"true\"/><optionname=\"HOST\"value=\"&lt;&amp;&apos;&quot;&gt;\"/></component><componentname=\"Other\"><optionname=\"PORT\"value=\"1\"/></component>",
};

pub(super) const SHELL: Ground = Ground {
    format: Format::Shell,
    keys: &[("one", "\"export A=1\\n\\n# x\""), ("two", "\"\"")],
    pieces: &[
        "# ~\n",
        "export A#=\"~\"\n",
        "if true; then\n  ~\nfi\n",
        "!# >>> aigw one >>>\nold\n# <<< aigw one <<<\n",
        "# >>> aigw x# >>>\n# <<< aigw x# <<<\n",
        "\n",
    ],
    frame: ("", ""),
    put: &["\n", " ", "# note\n", " # note", "export N1=1\n", "\nalias n2='x\ny'\n", "'", "9"],
    ink: "#>>>aigwone>>>exportA=1#x#<<<aigwone<<<#>>>aigwtwo>>>#<<<aigwtwo<<<",
};
