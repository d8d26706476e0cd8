/** Compares the import of Procfiles with what foreman's own parser makes of them. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { sourceFiles } from "../../../src/cli/files/source-files.ts";
import { importPaths } from "../../../src/convert/import/import.ts";
import { run } from "../../harness/run.ts";
import { tempDir } from "../../harness/temp.ts";

const isInstalled = existsSync("/usr/bin/ruby") && existsSync("/usr/bin/foreman");

/** Prints the names and commands of each file. */
const PARSER = `
require "json"
require "foreman/procfile"
puts JSON.generate(JSON.parse(STDIN.read).map { |path|
  list = []
  Foreman::Procfile.new(path).entries { |name, command| list << [name, command] }
  list
})
`;

/** Procfiles after the features of real ones. */
const PROCFILES: readonly string[] = [
  "web: bin/rails server -p ${PORT:-5000}\n",
  "# comment\n\nrelease: bash bin/release-tasks.sh\n\nweb: bin/rails server\n# worker: bundle exec sidekiq\n",
  "web:            bundle exec unicorn -p $PORT\nworker:         bundle exec rake jobs:work\nimap_client_1x: MAX=100 bundle exec rake\n",
  "web:gunicorn app:app\n",
  "web: java $JAVA_OPTS -Dserver.port=$PORT -jar target/*.jar\r\nworker: b\r\n",
  "worker: python bot.py",
  "web: npm run start:prod\n\n\n",
  "web: vendor/bin/heroku-php-apache2 public/\nweb: other\n",
  "web: a\nclock : b\nmy.proc: c\n-x: d\n_y: e\n",
  'jobs: SIDEKIQ_QUEUES="low_prio:1;variants:1" bundle exec sidekiq -c "a b"\n',
  "web: python -c \"print('a: b')\"\ntwo-words: cd x && exec ./run --a=1 # not a comment\n",
  "  web: indented\nworker: b\n",
  "#!/bin/bash\nadmin: cd a && npm start\n",
  "web:\tnode index.js\t\n",
  "web: celery --hostname=$DYNO@%h -Ofair 100%\n",
  "web: trailing   \n",
];

test.skipIf(!isInstalled)("foreman finds the same names and commands", async () => {
  using directory = tempDir();
  const paths = PROCFILES.map((text, index) => {
    mkdirSync(join(directory.path, String(index)));
    const path = join(directory.path, String(index), "Procfile");
    writeFileSync(path, text);
    return path;
  });
  const { stdout, stderr } = await run(["/usr/bin/ruby", "-e", PARSER], {
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
    stdin: JSON.stringify(paths),
  });
  expect(stderr).toBe("");
  const theirs: ReadonlyArray<ReadonlyArray<readonly [string, string]>> = JSON.parse(stdout);
  for (const [index, path] of paths.entries()) {
    const { units, problems } = importPaths([path], sourceFiles, { home: directory.path });
    const ours = units.map(({ origin, json }) => [/\((.*)\)$/.exec(origin)![1], (json.command as string).replaceAll("%%", "%")]);
    expect({ text: PROCFILES[index], problems, entries: ours }).toEqual({
      text: PROCFILES[index],
      problems: [],
      // A shell ignores blanks at the end.
      entries: theirs[index]!.map(([name, command]) => [name, command.trim()]),
    });
  }
});
