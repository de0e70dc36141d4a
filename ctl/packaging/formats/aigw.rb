# Filled in by homebrew.sh.
class Aigw < Formula
  desc "Local door to a company's AI gateway"
  homepage "https://coder.com/docs/ai-coder/ai-gateway"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

@BLOCKS@

  def install
    bin.install "bin/aigwd", "bin/aigwctl"
    man1.install Dir["share/man/man1/*"]
    bash_completion.install "share/bash-completion/completions/aigwctl"
    zsh_completion.install "share/zsh/site-functions/_aigwctl"
    fish_completion.install "share/fish/vendor_completions.d/aigwctl.fish"
    doc.install Dir["share/doc/aigw/*"]
  end

  def caveats
    <<~TEXT
      aigwctl up URL            starts the daemon, logs in and sets up your tools
      aigwctl service install   has launchd or systemd keep the daemon running
      Before you uninstall: aigwctl down
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/aigwctl --version")
    assert_match version.to_s, shell_output("#{bin}/aigwd --version")
  end
end
