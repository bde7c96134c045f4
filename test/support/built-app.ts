import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keepLog } from './kept-logs';

const ROOT = join(__dirname, '../..');

/** The app as `npm run build` makes it, in a folder of its own: a build in the checkout may be running at this moment. */
export async function buildApp(): Promise<{ folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'foyer-build-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  for (const name of ['package.json', 'src', 'migrations']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  for (const name of ['node_modules', 'views']) symlinkSync(join(ROOT, name), join(folder, name));
  try {
    await promisify(execFile)('npm', ['run', '--silent', 'build'], { cwd: folder });
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, remove };
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
): Promise<RunningApp> {
  const port = settings.PORT ?? String(await freePort());
  const [command, ...words] = [...shell, process.execPath, join(folder, 'dist/src/server.js')];
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
