import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { keepLog } from './kept-logs';

/** The checkout; from here, or from where this file lies when it is built. */
export const ROOT = rootAbove(__dirname);

/** A change of the sources before they are built: the app without one of its guards. */
export interface Patch {
  /** from the checkout's root */
  file: string;
  /** must stand there exactly once: a guard that has moved is no guard that was taken out */
  find: string;
  replace: string;
}

export interface BuildOptions {
  patches?: Patch[];
  /** files or folders of tests that run as processes of their own, from the checkout's root; they end in the same `dist` */
  entries?: string[];
  /** files that are left out, and files that are added (path → text) */
  without?: string[];
  extra?: Record<string, string>;
}

/** The app as `npm run build` makes it, in a folder of its own: a build in the checkout may be running at this moment. */
export async function buildApp(options: BuildOptions = {}): Promise<{ folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'foyer-build-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const entries = options.entries ?? [];
  for (const name of ['package.json', 'src', 'migrations', 'views', ...entries]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  try {
    for (const path of options.without ?? []) rmSync(join(folder, path));
    for (const [path, text] of Object.entries(options.extra ?? {})) writeFileSync(join(folder, path), text);
    for (const patch of options.patches ?? []) apply(patch, join(folder, patch.file));
    await promisify(execFile)('npm', ['run', '--silent', 'build'], { cwd: folder });
    if (entries.length > 0) {
      const format = [
        '--outdir=dist',
        '--outbase=.',
        '--format=cjs',
        '--platform=node',
        '--log-level=warning',
      ];
      const files = entries.map((entry) => (entry.endsWith('.ts') ? entry : `${entry}/*.ts`));
      await promisify(execFile)(join(ROOT, 'node_modules/.bin/esbuild'), [...files, ...format], {
        cwd: folder,
      });
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, remove };
}

function apply({ find, replace, file }: Patch, path: string): void {
  const pieces = readFileSync(path, 'utf8').split(find);
  if (pieces.length !== 2)
    throw new Error(`This stands ${pieces.length - 1} times in ${file}, not once: ${find}`);
  writeFileSync(path, pieces.join(replace));
}

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}

export interface RunningApp {
  process: ChildProcess;
  url: string;
  /** All that it has printed. */
  output(): string;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

/** `node dist/src/server.js` with these settings and no others, on free ports unless some are given. */
export async function runApp(
  folder: string,
  settings: Record<string, string>,
  shell: string[] = [],
  entry = 'src/server.js',
): Promise<RunningApp> {
  const port = settings.PORT ?? String(await freePort());
  const [command, ...words] = [...shell, process.execPath, join(folder, 'dist', entry)];
  const child = spawn(command!, words, {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      PORT: port,
      STRIPE_SIMULATOR_PORT: String(await freePort()),
      LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  child.stderr.on('data', (chunk) => (printed += chunk));
  const ended = new Promise<number | NodeJS.Signals>((done) => {
    child.once('close', (code, signal) => {
      keepLog(printed);
      done(code ?? signal ?? -1);
    });
  });
  return { process: child, url: `http://127.0.0.1:${port}`, output: () => printed, ended };
}

/** Waits for a 200 at this path; fails with what the process has printed when it ends before. */
export async function untilAnswers(app: RunningApp, path: string): Promise<void> {
  const end = app.ended.then((how) => {
    throw new Error(`ended with ${how}:\n${app.output()}`);
  });
  while (!(await Promise.race([answers(app.url + path), end]))) await pause(25);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}
