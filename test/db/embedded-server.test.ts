import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type EmbeddedServer, findRunningServer, startEmbeddedServer } from '../../src/db/embedded-server';
import { isAlive } from '../../src/db/postmaster';

const ROOT = join(__dirname, '../..');

let serverModule: string;
let dataDir: string;
const folders: string[] = [];
const servers: EmbeddedServer[] = [];
const children: ChildProcess[] = [];
const pause = promisify(setTimeout);
const asRoot = process.getuid?.() === 0 ? test : test.skip; // others run Postgres as themselves
const onLinux = process.platform === 'linux' ? test : test.skip; // looks for a process in /proc

beforeAll(async () => {
  serverModule = await bundle('src/db/embedded-server.ts');
  dataDir = newFolder(); // one for all tests that don't ask for an empty one: making a database takes longest
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  for (const server of servers.splice(0)) await server.stop();
});
afterAll(async () => {
  await until(() => folders.every((folder) => !existsSync(pidFile(folder))), 5_000);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test('a second start finds what the first one has kept', async () => {
  const first = await start();
  expect(first.fresh).toBe(true);
  await query(first.url, "CREATE TABLE kept AS SELECT 'Ada' AS name");
  await first.stop();

  const second = await start();
  expect(second.fresh).toBe(false);
  expect(await query(second.url, 'SELECT name FROM kept')).toEqual([{ name: 'Ada' }]);
});

test('nobody gets in without the password, which only the owner of the data can read', async () => {
  const server = await start();
  await expect(query(server.url.replace(/:\w+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(
    'password authentication failed',
  );
  await expect(query(server.url.replace(/:\w+@/, '@'), 'SELECT 1')).rejects.toThrow('password');
  expect(statSync(join(dataDir, 'postgres')).mode & 0o077).toBe(0);
  expect(statSync(join(dataDir, 'postgres/password')).mode & 0o077).toBe(0);
  expect(await query(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  expect(await query(server.url, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
});

test('letters of any language are folded, and sorting is the same on every machine', async () => {
  const server = await start();
  expect(await query(server.url, "SELECT lower('ÄÉЖ') AS lower")).toEqual([{ lower: 'äéж' }]);
  const sorted = await query(
    server.url,
    "SELECT word FROM unnest(ARRAY['b', 'É', 'a', 'Z']) word ORDER BY word",
  );
  expect(sorted.map(({ word }) => word)).toEqual(['Z', 'a', 'b', 'É']);
});

test('a checkout deeper than a socket path may be long is no trouble', async () => {
  const folder = newFolder();
  chmodSync(folder, 0o755);
  const deep = join(folder, ...Array.from({ length: 6 }, () => 'a-folder-with-quite-a-long-name'), '.data');
  mkdirSync(deep, { recursive: true });
  const server = await start(deep);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

asRoot(
  'below a folder that is closed to other accounts, the data lie elsewhere, and the next start finds them',
  async () => {
    const closed = newFolder();
    const inside = join(closed, 'deeper', '.data');
    const first = await start(inside);
    const elsewhere = realpathSync(join(inside, 'postgres'));
    folders.push(elsewhere);
    expect(elsewhere.startsWith(closed)).toBe(false);
    expect(statSync(elsewhere).mode & 0o077).toBe(0);
    await query(first.url, "CREATE TABLE kept AS SELECT 'Ada' AS name");
    await first.stop();

    const second = await start(inside);
    expect(await query(second.url, 'SELECT name FROM kept')).toEqual([{ name: 'Ada' }]);
    await second.stop();
    rmSync(elsewhere, { recursive: true });
    await expect(start(inside)).rejects.toThrow('is gone');
  },
);

test('when the process is killed, Postgres ends too, and the next start has the data', async () => {
  const killed = await startInChild();
  await query(killed.url, "CREATE TABLE kept_too AS SELECT 'Ada' AS name");
  const postgres = postmasterPid();
  killed.child.kill('SIGKILL');
  await until(() => !isAlive(postgres), 5_000);

  const next = await start();
  expect(await query(next.url, 'SELECT name FROM kept_too')).toEqual([{ name: 'Ada' }]);
});

test('a start right after the kill waits for the Postgres that is still ending', async () => {
  const killed = await startInChild();
  killed.child.kill('SIGKILL');
  const next = await start();
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

onLinux('an orphan that nothing watches is stopped by the next start', async () => {
  const orphaned = await startInChild();
  const postgres = postmasterPid();
  process.kill(watchOf(postgres), 'SIGKILL');
  orphaned.child.kill('SIGKILL');
  await pause(500);
  expect(isAlive(postgres)).toBe(true);

  await start();
  expect(postmasterPid()).not.toBe(postgres);
});

test('a second live process with the same data is refused, and the first one is not disturbed', async () => {
  const first = await startInChild();
  await expect(start()).rejects.toThrow(
    `Another Foyer (process ${first.child.pid}) is running with the same data`,
  );
  expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('of two first starts at once exactly one wins', async () => {
  const empty = newFolder();
  const outcomes = await Promise.allSettled([startInChild(empty), startInChild(empty)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { message: expect.stringMatching(/Another Foyer .* is running with the same data/) },
  });
});

test('a kill while the database is being made leaves nothing that looks finished', async () => {
  const empty = newFolder();
  const child = runInChild(empty);
  await until(
    () => readdirSync(empty).some((name) => existsSync(join(empty, name, 'data/PG_VERSION'))),
    5_000,
  );
  await kill(child);
  expect(readdirSync(empty)).toEqual([expect.stringContaining('unfinished')]);

  const next = await start(empty);
  expect(next.fresh).toBe(true);
  await next.stop();
  // initdb may have outlived its process, and written on while its folder was being removed.
  await start(empty);
  expect(readdirSync(empty)).toEqual(['postgres']);
});

test('a process number left in the data that belongs to another program by now is no obstacle', async () => {
  await (await start()).stop();
  writeFileSync(join(dataDir, 'postgres/data/postmaster.pid'), `${process.ppid}\n`);
  const next = await start();
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('it says when Postgres ends by itself, and not when it was told to stop', async () => {
  const onLost = jest.fn();
  const lost = await start(dataDir, onLost);
  process.kill(postmasterPid(), 'SIGINT');
  await until(() => onLost.mock.calls.length > 0, 5_000);
  await lost.stop();

  const stopped = await start(dataDir, onLost);
  await stopped.stop();
  expect(onLost).toHaveBeenCalledTimes(1);
});

test('a command beside the running process finds its database', async () => {
  expect(findRunningServer(dataDir)).toBeNull();
  const server = await start();
  expect(findRunningServer(dataDir)).toBe(server.url);
  await server.stop();
  expect(findRunningServer(dataDir)).toBeNull();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `foyer-test-${process.pid}-`));
  folders.push(folder);
  return folder;
}

async function start(folder = dataDir, onLost = () => {}): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDir: folder, fast: true, onLost });
  servers.push(server);
  return server;
}

/** For processes of their own, which can be killed. Beside node_modules, or it would not find its packages. */
async function bundle(source: string): Promise<string> {
  const folder = newFolder();
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const outfile = join(folder, 'module.js');
  const options = [
    '--bundle',
    '--platform=node',
    '--packages=external',
    `--outfile=${outfile}`,
    '--log-level=warning',
  ];
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/esbuild'), [join(ROOT, source), ...options]);
  return outfile;
}

const CHILD = `
  const { startEmbeddedServer } = require(process.argv[2]);
  startEmbeddedServer({ dataDir: process.argv[1], fast: true }).then(
    ({ url }) => process.stdout.write(url + '\\n'),
    (error) => { process.stderr.write(error.message); process.exit(1); },
  );
`;

function runInChild(folder = dataDir): ChildProcess {
  const child = spawn(process.execPath, ['-e', CHILD, folder, serverModule]);
  children.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}

async function startInChild(folder = dataDir): Promise<{ child: ChildProcess; url: string }> {
  const child = runInChild(folder);
  const url = await new Promise<string>((started, failed) => {
    child.stdout!.once('data', (line) => started(String(line).trim()));
    child.stderr!.once('data', (message) => failed(new Error(String(message))));
  });
  return { child, url };
}

function pidFile(folder: string): string {
  return join(folder, 'postgres/data/postmaster.pid');
}

function postmasterPid(): number {
  return Number(readFileSync(pidFile(dataDir), 'utf8').split('\n')[0]);
}

/** The shell that waits beside Postgres: the child of Postgres that is no Postgres. */
function watchOf(postgres: number): number {
  const children = readFileSync(`/proc/${postgres}/task/${postgres}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  return children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('kill -INT'))!;
}

async function until(condition: () => boolean, patienceMs: number): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Not so after ${patienceMs} ms: ${condition}`);
    await pause(20);
  }
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
