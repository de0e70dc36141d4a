# aigw in every workspace of this template: aigwd holds the company's token, and tools get local keys.
#
# The image has to bring `aigwd` and `aigwctl` in PATH. Change `coder_agent.main` to the name of the template's agent.
# A workspace has no user manager that could keep a service, so aigwd is started by this script.

data "coder_workspace" "me" {}

data "coder_workspace_owner" "me" {}

# The session of the workspace's owner, as Coder's own command-line tool reads it. In a variable and not in the script, since
# the agent runs a script as an argument, which every process of the machine can see.
resource "coder_env" "aigw_url" {
  agent_id = coder_agent.main.id
  name     = "CODER_URL"
  value    = data.coder_workspace.me.access_url
}

resource "coder_env" "aigw_session" {
  agent_id = coder_agent.main.id
  name     = "CODER_SESSION_TOKEN"
  value    = data.coder_workspace_owner.me.session_token
}

resource "coder_script" "aigw" {
  agent_id           = coder_agent.main.id
  display_name       = "aigw"
  icon               = "/icon/lock.svg"
  run_on_start       = true
  start_blocks_login = true
  timeout            = 120

  script = <<-EOT
    #!/bin/sh
    set -eu
    if ! command -v aigwctl >/dev/null || ! command -v aigwd >/dev/null; then
      echo "aigw: aigwd and aigwctl are not in this image's PATH" >&2
      exit 1
    fi
    aigwctl start
    # It has a token made for this machine, and keeps that alone.
    aigwctl login --from-env
    aigwctl setup --detected --yes
  EOT
}

# The deployment forgets this machine's token when the workspace stops; the next start makes another.
resource "coder_script" "aigw_stop" {
  agent_id     = coder_agent.main.id
  display_name = "aigw: log out"
  icon         = "/icon/lock.svg"
  run_on_stop  = true

  script = <<-EOT
    #!/bin/sh
    aigwctl logout
    aigwctl stop
  EOT
}
