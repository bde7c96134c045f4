import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ORPHAN_PATIENCE_MS = 2_000;
const SHUTDOWN_PATIENCE_MS = 60_000;

/**
 * Of all Foyers that are given the same data, one at a time runs Postgres on it. Throws when another one does; what a
 * killed one has left behind is waited for, then stopped.
 */
export async function makeWay(clusterFolder: string): Promise<void> {
  const begun = Date.now();
  let asked = false;
  for (;;) {
    const running = findPostmaster(clusterFolder);
    if (running === null) return;
    if (running.state === 'alive') refuseIfOwned(running, clusterFolder);

    const waited = Date.now() - begun;
    if (waited > SHUTDOWN_PATIENCE_MS) {
      throw new Error(`The Postgres server of an earlier start (process ${running.pid}) does not end.`);
    }
    if (waited > ORPHAN_PATIENCE_MS && !asked) {
      asked = true;
      if (running.state === 'alive') askToStop(running.pid);
      else forget(clusterFolder);
    }
    await sleep(50);
  }
}

function refuseIfOwned({ pid, owner }: Postmaster, clusterFolder: string): void {
  if (!owner) {
    throw new Error(
      `A Postgres server that Foyer did not start (process ${pid}) is running on ${clusterFolder}. Stop it first.`,
    );
  }
  if (startOf(owner.pid) !== owner.start) return;
  throw new Error(
    `Another Foyer (process ${owner.pid}) is running with the same data in ${clusterFolder}. ` +
      'Stop it first, or give this one its own DATA_DIR.',
  );
}

function askToStop(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // Gone meanwhile, or not ours to stop: the wait shows which.
  }
}

/**
 * This process as `pid:start`, for the command line of the Postgres that it starts. The start keeps a later process
 * with the same number from being taken for this one, as happens in containers at every restart.
 */
export function ownerMark(): string {
  return `${process.pid}:${startOf(process.pid)}`;
}

/** Whether Postgres has written that it takes connections. */
export function isReady(clusterFolder: string, pid: number): boolean {
  const lines = readPidFile(clusterFolder);
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/** The port of a Postgres that runs on this data and takes connections, else null. */
export function runningPort(clusterFolder: string): number | null {
  const running = findPostmaster(clusterFolder);
  if (running?.state !== 'alive' || !isReady(clusterFolder, running.pid)) return null;
  return Number(readPidFile(clusterFolder)[3]);
}

interface Postmaster {
  pid: number;
  /** `dead`: killed, and not yet buried by its parent. Postgres would take it for alive. */
  state: 'alive' | 'dead';
  /** The process that started it; null when that was not a Foyer. */
  owner: { pid: number; start: string } | null;
}

function findPostmaster(clusterFolder: string): Postmaster | null {
  const pid = Number(readPidFile(clusterFolder)[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return null;
  const command = commandLineOf(pid);
  if (command === null) return { pid, state: 'dead', owner: null };
  if (!command.includes(clusterFolder)) {
    // The number belongs to something else by now. Postgres itself would only see that it is taken, and refuse.
    forget(clusterFolder);
    return null;
  }
  const mark = /foyer\.owner=(\d+):(\S+)/.exec(command);
  return { pid, state: 'alive', owner: mark ? { pid: Number(mark[1]), start: mark[2]! } : null };
}

function forget(clusterFolder: string): void {
  rmSync(join(clusterFolder, 'postmaster.pid'), { force: true });
}

function readPidFile(clusterFolder: string): string[] {
  try {
    return readFileSync(join(clusterFolder, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Whether a process has that number; a dead one counts until it is buried. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in whatever unit the system has, without blanks; null when there is none. */
function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return ask('lstart', pid)?.replace(/\s+/g, '_') ?? null;
  const stat = readProc(pid, 'stat');
  // The second field, the name, may hold blanks and brackets: count from behind it. Then the state is the first field.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined || state === 'Z' ? null : (fields[18] ?? null);
}

function commandLineOf(pid: number): string | null {
  if (process.platform !== 'linux') return ask('command', pid);
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') || null;
}

function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}

function ask(column: string, pid: number): string | null {
  try {
    return (
      execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], {
        encoding: 'utf8',
        stdio: 'pipe',
      }).trim() || null
    );
  } catch {
    return null;
  }
}
