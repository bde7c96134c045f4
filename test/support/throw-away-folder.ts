import { accessSync, constants, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../src/db/postmaster';

/** What several databases of a run take, and then some. */
const ROOM_NEEDED = 2 * 1024 ** 3;
const IN_MEMORY = '/dev/shm';

/**
 * A folder for a database that nobody needs afterwards. In memory where the machine has such a place: a clone of the
 * template is some 700 files, and where each costs the disk's journal an entry it takes half a second instead of 50 ms.
 */
export function throwAwayFolder(): string {
  return mkdtempSync(join(placeForThrowAway(), `foyer-test-${process.pid}-`));
}

const FOLDER = /^foyer-test-(\d+)-/;

/** A run that was killed takes its server with it, not its folder. */
export function removeLeftFolders(): void {
  for (const place of new Set([placeForThrowAway(), tmpdir()]))
    for (const name of readdirSync(place)) {
      const pid = Number(FOLDER.exec(name)?.[1]);
      if (pid && !isAlive(pid)) rmSync(join(place, name), { recursive: true, force: true });
    }
}

function placeForThrowAway(): string {
  try {
    accessSync(IN_MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    return bavail * bsize > ROOM_NEEDED ? IN_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}
