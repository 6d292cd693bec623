// Runs the reference's commands in one process: JSON lines {"cwd", "argv"} in, JSON lines {"exit", "json"} out.
// Its one argument is the directory of the installed package `@fission-ai/openspec`.
import path from 'node:path';
import readline from 'node:readline';

for (const name of ['OPENSPEC_TELEMETRY']) process.env[name] = '0';
for (const name of ['DO_NOT_TRACK', 'CI', 'NO_COLOR']) process.env[name] = '1';

const { program } = await import(path.join(process.argv[2], 'dist/cli/index.js'));
const quiet = (command) => { command.exitOverride(); command.commands.forEach(quiet); };
quiet(program);

class Exit extends Error {
  constructor(status) { super('exit'); this.status = status; }
}
const exit = process.exit.bind(process);
const write = process.stdout.write.bind(process.stdout);
const writeError = process.stderr.write.bind(process.stderr);

async function run({ cwd, argv }) {
  let out = '';
  const gather = (keep) => (chunk, encoding, done) => {
    keep(String(chunk));
    const told = typeof encoding === 'function' ? encoding : done;
    if (told) told();
    return true;
  };
  process.exitCode = 0;
  process.stdout.write = gather((text) => { out += text; });
  process.stderr.write = gather(() => {});
  process.exit = (status) => { throw new Exit(status ?? process.exitCode ?? 0); };
  let status;
  try {
    process.chdir(cwd);
    await program.parseAsync(['node', 'openspec', ...argv]);
    status = Number(process.exitCode ?? 0);
  } catch (error) {
    status = error instanceof Exit ? error.status : error.exitCode ?? 1;
  } finally {
    process.stdout.write = write;
    process.stderr.write = writeError;
    process.exit = exit;
    process.exitCode = 0;
  }
  let json = null;
  try { json = JSON.parse(out); } catch { /* no JSON */ }
  return { exit: status, json };
}

for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line.trim()) write(JSON.stringify(await run(JSON.parse(line))) + '\n');
}
