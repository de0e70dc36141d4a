// Runs the program of this platform's package, and ends as it does.
const { spawn } = require("node:child_process");

module.exports = (program) => {
  const platform = `aigw-${process.platform}-${process.arch}`;
  let file;
  try {
    file = require.resolve(`${platform}/bin/${program}${process.platform === "win32" ? ".exe" : ""}`);
  } catch {
    console.error(
      `error: the package ${platform} is not installed\n` +
        "  install aigw again without --omit=optional; where there is no such package, build aigw from its sources",
    );
    process.exit(70);
  }
  const child = spawn(file, process.argv.slice(2), { stdio: "inherit" });
  // A terminal sends its signals to both; others reach us alone.
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" && signal !== "SIGQUIT") child.kill(signal);
      else if (!process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    console.error(`error: ${file} cannot be run: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
};
