# what: npm: a package with a dependency and scripts, packed, installed and run without a network
# time: 120
exec 2>&1
export npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm_config_offline=true CI=1
mkdir dep app
cat >dep/package.json <<'END'
{ "name": "dep", "version": "1.0.0", "main": "index.js", "bin": { "dep-cli": "cli.js" }, "scripts": { "install": "echo installed > marker" } }
END
echo 'module.exports = n => n * 2' >dep/index.js
printf '#!/usr/bin/env node\nconsole.log(require("./index.js")(21))\n' >dep/cli.js && chmod +x dep/cli.js
cat >app/package.json <<'END'
{ "name": "app", "version": "1.0.0", "dependencies": { "dep": "file:../dep-1.0.0.tgz" },
  "scripts": { "pretest": "echo before", "test": "dep-cli && node -e \"process.exit(require('dep')(2) - 4)\"", "fails": "exit 3" } }
END
(cd dep && npm pack --silent --pack-destination ..)
cd app && npm install --silent; echo "install status $?"
cat node_modules/dep/marker
npm test --silent; echo "test status $?"
npm run fails --silent; echo "fails status $?"
npm ls --silent; npx --no-install dep-cli
node -e 'const { execSync, spawnSync, fork } = require("child_process"); console.log(execSync("echo sync").toString().trim(), spawnSync("sh", ["-c", "exit 5"]).status)'
