import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, statSync } from 'node:fs';

/** The account that Postgres runs as. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/**
 * Postgres refuses to run as root. Started by root, it gets another account: the one that owns the data already, else
 * `postgres`, else `nobody`. Started by anybody else it runs as that person: null.
 */
export function chooseServerUser(serverFolder: string): ServerUser | null {
  if (process.getuid?.() !== 0) return null;
  const user = ownerOf(serverFolder) ?? accountNamed('postgres') ?? accountNamed('nobody');
  if (user) return user;
  throw new Error(
    'Postgres does not run as root, and this machine has neither a "postgres" nor a "nobody" account. ' +
      'Start Foyer as an ordinary user, or set DATABASE_URL.',
  );
}

/** Whether that account may enter the folder (or run the file). The kernel is asked, so access lists count too. */
export function canReach(user: ServerUser, path: string): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], {
    ...user,
    cwd: '/',
    stdio: 'ignore',
  });
  return probe.status === 0;
}

/** Lets that account's group walk through a folder of ours, and nobody else. */
export function letThrough(user: ServerUser, folder: string): void {
  chownSync(folder, statSync(folder).uid, user.gid);
  chmodSync(folder, 0o710);
}

function ownerOf(folder: string): ServerUser | null {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats && stats.uid !== 0 ? { uid: stats.uid, gid: stats.gid } : null;
}

function accountNamed(name: string): ServerUser | null {
  try {
    const ask = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: ask('-u'), gid: ask('-g') };
  } catch {
    return null;
  }
}
