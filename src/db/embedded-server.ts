import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findBinaries, linkUnlessThere, moveUnlessThere, sharedFolder } from './embedded-binaries';
import { canReach, chooseServerUser, letThrough, type ServerUser } from './embedded-user';
import { isAlive, isReady, makeWay, ownerMark, runningPort } from './postmaster';

export interface EmbeddedServerOptions {
  /** The server lives in the folder `postgres` in here. */
  dataDir: string;
  log?: (line: string) => void;
  /** Without a thought for power cuts: for servers that are thrown away. */
  fast?: boolean;
  /** Called when Postgres ends without having been asked to. */
  onLost?: () => void;
}

export interface EmbeddedServer {
  /** The database `foyer`, on loopback, with its password. */
  url: string;
  /** The database was made by this start. */
  fresh: boolean;
  stop(): Promise<void>;
}

const START_PATIENCE_MS = 120_000;
const STOP_PATIENCE_MS = 30_000;
const LOG_LIMIT_BYTES = 5_000_000;
const LOG_CHECK_MS = 10 * 60_000;

/**
 * Starts the bundled Postgres on the data below `dataDir`, which it makes first if there is none. It listens on
 * loopback alone and asks everybody for a password that only the owner of the data can read. It ends with this process,
 * however that ends. At most one process has it: another start with the same data is refused.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const log = options.log ?? (() => {});
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const user = chooseServerUser(join(dataDir, 'postgres'));
  const binaries = findBinaries(user);
  const { home, fresh } = await findOrMakeCluster({
    dataDir,
    user,
    binaries,
    fast: options.fast === true,
    log,
  });

  const password = readPassword(home);
  const { child, port } = await startPostgres({ binaries, home, user, fast: options.fast === true, log });
  const logTrimming = setInterval(trimLog, LOG_CHECK_MS, logFile(home)).unref();
  let stopping = false;
  const ended = new Promise<void>((done) => {
    child.once('exit', () => {
      clearInterval(logTrimming);
      dismissWatch(child);
      if (!stopping) options.onLost?.();
      done();
    });
  });
  const stop = async () => {
    stopping = true;
    child.kill('SIGINT');
    const impatience = setTimeout(() => child.kill('SIGQUIT'), STOP_PATIENCE_MS);
    await ended;
    clearTimeout(impatience);
  };

  try {
    await makeDatabase(address({ password, port, database: 'postgres' }));
    return { url: address({ password, port, database: 'foyer' }), fresh, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address of the server that another process runs on this data at this moment, for commands beside it. */
export function findRunningServer(dataDir: string): string | null {
  const place = join(resolve(dataDir), 'postgres');
  if (!existsSync(place)) return null;
  const home = realpathSync(place);
  const port = runningPort(join(home, 'data'));
  return port === null ? null : address({ password: readPassword(home), port, database: 'foyer' });
}

function address({ password, port, database }: { password: string; port: number; database: string }): string {
  return `postgres://foyer:${password}@127.0.0.1:${port}/${database}`;
}

interface Cluster {
  binaries: string;
  home: string;
  user: ServerUser | null;
  fast: boolean;
  log: (line: string) => void;
}

type Making = Omit<Cluster, 'home'> & { dataDir: string };

// A home is a folder with all that belongs to one server: `data` (Postgres' own), `password`, `server.log`. It is made
// under another name and moved into place whole, so that a start that is killed half-way leaves nothing that looks done.
async function findOrMakeCluster(options: Making): Promise<{ home: string; fresh: boolean }> {
  const { dataDir, user, log } = options;
  const place = join(dataDir, 'postgres');
  clearUnfinished(dataDir);
  if (lstatSync(place, { throwIfNoEntry: false })) return { home: findHome(place, user), fresh: false };

  log('Making a database in ' + dataDir);
  const unfinished = mkdtempSync(unfinishedName(dataDir));
  const home = withinReach(unfinished, options);
  await initialise({ ...options, home });
  const fresh = home === unfinished ? moveUnlessThere(home, place) : linkUnlessThere(home, place);
  rmSync(unfinished, { recursive: true, force: true });
  return { home: realpathSync(place), fresh };
}

function findHome(place: string, user: ServerUser | null): string {
  if (!existsSync(place)) {
    throw new Error(`The database that ${place} leads to is gone. Bring it back, or remove the link.`);
  }
  const home = realpathSync(place);
  const owner = statSync(home).uid;
  if (!user && owner !== process.getuid?.()) {
    throw new Error(
      `The database in ${place} belongs to another account (user id ${owner}). Start Foyer as that one.`,
    );
  }
  if (user && !canReach(user, home)) letThrough(user, join(place, '..'));
  if (user && !canReach(user, home)) {
    throw new Error(
      `The account that Postgres runs as (user id ${user.uid}) cannot reach ${home} any more. ` +
        'Open the folders above it for walking through (chmod o+x), or set DATABASE_URL.',
    );
  }
  return home;
}

function unfinishedName(dataDir: string): string {
  return join(dataDir, `postgres.unfinished-${process.pid}-`);
}

// Another process may be at it at this moment; its folder is left alone.
function clearUnfinished(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    const pid = Number(/^postgres\.unfinished-(\d+)-/.exec(name)?.[1]);
    if (!pid || (pid !== process.pid && isAlive(pid))) continue;
    try {
      const path = join(dataDir, name);
      rmSync(realpathSync(path), { recursive: true, force: true });
      rmSync(path, { recursive: true, force: true });
    } catch {
      // A killed start's initdb still writes into it: the next start clears it.
    }
  }
}

// Below a closed home (root's own, most often) no other account gets to the data: then they live in a system folder, and
// what stands in the data folder is a link.
function withinReach(unfinished: string, { dataDir, user, log }: Making): string {
  if (!user) return unfinished;
  chownSync(unfinished, user.uid, user.gid);
  if (canReach(user, unfinished)) return unfinished;
  letThrough(user, dataDir);
  if (canReach(user, unfinished)) return unfinished;

  const home = mkdtempSync(join(sharedFolder(user), 'database-'));
  chownSync(home, user.uid, user.gid);
  rmSync(unfinished, { recursive: true });
  symlinkSync(home, unfinished); // for clearUnfinished, should this start be killed
  log(
    `Postgres does not run as root, and other accounts can't get into ${dataDir}: the database is in ${home}`,
  );
  return home;
}

// Sorting by code point is the same on every machine; the system's own collations change with its updates.
async function initialise({ binaries, home, user, fast }: Cluster): Promise<void> {
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  if (user) chownSync(passwordFile, user.uid, user.gid);
  const settings = [
    ...['--pgdata', join(home, 'data'), '--username', 'foyer'],
    ...['--pwfile', passwordFile, '--auth', 'scram-sha-256'],
    ...['--encoding', 'UTF8', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
    ...['--no-instructions', ...(fast ? ['--no-sync'] : [])],
  ];
  try {
    await promisify(execFile)(join(binaries, 'initdb'), settings, { ...user, cwd: '/', env: environment() });
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    rmSync(home, { recursive: true, force: true });
    throw new Error(
      `The bundled Postgres could not make its database: ${stderr.trim() || message}\n` +
        '(It needs glibc on Linux. With DATABASE_URL set, Foyer uses that server instead.)',
      { cause: error },
    );
  }
}

function readPassword(home: string): string {
  return readFileSync(join(home, 'password'), 'utf8').trim();
}

// Between finding a free port and taking it, somebody else may take it; and two starts may meet on the same data.
async function startPostgres(cluster: Cluster): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    await makeWay(join(cluster.home, 'data'));
    const port = await findFreePort();
    try {
      return { child: await startOnPort(cluster, port), port };
    } catch (error) {
      const again = /could not create any TCP\/IP sockets|lock file "postmaster\.pid" already exists/;
      if (attempt >= 5 || !(error instanceof Error && again.test(error.message))) throw error;
    }
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().unref();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

// The shell becomes Postgres. First it leaves a watch behind, which reads a pipe from this process: a line dismisses it,
// an end without one means that this process has died, and Postgres is told to stop.
const WATCHED = '(read -r _ <&3 || kill -INT $$) & exec "$@" 3<&-';

async function startOnPort(
  { binaries, home, user, fast, log }: Cluster,
  port: number,
): Promise<ChildProcess> {
  const data = join(home, 'data');
  const logPath = logFile(home);
  trimLog(logPath);
  const output = openSync(logPath, 'a', 0o600);
  const begun = Date.now();
  const logStart = statSync(logPath).size;
  const settings = Object.entries(serverSettings(port, fast)).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', join(binaries, 'postgres'), '-D', data, ...settings], {
    ...user,
    cwd: '/',
    env: environment(),
    detached: true, // its own process group: a terminal's Ctrl-C reaches this process alone
    stdio: ['ignore', output, output, 'pipe'],
  });
  closeSync(output);
  watchPipe(child).on('error', () => {}); // nobody reads it when Postgres did not come up
  const failure = new Promise<Error>((failed) => {
    child.once('error', failed);
    child.once('exit', () => failed(new Error('Postgres ended')));
  }).then((cause) => {
    const said = readFileSync(logPath).subarray(logStart).toString().trim();
    return new Error(`The bundled Postgres did not start: ${said || cause.message}\n(Its log: ${logPath})`, {
      cause,
    });
  });
  const pid = child.pid ?? -1;
  let reported = false;
  while (!isReady(data, pid)) {
    const failed = await Promise.race([failure, sleep(10, null)]);
    if (failed) {
      dismissWatch(child);
      throw failed;
    }
    if (Date.now() - begun > 5_000 && !reported) {
      log('Postgres is still starting, perhaps repairing what a power cut left');
      reported = true;
    }
    if (Date.now() - begun > START_PATIENCE_MS) {
      child.kill('SIGQUIT');
      throw await failure;
    }
  }
  return child;
}

function serverSettings(port: number, fast: boolean): Record<string, string | number> {
  return {
    'foyer.owner': ownerMark(), // for whoever finds this server running, see postmaster.ts
    listen_addresses: '127.0.0.1',
    port,
    // No socket in the file system: its path may have 107 bytes at most, and a checkout can be deeper than that.
    unix_socket_directories: '',
    max_connections: 100,
    shared_buffers: '128MB',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // What people have typed stays out of the log: no statements, no details of violated constraints.
    log_checkpoints: 'off',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    ...(fast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
}

/** Nothing of ours: no keys, and none of the PG* variables that would change what the server does. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

function logFile(home: string): string {
  return join(home, 'server.log');
}

// Postgres appends, so the file can be emptied under it.
function trimLog(logPath: string): void {
  if ((statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) < LOG_LIMIT_BYTES) return;
  copyFileSync(logPath, `${logPath}.old`);
  truncateSync(logPath);
}

function watchPipe(child: ChildProcess): Writable {
  return child.stdio[3] as Writable;
}

function dismissWatch(child: ChildProcess): void {
  watchPipe(child).end('dismissed\n');
}

async function makeDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = 'foyer'");
    if (found.rowCount === 0) await client.query('CREATE DATABASE foyer');
  } finally {
    await client.end();
  }
}
